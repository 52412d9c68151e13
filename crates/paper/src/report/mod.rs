//! All figures, or all studies, on one page: HTML that needs nothing else, or Markdown.

mod html;
mod markdown;

use std::fs;
use std::path::{Path, PathBuf};

use onedge_registry::Entry;

use super::{Exhibit, FIGURES, Judged, Made, STUDIES};
use crate::Error;

pub use html::html;
pub use markdown::markdown;

/// A figure or a study as it was left in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What it says.
    pub made: Made,
    /// Its picture, as SVG; `None` if the folder of the report does not have it, and what it says is that of another one.
    pub svg: Option<String>,
    /// What it says in each of the other folders; `None` where it is not there.
    pub beside: Vec<Option<Made>>,
    /// What somebody wrote on it, as Markdown.
    pub note: Option<String>,
}

/// Reads the figures that were left in a folder, by their number; where there is none, the studies. What other folders say of the same
/// stands beside: of another size, or of other seeds. A figure that only others have is there, too, with what the first of them says and without a picture.
///
/// # Errors
/// [`Error::NoFigures`] if a folder has none; [`Error::Record`], [`Error::Figure`].
pub fn read(folder: &Path, others: &[PathBuf]) -> Result<Vec<Page>, Error> {
    let mut columns = others.iter().map(|other| read_made(other)).collect::<Result<Vec<_>, _>>()?;
    let mut own = read_made(folder)?;
    let kind = if own.iter().all(|made| made.number.is_some()) { FIGURES } else { STUDIES };
    let take = |column: &mut Vec<Made>, name: &str| {
        let place = column.iter().position(|other| other.name == name)?;
        Some(column.swap_remove(place))
    };
    let mut pages = Vec::new();
    for entry in kind {
        let made = take(&mut own, entry.name);
        let beside: Vec<Option<Made>> = columns.iter_mut().map(|column| take(column, entry.name)).collect();
        let svg = match &made {
            Some(_) => {
                let path = folder.join(format!("{}.svg", entry.name));
                Some(fs::read_to_string(&path).map_err(Error::read(&path))?)
            }
            None => None,
        };
        let Some(made) = made.or_else(|| beside.iter().flatten().next().cloned()) else { continue };
        pages.push(Page { made, svg, beside, note: None });
    }
    Ok(pages)
}

/// Gives pages the notes of a folder, in which the one on figure 5 is `figure-5.md`.
///
/// # Errors
/// [`Error::Record`]; [`Error::Notes`] for a folder without any, and for notes on what is not among the pages.
pub fn annotate(pages: &mut [Page], folder: &Path) -> Result<(), Error> {
    let mut found = 0;
    for file in fs::read_dir(folder).map_err(Error::read(folder))? {
        let path = file.map_err(Error::read(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".md")) else { continue };
        let Some(page) = pages.iter_mut().find(|page| page.made.name == name) else {
            return Err(Error::Notes(path.clone(), "expected a name of the report's, as `figure-5.md`".to_owned()));
        };
        page.note = Some(fs::read_to_string(&path).map_err(Error::read(&path))?);
        found += 1;
    }
    match found {
        0 => Err(Error::Notes(folder.to_owned(), "expected files as `figure-5.md`, got none".to_owned())),
        _ => Ok(()),
    }
}

fn read_made(folder: &Path) -> Result<Vec<Made>, Error> {
    let there = |entry: &&&Entry<Exhibit>| folder.join(format!("{}.json", entry.name)).exists();
    let of = |all: &[&'static Entry<Exhibit>]| all.iter().filter(there).copied().collect::<Vec<_>>();
    let figures = of(FIGURES);
    let mut found = Vec::new();
    for entry in if figures.is_empty() { of(STUDIES) } else { figures } {
        let path = folder.join(format!("{}.json", entry.name));
        let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
        found.push(serde_json::from_str(&text).map_err(|source| Error::Figure { path, source })?);
    }
    if found.is_empty() { Err(Error::NoFigures(folder.to_owned())) } else { Ok(found) }
}

/// Those that the folder of the report has itself.
fn own(pages: &[Page]) -> impl Iterator<Item = &Page> {
    pages.iter().filter(|page| page.svg.is_some())
}

/// The size and the seeds of each of the other folders, which stand over its column.
fn columns(pages: &[Page]) -> Vec<String> {
    let count = pages.iter().map(|page| page.beside.len()).max().unwrap_or(0);
    let first = |place: usize| pages.iter().find_map(|page| page.beside.get(place)?.as_ref());
    (0..count).map(|place| first(place).map_or_else(|| "-".to_owned(), column)).collect()
}

/// The size and the seeds: `medium`, `medium, seeds from 100`.
fn column(made: &Made) -> String {
    match made.first_seed {
        0 => made.preset.clone(),
        first => format!("{}, seeds from {first}", made.preset),
    }
}

/// What is said of the same statement elsewhere at the same size, where it is judged otherwise: `*partly* with seeds from 100`.
fn otherwise(page: &Page, claim: &Judged) -> Vec<String> {
    let again = page.beside.iter().flatten().filter(|other| other.preset == page.made.preset);
    let same = |other: &&Judged| other.of == claim.of && other.says == claim.says;
    again
        .filter_map(|other| Some((other.first_seed, other.claims.iter().find(same)?)))
        .filter(|(_, other)| other.verdict != claim.verdict)
        .map(|(first, other)| format!("*{}* with seeds from {first}: {}", other.verdict, other.measured))
        .collect()
}

/// With a capital at its beginning.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The heading of a report.
fn heading(pages: &[Page]) -> &'static str {
    if are_figures(pages) { "The paper's figures, and what they show here" } else { "Findings beyond the paper" }
}

/// Whether the pages are of figures; else they are of studies.
fn are_figures(pages: &[Page]) -> bool {
    pages.iter().all(|page| page.made.number.is_some())
}

/// What all of a report have in common, in sentences.
fn introduction(pages: &[Page]) -> String {
    let count = |verdict: &str| own(pages).filter(|page| page.made.verdict == verdict).count();
    let preset = own(pages).next().map_or("small", |page| page.made.preset.as_str());
    // Runs that figures share are counted with each of them.
    let (shown, partly, not) = (count("shown"), count("partly"), count("not shown"));
    let (what, each, one) = if are_figures(pages) {
        ("figures of the paper \"Stepping on the Edge\" (Roulet et al. 2024, arXiv 2407.06183)", "figures", "figure")
    } else {
        ("studies that the paper leaves open", "studies", "study")
    };
    let preset = if pages.iter().all(|page| page.beside.is_empty()) {
        preset.to_owned()
    } else {
        format!("{preset}`, with the verdicts of others beside: `{}", columns(pages).join("`, `"))
    };
    let mut text = format!(
        "{} {what}, at the preset `{preset}`. What each states was judged by numbers, with the thresholds that its statements name: of the {each} \
         {shown} are shown, {partly} in part, {not} not. A {one} is shown if all of its statements are, and not shown if none is, \
         even in part. Each statement is judged over all seeds and for each seed alone, at the settings that are best over all: what does not \
         hold in every seed is shown in part at most, as it may come out otherwise with another seed or on another processor, whose rounding differs. \
         In brackets stand the lowest and the highest number of a seed. Losses are means over seeds with their standard errors; of a grid of settings the one with the smallest \
         final loss is taken, the mean over the last five steps, or over the last tenth of a run in mini-batches.",
        own(pages).count()
    );
    let lacking = pages.len() - own(pages).count();
    if lacking > 0 {
        let (wait, their) = if lacking == 1 { ("waits for its", "its") } else { ("wait for their", "their") };
        text +=
            &format!(" {lacking} more {wait} runs at this size; {their} verdicts and numbers are those of another.");
    }
    let again = |page: &Page| {
        page.beside.iter().flatten().filter(|other| other.preset == page.made.preset && other.runs > 0).count()
    };
    let judged = own(pages)
        .filter(|page| again(page) > 0)
        .flat_map(|page| page.made.claims.iter().map(move |claim| (page, claim)));
    let (all, other) = judged
        .fold((0, 0), |(all, other), (page, claim)| (all + 1, other + usize::from(!otherwise(page, claim).is_empty())));
    if all > 0 {
        text += &format!(
            " Of the {all} statements that were judged a second time, from other seeds, {other} came out otherwise; each of them says so."
        );
    }
    text
}

#[cfg(test)]
mod samples {
    use super::super::{Described, Ended, Judged, Spread};
    use super::*;

    /// One figure with a claim of each kind, one without runs.
    pub fn pages() -> Vec<Page> {
        let claim = |of: &str, verdict: &str| Judged {
            of: of.to_owned(),
            says: "ends above 1.5 & more".to_owned(),
            verdict: verdict.to_owned(),
            measured: "-0.3 < 0.4".to_owned(),
            seeds: Some(Spread { holds: 2, of: 3, range: Some((-0.5, 2e-5)) }),
        };
        let made = Made {
            name: "figure-1".to_owned(),
            number: Some(1),
            title: "tuners <against> constants".to_owned(),
            about: "tuners end above".to_owned(),
            preset: "small".to_owned(),
            first_seed: 0,
            verdict: "partly".to_owned(),
            claims: vec![claim("first net", "shown"), claim("second net", "partly"), claim("third net", "not shown")],
            problems: vec![Described { problem: "first net".to_owned(), settings: "digits, mlp".to_owned() }],
            ends: vec![Ended {
                problem: "first net".to_owned(),
                rule: "constant".to_owned(),
                best: "rate=0.1".to_owned(),
                finished: (3, 4),
                loss: "0.1000 ± 0.01000".to_owned(),
                product: Some(2.0),
                cost: 120.0,
                seconds: 1.5,
            }],
            seeds: 3,
            runs: 12,
            seconds: 75.0,
            cost: 3600.0,
        };
        let bare = Made {
            name: "figure-9".to_owned(),
            number: Some(9),
            claims: vec![claim("sigma 2", "shown")],
            verdict: "shown".to_owned(),
            problems: Vec::new(),
            ends: Vec::new(),
            seeds: 0,
            runs: 0,
            ..made.clone()
        };
        let svg =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"30\" height=\"20\" font-family=\"x\"><rect/></svg>";
        [made, bare].map(|made| Page { made, svg: Some(svg.to_owned()), beside: Vec::new(), note: None }).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::pages;
    use super::*;

    #[test]
    fn figures_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let message = read(folder.path(), &[]).unwrap_err().to_string();
        assert!(message.contains("expected a folder with figures, got none in it; try making them first"), "{message}");
        for Page { made, svg, .. } in pages() {
            let place = |extension: &str| folder.path().join(format!("{}.{extension}", made.name));
            fs::write(place("json"), serde_json::to_vec(&made).unwrap()).unwrap();
            fs::write(place("svg"), svg.unwrap()).unwrap();
        }
        assert_eq!(read(folder.path(), &[]).unwrap(), pages());
        // Beside it those of another folder, which has one of them.
        let other = tempfile::tempdir().unwrap();
        let again = Made { first_seed: 100, verdict: "shown".to_owned(), ..pages()[1].made.clone() };
        fs::write(other.path().join("figure-9.json"), serde_json::to_vec(&again).unwrap()).unwrap();
        let beside = read(folder.path(), &[other.path().to_owned()]).unwrap();
        assert_eq!(
            beside.iter().map(|page| page.beside.clone()).collect::<Vec<_>>(),
            [vec![None], vec![Some(again.clone())]]
        );
        assert_eq!(columns(&beside), ["small, seeds from 100"]);
        // What only the other has is borrowed from there.
        fs::remove_file(folder.path().join("figure-1.json")).unwrap();
        fs::rename(other.path().join("figure-9.json"), other.path().join("figure-1.json")).unwrap();
        let borrowed = Made { name: "figure-1".to_owned(), number: Some(1), ..again.clone() };
        fs::write(other.path().join("figure-1.json"), serde_json::to_vec(&borrowed).unwrap()).unwrap();
        let partial = read(folder.path(), &[other.path().to_owned()]).unwrap();
        assert_eq!(
            partial.iter().map(|page| (page.made.number, page.svg.is_some())).collect::<Vec<_>>(),
            [(Some(1), false), (Some(9), true)]
        );
        assert!(introduction(&partial).contains("1 more waits for its runs"), "{}", introduction(&partial));
        fs::write(folder.path().join("figure-9.json"), "{}").unwrap();
        let message = read(folder.path(), &[]).unwrap_err().to_string();
        assert!(message.contains("figure-9.json: no figure: missing field"), "{message}");
    }

    #[test]
    fn notes_stand_by_what_they_are_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = pages();
        let none = annotate(&mut all, folder.path()).unwrap_err().to_string();
        assert!(none.contains("expected files as `figure-5.md`, got none"), "{none}");
        fs::write(folder.path().join("figure-9.md"), "It *differs*.").unwrap();
        annotate(&mut all, folder.path()).unwrap();
        assert_eq!(all.iter().map(|page| page.note.as_deref()).collect::<Vec<_>>(), [None, Some("It *differs*.")]);
        fs::write(folder.path().join("figure-7.md"), "not there").unwrap();
        let strange = annotate(&mut all, folder.path()).unwrap_err().to_string();
        assert!(strange.contains("figure-7.md: expected a name of the report's"), "{strange}");
    }

    #[test]
    fn other_seeds_may_judge_otherwise() {
        let mut all = pages();
        let mut again = all[0].made.clone();
        (again.first_seed, again.claims[1].verdict, again.claims[1].measured) =
            (100, "shown".to_owned(), "0.5".to_owned());
        let small = Made { preset: "tiny".to_owned(), ..again.clone() };
        all[0].beside = vec![Some(again), Some(small)];
        let said: Vec<Vec<String>> = all[0].made.claims.iter().map(|claim| otherwise(&all[0], claim)).collect();
        assert_eq!(said, [vec![], vec!["*shown* with seeds from 100: 0.5".to_owned()], vec![]]);
        let text = introduction(&all);
        assert!(
            text.contains("Of the 3 statements that were judged a second time, from other seeds, 1 came out otherwise"),
            "{text}"
        );
    }
}
