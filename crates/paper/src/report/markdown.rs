use super::{Page, are_figures, capital, heading, introduction};
use crate::Judged;
use onedge_text::numbers::typeset;
use onedge_text::table::duration;

/// The columns of text.
const WIDTH: usize = 150;

/// The same without pictures: a table of all figures, then the claims of each with their numbers.
pub fn markdown(pages: &[Page]) -> String {
    let mut out = format!("# {}\n\n{}\n", heading(pages), wrapped(&introduction(pages), "", ""));
    let columns = if are_figures(pages) { "figure | must show" } else { "study | question" };
    out += &format!("\n| {columns} |");
    out += " is | statements shown, partly, not | seeds | runs | time |\n|--:|---|---|--:|--:|--:|--:|\n";
    for made in pages.iter().map(|page| &page.made) {
        let [shown, partly, not] = made.counts();
        let (seeds, runs, time) = match made.runs {
            0 => (String::new(), String::new(), String::new()),
            runs => (made.seeds.to_string(), runs.to_string(), duration(made.seconds)),
        };
        out += &format!(
            "| {} | {} | {} | {shown}, {partly}, {not} | {seeds} | {runs} | {time} |\n",
            made.number.map_or_else(|| made.name.clone(), |number| number.to_string()),
            made.about,
            made.verdict
        );
    }
    out += &format!(
        "\n{}\n",
        wrapped("Times are those of one core, of all runs; those that are shared count with each.", "", "")
    );
    pages.iter().for_each(|page| out += &section(page));
    out
}

fn section(Page { made, .. }: &Page) -> String {
    let mut out = format!("\n## {}: {}\n\n", capital(&made.label()), made.title);
    let asks = if made.number.is_some() { "Must show: " } else { "" };
    out += &format!("{}\n\n", wrapped(&format!("{asks}{} **{}.**", made.asks(), capital(&made.verdict)), "", ""));
    for (says, claims) in made.by_statement() {
        out += &format!("{}\n", wrapped(&format!("{}:", capital(says)), "- ", "  "));
        for claim in claims {
            let Judged { of, verdict, .. } = claim;
            out += &format!("{}\n", wrapped(&format!("{of}: *{verdict}*, {}", typeset(&claim.seen())), "  - ", "    "));
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
        let text = markdown(&pages());
        for expected in [
            "| 1 | tuners end above | partly | 1, 1, 1 | 3 | 12 | 1 min 15 s |\n",
            "| 9 | tuners end above | shown | 1, 0, 0 |  |  |  |\n",
            "Must show: tuners end above. **Partly.**\n",
            "- Ends above 1.5 & more:\n  - first net: *shown*, −0.3 < 0.4; holds in 2 of 3 seeds (−0.5000 to 2.000×10⁻⁵)\n  - second net: *partly*, −0.3 < 0.4;",
            "Problems:\n\n- first net: digits, mlp\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(text.lines().filter(|line| !line.starts_with('|')).all(|line| line.chars().count() <= WIDTH));
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
