use super::{Page, are_figures, capital, column, columns, heading, introduction, otherwise, own};
use crate::Made;
use onedge_text::numbers::typeset;
use onedge_text::table::duration;

/// The columns of text.
const WIDTH: usize = 150;

/// A table of all figures, then the claims of each with their numbers and what was written on it. Pictures are named as files of the folder
/// `pictures`, as it is seen from the page; without one there are none.
pub fn markdown(pages: &[Page], pictures: Option<&str>) -> String {
    let mut out = format!("# {}\n\n{}\n\n", heading(pages), wrapped(&introduction(pages), "", ""));
    out += &screen(pages, pictures);
    let times = "Statements are counted as shown, partly, not. Times are those of one core, of all runs; those that are shared count with each.";
    out += &format!("\n{}\n", wrapped(times, "", ""));
    pages.iter().for_each(|page| out += &section(page, pictures));
    out
}

/// All of them on one screen.
fn screen(pages: &[Page], pictures: Option<&str>) -> String {
    let (what, asks) = if are_figures(pages) { ("figure", "must show") } else { ("study", "question") };
    let here = own(pages).next().map_or_else(String::new, |page| column(&page.made));
    let verdicts: Vec<String> = std::iter::once(here).chain(columns(pages)).collect();
    let picture = if pictures.is_some() { " | picture" } else { "" };
    let mut out =
        format!("| {what} | {asks} | {} | statements | seeds | runs | time{picture} |\n", verdicts.join(" | "));
    out += &format!(
        "|--:|---{}|--:|--:|--:|--:{}|\n",
        "|---".repeat(verdicts.len()),
        if pictures.is_some() { "|---" } else { "" }
    );
    for Page { made, svg, beside, .. } in pages {
        let counts = |made: &Made| made.counts().map(|count| count.to_string()).join(", ");
        let elsewhere = |other: &Option<Made>| {
            other.as_ref().map_or_else(|| "-".to_owned(), |other| format!("{} ({})", other.verdict, counts(other)))
        };
        let verdict = if svg.is_some() { made.verdict.clone() } else { "-".to_owned() };
        let verdicts: Vec<String> = std::iter::once(verdict).chain(beside.iter().map(elsewhere)).collect();
        let statements = if svg.is_some() { counts(made) } else { "-".to_owned() };
        let (seeds, runs, time) = match made.runs {
            _ if svg.is_none() => (String::new(), String::new(), String::new()),
            0 => (String::new(), String::new(), String::new()),
            runs => (made.seeds.to_string(), runs.to_string(), duration(made.seconds)),
        };
        let called = made.number.map_or_else(|| made.name.clone(), |number| number.to_string());
        let picture = pictures.map_or_else(String::new, |folder| match svg {
            Some(_) => format!(" | [SVG]({folder}/{}.svg)", made.name),
            None => " | -".to_owned(),
        });
        out += &format!(
            "| [{called}](#{}) | {} | {} | {statements} | {seeds} | {runs} | {time}{picture} |\n",
            made.label().replace(' ', "-"),
            made.about,
            verdicts.join(" | ")
        );
    }
    out
}

fn section(page: &Page, pictures: Option<&str>) -> String {
    let made = &page.made;
    // The heading alone is what the table leads to.
    let mut out = format!("\n## {}\n\n{}.\n\n", capital(&made.label()), capital(&made.title));
    let asks = if made.number.is_some() { "Must show: " } else { "" };
    out += &format!("{}\n\n", wrapped(&format!("{asks}{} **{}.**", made.asks(), capital(&made.verdict)), "", ""));
    if page.svg.is_none() {
        out += &format!(
            "The runs of this figure are not done at this size; its numbers are those of `{}`.\n\n",
            column(made)
        );
    } else if let Some(folder) = pictures {
        out += &format!("![{}: {}]({folder}/{}.svg)\n\n", capital(&made.label()), made.title, made.name);
    }
    if let Some(note) = &page.note {
        out += &format!("{}\n\n", note.trim());
    }
    for (says, claims) in made.by_statement() {
        out += &format!("{}\n", wrapped(&format!("{}:", capital(says)), "- ", "  "));
        for claim in claims {
            let seen = std::iter::once(claim.seen()).chain(otherwise(page, claim)).collect::<Vec<_>>().join("; ");
            let line = format!("{}: *{}*, {}", claim.of, claim.verdict, typeset(&seen));
            out += &format!("{}\n", wrapped(&line, "  - ", "    "));
        }
    }
    if !made.problems.is_empty() {
        out += "\nProblems:\n\n";
        for problem in &made.problems {
            out += &format!("{}\n", wrapped(&format!("{}: {}", problem.problem, problem.settings), "- ", "  "));
        }
    }
    out
}

/// Text in lines, the first begun by `first`, the others by `next`.
fn wrapped(text: &str, first: &str, next: &str) -> String {
    let (mut out, mut line) = (String::new(), first.to_owned());
    for word in text.split_whitespace() {
        let is_empty = line.trim_start_matches([' ', '-']).is_empty();
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out += &format!("{}\n", line.trim_end());
            line = next.to_owned();
        } else if !is_empty {
            line.push(' ');
        }
        line += word;
    }
    out + &line
}

#[cfg(test)]
mod tests {
    use super::super::samples::pages;
    use super::*;

    #[test]
    fn claims_stand_under_what_they_say() {
        let text = markdown(&pages(), None);
        for expected in [
            "| figure | must show | small | statements | seeds | runs | time |\n|--:|---|---|--:|--:|--:|--:|\n",
            "| [1](#figure-1) | tuners end above | partly | 1, 1, 1 | 3 | 12 | 1 min 15 s |\n",
            "| [9](#figure-9) | tuners end above | shown | 1, 0, 0 |  |  |  |\n",
            "## Figure 1\n\nTuners <against> constants.\n\nMust show: tuners end above. **Partly.**\n",
            "- Ends above 1.5 & more:\n  - first net: *shown*, −0.3 < 0.4; holds in 2 of 3 seeds (−0.5000 to 2.000×10⁻⁵)\n  - second net: *partly*, −0.3 < 0.4;",
            "Problems:\n\n- first net: digits, mlp\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(text.lines().filter(|line| !line.starts_with('|')).all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn pictures_notes_and_other_verdicts_stand_beside() {
        let mut all = pages();
        let mut again = all[0].made.clone();
        (again.first_seed, again.claims[0].verdict) = (100, "not shown".to_owned());
        (all[0].beside, all[1].beside, all[0].note) =
            (vec![Some(again)], vec![None], Some("Longer runs do it.\n".to_owned()));
        let text = markdown(&all, Some("images/small"));
        for expected in [
            "| figure | must show | small | small, seeds from 100 | statements | seeds | runs | time | picture |\n|--:|---|---|---|--:|--:|--:|--:|---|\n",
            "| [1](#figure-1) | tuners end above | partly | partly (0, 1, 2) | 1, 1, 1 | 3 | 12 | 1 min 15 s | [SVG](images/small/figure-1.svg) |\n",
            "| [9](#figure-9) | tuners end above | shown | - | 1, 0, 0 |  |  |  | [SVG](images/small/figure-9.svg) |\n",
            "**Partly.**\n\n![Figure 1: tuners <against> constants](images/small/figure-1.svg)\n\nLonger runs do it.\n\n- Ends above",
            "*not shown* with seeds from 100: −0.3 < 0.4\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn lines_break_between_words() {
        let text = wrapped(&"word ".repeat(60), "- ", "  ");
        assert!(
            text.lines().count() == 3
                && text.starts_with("- word word")
                && text.lines().nth(1).unwrap().starts_with("  word")
        );
        assert_eq!(wrapped(&"x".repeat(200), "- ", "  ").lines().count(), 1);
    }
}
