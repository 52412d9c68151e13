//! A figure or a study from its stored runs: pictures, numbers, what it shows.

use std::path::Path;

use onedge_registry::{Entry, PRESET, Value};
use onedge_theory::presets::Verdict;
use serde::{Deserialize, Serialize};

use super::Exhibit;
use super::claim::{Claim, Spread, seed_by_seed};
use super::comparison::Comparison;
use super::judge::{end_of, overall};
use super::results::Results;
use super::runs::Source;
use super::scope::Scope;
use crate::Error;
use onedge_plot::{Abscissa, Theme};
use onedge_record::write_whole;
use onedge_spec::{SECTIONS, Spec};
use onedge_sweep::compare::Group;
use onedge_text::table::{Table, duration, number, table};

/// What each figure leaves, by the endings of its files: pictures, numbers, what it shows as text and as JSON.
pub const EXTENSIONS: [&str; 6] = ["svg", "png", "pdf", "csv", "txt", "json"];

/// What a figure or a study says: the contents of `figure-5.json`, beside its pictures and its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// `figure-5`, or the name of a study.
    pub name: String,
    /// Its number in the paper, if it is a figure of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// A heading.
    pub title: String,
    /// What it must show, or what is asked, in words.
    pub about: String,
    /// The preset, `small` or `paper`.
    pub preset: String,
    /// The first of its seeds.
    #[serde(default)]
    pub first_seed: u64,
    /// `shown`, `partly` or `not shown`.
    pub verdict: String,
    /// What was judged.
    pub claims: Vec<Judged>,
    /// What each problem is.
    pub problems: Vec<Described>,
    /// The best of each grid.
    pub ends: Vec<Ended>,
    /// How many seeds comparisons are over, at most.
    pub seeds: usize,
    /// How many runs there are.
    pub runs: usize,
    /// Seconds that they took, each counted on the threads that it had, diagnostics included.
    pub seconds: f64,
    /// Forward-equivalents that they cost, diagnostics left out.
    pub cost: f64,
}

/// A claim with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The problem, perhaps with a rule.
    pub of: String,
    /// What must be seen.
    pub says: String,
    /// `shown`, `partly` or `not shown`.
    pub verdict: String,
    /// What is seen.
    pub measured: String,
    /// What the seeds say one by one, if there are several.
    #[serde(default)]
    pub seeds: Option<Spread>,
}

impl Judged {
    /// What is seen, with what the seeds say: `1.609, in 3 of 3 seeds (1.55 to 1.71)`.
    pub fn seen(&self) -> String {
        let Some(Spread { holds, of, range }) = self.seeds else { return self.measured.clone() };
        let range =
            range.map_or(String::new(), |(low, high)| format!(" ({} to {})", number(Some(low)), number(Some(high))));
        format!("{}; holds in {holds} of {of} seeds{range}", self.measured)
    }
}

/// A problem in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// Its name in the figure.
    pub problem: String,
    /// Its settings, as far as they differ from the defaults.
    pub settings: String,
}

/// The end of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// What was trained.
    pub problem: String,
    /// The rule.
    pub rule: String,
    /// The best of its grid; empty if there was nothing to choose, or all failed.
    pub best: String,
    /// How many points of the grid came to their end, and how many there are.
    pub finished: (usize, usize),
    /// The final loss, with its standard error if there are several seeds.
    pub loss: String,
    /// Rate times sharpness where it was measured last, of the first seed.
    pub product: Option<f64>,
    /// Forward-equivalents of a run.
    pub cost: f64,
    /// Seconds of a run, diagnostics left out.
    pub seconds: f64,
}

/// Makes a figure from the runs of `source` and leaves it in `out`: `figure-5.svg`, `.png`, `.pdf`, `.csv` (the numbers drawn),
/// `.txt` (what is printed) and `.json` ([`Made`]).
///
/// # Errors
/// [`Error::FigureRuns`] if runs are missing; [`Error::Record`].
pub fn make(
    entry: &Entry<Exhibit>,
    scope: &Scope,
    comparison: &Comparison,
    source: &Source,
    out: &Path,
    (x, theme): (Abscissa, &Theme),
) -> Result<Made, Error> {
    let figure = &entry.build;
    let results = Results::load(comparison, source)?;
    let made = summarise(entry, scope, comparison, &results);
    let picture = (figure.draw)(&results, x)?;
    let place = |extension: &str| out.join(format!("{}.{extension}", entry.name));
    std::fs::create_dir_all(out).map_err(Error::write(out))?;
    let [svg, png, pdf, csv, txt, json] = EXTENSIONS;
    for extension in [svg, png, pdf] {
        picture.drawing.save_as(&place(extension), theme)?;
    }
    write_whole(&place(csv), picture.csv.as_bytes())?;
    write_whole(&place(txt), made.text().as_bytes())?;
    let path = place(json);
    let mut text = serde_json::to_vec_pretty(&made).map_err(|error| Error::write(&path)(error.into()))?;
    text.push(b'\n');
    write_whole(&path, &text)?;
    Ok(made)
}

fn summarise(entry: &Entry<Exhibit>, scope: &Scope, comparison: &Comparison, results: &Results) -> Made {
    let claims = seed_by_seed(entry.build.judge, results, comparison.grids);
    let judged = |claim: &Claim| Judged {
        of: claim.curve.clone(),
        says: claim.says.to_owned(),
        verdict: claim.verdict.to_string(),
        measured: claim.measured.clone(),
        seeds: claim.seeds,
    };
    Made {
        name: entry.name.to_owned(),
        number: entry.build.number(),
        title: entry.summary.to_owned(),
        about: entry.build.about().to_owned(),
        preset: scope.preset.to_string(),
        first_seed: scope.first_seed,
        verdict: overall(&claims).to_string(),
        claims: claims.iter().map(judged).collect(),
        problems: described(comparison),
        ends: results.series.iter().map(|series| ended(&series.problem, &series.group)).collect(),
        seeds: comparison.seeds(),
        runs: results.runs().count(),
        seconds: results.seconds(),
        cost: results.cost(),
    }
}

fn ended(problem: &str, group: &Group) -> Ended {
    let best = group.best().map(|index| &group.points[index]);
    let finished = group.points.iter().filter(|point| point.final_loss().is_some()).count();
    let run = best.and_then(|point| point.runs.first());
    Ended {
        problem: problem.to_owned(),
        rule: group.name.clone(),
        best: best.filter(|_| group.points.len() > 1).map_or(String::new(), |point| point.label.clone()),
        finished: (finished, group.points.len()),
        loss: end_of(group),
        product: run.and_then(|run| run.records.iter().rev().find_map(|record| record.edge())),
        cost: run.map_or(0.0, |run| run.summary.cost),
        seconds: run.map_or(0.0, |run| run.summary.seconds),
    }
}

fn described(comparison: &Comparison) -> Vec<Described> {
    let mut found: Vec<Described> = Vec::new();
    for series in &comparison.series {
        let run = series.candidates.first().and_then(|candidate| candidate.runs.first());
        if let Some(run) = run.filter(|_| found.iter().all(|known| known.problem != series.problem)) {
            found.push(Described { problem: series.problem.clone(), settings: describe(&run.spec) });
        }
    }
    found
}

/// A problem as its spec has it, as far as it differs from the defaults.
fn describe(spec: &Spec) -> String {
    let mut parts = Vec::new();
    for (key, part) in
        [("data", &spec.data), ("model", &spec.model), ("loss", &spec.loss), ("optimizer", &spec.optimizer)]
    {
        let section = SECTIONS.iter().find(|section| section.key == key);
        let known =
            section.and_then(|section| (section.settings)(&spec.catalogue, &part.name).ok()).unwrap_or_default();
        let is_default = |key: &str, value: &Value| {
            let setting = known.iter().find(|setting| setting.key == key);
            setting.is_some_and(|setting| {
                let default = setting.default.under(part.settings.optional_text(PRESET).unwrap_or_default());
                default.is_some_and(|text| Value::parse(text).into_kind(setting.kind).as_ref() == Some(value))
            })
        };
        // Where the data lies is nobody else's business.
        let shown = part.settings.iter().filter(|(key, value)| *key != "path" && !is_default(key, value));
        let shown: Vec<String> =
            shown.map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"'))).collect();
        let settings = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
        parts.push(format!("{}{settings}", part.name));
    }
    let batch = spec.batch.map_or("full batch".to_owned(), |batch| format!("batch {batch}"));
    format!("{}, {batch}, {} steps", parts.join(", "), spec.steps)
}

impl Made {
    /// The claims, those that say the same together.
    pub fn by_statement(&self) -> Vec<(&str, Vec<&Judged>)> {
        let mut found: Vec<(&str, Vec<&Judged>)> = Vec::new();
        for claim in &self.claims {
            match found.iter_mut().find(|(says, _)| *says == claim.says) {
                Some((_, claims)) => claims.push(claim),
                None => found.push((&claim.says, vec![claim])),
            }
        }
        found
    }

    /// How many claims are shown, partly, and not.
    pub fn counts(&self) -> [usize; 3] {
        let count = |verdict: Verdict| self.claims.iter().filter(|claim| claim.verdict == verdict.to_string()).count();
        [Verdict::Shown, Verdict::Partly, Verdict::NotShown].map(count)
    }

    /// What it is called: `figure 5`, `study optimizers`.
    pub fn label(&self) -> String {
        self.number.map_or_else(|| format!("study {}", self.name), |number| format!("figure {number}"))
    }

    /// What it must show, or what is asked, as a sentence.
    pub fn asks(&self) -> String {
        if self.about.ends_with('?') { self.about.clone() } else { format!("{}.", self.about) }
    }

    /// As it is printed: claims, then the best of each grid.
    pub fn text(&self) -> String {
        self.text_within(usize::MAX)
    }

    /// The same with a table in lines of so many characters, as far as it can be had.
    pub fn text_within(&self, width: usize) -> String {
        let label = self.label();
        let asks = if self.number.is_some() { "must show" } else { "question" };
        let mut text = format!("{label}: {}\n{asks}: {}\n", self.title, self.about);
        for Described { problem, settings } in &self.problems {
            text += &format!("{problem}: {settings}\n");
        }
        for (says, claims) in self.by_statement() {
            let row = |claim: &&Judged| vec![format!("  {}", claim.verdict), claim.of.clone(), claim.seen()];
            let rows: Vec<Vec<String>> = claims.iter().map(row).collect();
            let aligned = table(&["", "", ""], &rows);
            let lines = aligned.split_once('\n').map_or("", |(_, rows)| rows);
            text += &format!("\n{says}\n{lines}");
        }
        if !self.ends.is_empty() {
            let rows: Vec<Vec<String>> = self.ends.iter().map(Ended::row).collect();
            let headings =
                ["problem", "rule", "best of its grid", "finished", "final loss", "rate x sharpness", "cost", "time"];
            let table = Table::new(&headings, &rows).ranked(&[0, 0, 0, 3, 0, 2, 5, 4]);
            text += &format!("\n{}", table.fitted(width));
        }
        let [shown, partly, not] = self.counts();
        text += &format!(
            "\n{label}: {}; of {} claims {shown} are shown, {partly} partly, {not} not",
            self.verdict,
            self.claims.len()
        );
        text + &match self.runs {
            0 => "\n".to_owned(),
            runs => format!("; {runs} runs, {}\n", duration(self.seconds)),
        }
    }
}

impl Ended {
    fn row(&self) -> Vec<String> {
        vec![
            self.problem.clone(),
            self.rule.clone(),
            self.best.clone(),
            format!("{} of {}", self.finished.0, self.finished.1),
            self.loss.clone(),
            number(self.product),
            format!("{:.0}", self.cost),
            duration(self.seconds),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_spec::Document;

    #[test]
    fn a_problem_is_told_by_what_is_not_default() {
        let mut document = Document::empty("test");
        for setting in
            ["data=digits", "data.first=64", "data.label_noise=0.5", "model.hidden=[8]", "loss.l2=1e-5", "batch=16"]
        {
            document.set(setting).unwrap();
        }
        assert_eq!(
            describe(&Spec::resolve(&document).unwrap()),
            "digits (first 64, label_noise 0.5), mlp (hidden [8]), cross-entropy (l2 1e-5), gd, batch 16, 200 steps"
        );
    }
}
