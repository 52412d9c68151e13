//! All figures, or all studies, on one page: HTML that needs nothing else, or Markdown.

mod html;
mod markdown;

use std::fs;
use std::path::Path;

use onedge_registry::Entry;

use super::{Exhibit, FIGURES, Made, STUDIES};
use crate::Error;

pub use html::html;
pub use markdown::markdown;

/// A figure or a study as it was left in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What it says.
    pub made: Made,
    /// Its picture, as SVG.
    pub svg: String,
}

/// Reads the figures that were left in a folder, by their number; where there is none, the studies.
///
/// # Errors
/// [`Error::NoFigures`] if there is none; [`Error::Record`], [`Error::Figure`].
pub fn read(folder: &Path) -> Result<Vec<Page>, Error> {
    let there = |entry: &&&Entry<Exhibit>| folder.join(format!("{}.json", entry.name)).exists();
    let of = |all: &[&'static Entry<Exhibit>]| all.iter().filter(there).copied().collect::<Vec<_>>();
    let figures = of(FIGURES);
    let mut pages = Vec::new();
    for entry in if figures.is_empty() { of(STUDIES) } else { figures } {
        let path = folder.join(format!("{}.json", entry.name));
        let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
        let made = serde_json::from_str(&text).map_err(|source| Error::Figure { path, source })?;
        let path = folder.join(format!("{}.svg", entry.name));
        pages.push(Page { made, svg: fs::read_to_string(&path).map_err(Error::read(&path))? });
    }
    if pages.is_empty() { Err(Error::NoFigures(folder.to_owned())) } else { Ok(pages) }
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
    let count = |verdict: &str| pages.iter().filter(|page| page.made.verdict == verdict).count();
    let preset = pages.first().map_or("small", |page| page.made.preset.as_str());
    // Runs that figures share are counted with each of them.
    let (shown, partly, not) = (count("shown"), count("partly"), count("not shown"));
    let (what, each, one) = if are_figures(pages) {
        ("figures of the paper \"Stepping on the Edge\" (Roulet et al. 2024, arXiv 2407.06183)", "figures", "figure")
    } else {
        ("studies that the paper leaves open", "studies", "study")
    };
    format!(
        "{} {what}, at the preset `{preset}`. What each states was judged by numbers, with the thresholds that its statements name: of the {each} \
         {shown} are shown, {partly} in part, {not} not. A {one} is shown if all of its statements are, and not shown if none is, \
         even in part. Each statement is judged over all seeds and for each seed alone, at the settings that are best over all: what does not \
         hold in every seed is shown in part at most, as it may come out otherwise with another seed or on another processor, whose rounding differs. \
         In brackets stand the lowest and the highest number of a seed. Losses are means over seeds with their standard errors; of a grid of settings the one with the smallest \
         final loss is taken, the mean over the last five steps, or over the last tenth of a run in mini-batches.",
        pages.len()
    )
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
        [made, bare].map(|made| Page { made, svg: svg.to_owned() }).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::pages;
    use super::*;

    #[test]
    fn figures_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("expected a folder with figures, got none in it; try making them first"), "{message}");
        for Page { made, svg } in pages() {
            let place = |extension: &str| folder.path().join(format!("{}.{extension}", made.name));
            fs::write(place("json"), serde_json::to_vec(&made).unwrap()).unwrap();
            fs::write(place("svg"), svg).unwrap();
        }
        assert_eq!(read(folder.path()).unwrap(), pages());
        fs::write(folder.path().join("figure-9.json"), "{}").unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("figure-9.json: no figure: missing field"), "{message}");
    }
}
