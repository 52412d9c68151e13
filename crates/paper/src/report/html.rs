use super::{Page, capital, column, columns, heading, introduction, otherwise, own};
use crate::Made;
use onedge_text::numbers::typeset;
use onedge_text::table::{duration, number};

/// Light and dark by what the reader's system prefers; pictures stay on white, as their colours are chosen for it. Where a
/// window is narrow they scroll sideways: their letters of 12 pixels stay above 10.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1f2328; --dim: #59636e; --paper: #fff; --line: #d1d9e0; --soft: #f6f8fa;
  --shown: #0a6640; --partly: #8a4b00; --not: #a4171c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9da7b3; --paper: #0d1117; --line: #30363d; --soft: #161b22;
  --shown: #4cc38a; --partly: #f0b429; --not: #ff8a80; } }
body { font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; color: var(--ink);
  background: var(--paper); max-width: 68rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin: 3rem 0 .3rem; }
a { color: inherit; } p { max-width: 48rem; } .dim { color: var(--dim); }
table { border-collapse: collapse; font-size: .9rem; margin: .6rem 0 1rem; } .wide { overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.verdict { font-weight: 600; white-space: nowrap; }
.shown { color: var(--shown); } .partly { color: var(--partly); } .not { color: var(--not); }
figure { margin: 1rem 0; background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: .5rem; overflow-x: auto; }
figure svg { display: block; width: 100%; height: auto; min-width: calc(.85 * var(--width)); max-width: var(--width); margin: 0 auto; }
details { margin: .4rem 0; } summary { cursor: pointer; }
@media print { figure { border: 0; break-inside: avoid; overflow: visible; } figure svg { min-width: 0; } details { display: block; } }
";

/// One page with all figures, their claims and numbers; it loads nothing from elsewhere.
pub fn html(pages: &[Page]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{0}</h1>\n<p>{1}</p>\n",
        escaped(heading(pages)),
        code(&introduction(pages))
    );
    let here = own(pages).next().map_or_else(String::new, |page| column(&page.made));
    let verdicts = std::iter::once(here).chain(columns(pages)).map(|column| format!("<th>{}</th>", escaped(&column)));
    out += &format!(
        "<div class=\"wide\"><table>\n<tr><th></th><th></th>{}<th class=\"number\">statements shown, partly, not</th>\
         <th class=\"number\">seeds</th><th class=\"number\">runs</th><th class=\"number\">time</th></tr>\n",
        verdicts.collect::<String>()
    );
    for Page { made, svg, beside, .. } in pages {
        let is_own = svg.is_some();
        let [shown, partly, not] = made.counts();
        let statements = if is_own { format!("{shown}, {partly}, {not}") } else { "-".to_owned() };
        let has = |text: String| if is_own { text } else { String::new() };
        let elsewhere =
            |other: &Option<Made>| other.as_ref().map_or_else(|| "-".to_owned(), |other| verdict(&other.verdict));
        let verdict = if is_own { verdict(&made.verdict) } else { "-".to_owned() };
        let verdicts = std::iter::once(verdict).chain(beside.iter().map(elsewhere));
        out += &format!(
            "<tr><td><a href=\"#{0}\">{6}</a></td><td>{1}</td>{2}<td class=\"number\">{statements}</td>\
             <td class=\"number\">{3}</td><td class=\"number\">{4}</td><td class=\"number\">{5}</td></tr>\n",
            made.name,
            escaped(&made.title),
            verdicts.map(|verdict| format!("<td>{verdict}</td>")).collect::<String>(),
            has(count(made.seeds)),
            has(count(made.runs)),
            has(time(made)),
            made.number.map_or_else(|| made.name.clone(), |number| number.to_string())
        );
    }
    out += "</table></div>\n";
    pages.iter().for_each(|page| out += &section(page));
    out + "</body>\n</html>\n"
}

fn section(page: &Page) -> String {
    let Page { made, svg, .. } = page;
    let shown = match svg {
        Some(svg) => picture(svg, &format!("{}: {}", capital(&made.label()), made.title)),
        None => format!(
            "<p>The runs of this figure are not done at this size; its numbers are those of {}.</p>\n",
            escaped(&column(made))
        ),
    };
    let mut out = format!(
        "\n<section id=\"{}\">\n<h2>{}: {}</h2>\n<p>{} &ensp;<span class=\"dim\">{}</span> {}</p>\n{}",
        made.name,
        capital(&made.label()),
        escaped(&made.title),
        verdict(&made.verdict),
        if made.number.is_some() { "Must show:" } else { "Question:" },
        escaped(&made.asks()),
        shown
    );
    out += "<div class=\"wide\"><table>\n";
    for (says, claims) in made.by_statement() {
        out += &format!("<tr><th colspan=\"3\">{}</th></tr>\n", escaped(says));
        for claim in claims {
            let elsewhere = otherwise(page, claim).into_iter().map(|text| text.replace('*', ""));
            let seen = std::iter::once(claim.seen()).chain(elsewhere).collect::<Vec<_>>().join("; ");
            let (of, seen) = (escaped(&claim.of), escaped(&typeset(&seen)));
            out += &format!("<tr><td>{}</td><td>{of}</td><td>{seen}</td></tr>\n", verdict(&claim.verdict));
        }
    }
    out += "</table></div>\n";
    if !made.ends.is_empty() {
        out += &format!(
            "<details><summary>{} runs, {} seeds, {}; the best of each grid</summary>\n{}{}</details>\n",
            made.runs,
            made.seeds,
            time(made),
            problems(made),
            ends(made)
        );
    }
    out + "</section>\n"
}

fn problems(made: &Made) -> String {
    let item = |problem: &crate::Described| {
        format!("<li>{}: <span class=\"dim\">{}</span></li>\n", escaped(&problem.problem), escaped(&problem.settings))
    };
    format!("<ul>\n{}</ul>\n", made.problems.iter().map(item).collect::<String>())
}

fn ends(made: &Made) -> String {
    let mut out = "<div class=\"wide\"><table>\n<tr><th>problem</th><th>rule</th><th>best of its grid</th><th class=\"number\">finished</th>\
                   <th class=\"number\">final loss</th><th class=\"number\">rate &times; sharpness</th>\
                   <th class=\"number\">cost in forward passes</th><th class=\"number\">time</th></tr>\n"
        .to_owned();
    for end in &made.ends {
        let text = [&end.problem, &end.rule, &end.best].map(|text| format!("<td>{}</td>", escaped(text))).concat();
        let numbers = [
            format!("{} of {}", end.finished.0, end.finished.1),
            end.loss.clone(),
            number(end.product),
            format!("{:.0}", end.cost),
            unbroken(&duration(end.seconds)),
        ];
        let numbers = numbers.map(|text| format!("<td class=\"number\">{}</td>", escaped(&typeset(&text)))).concat();
        out += &format!("<tr>{text}{numbers}</tr>\n");
    }
    out + "</table></div>\n"
}

/// A picture in the page itself, as wide as there is room, within what can be read.
fn picture(svg: &str, name: &str) -> String {
    let svg = &svg[svg.find("<svg").unwrap_or(0)..];
    let (head, rest) = svg.split_once('>').unwrap_or((svg, ""));
    let size = |key: &str| {
        let value = head.split(&format!(" {key}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap_or("100").to_owned()
    };
    let (width, height) = (size("width"), size("height"));
    let bare = head.replace(&format!(" width=\"{width}\""), "").replace(&format!(" height=\"{height}\""), "");
    format!(
        "<figure tabindex=\"0\" style=\"--width: {width}px\">\n{bare} viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{rest}\n</figure>\n",
        escaped(name)
    )
}

/// With a sign, so that it is not told by its colour alone.
fn verdict(is: &str) -> String {
    let (class, sign) = match is {
        "shown" => ("shown", "&#10003;"),
        "partly" => ("partly", "&#9680;"),
        _ => ("not", "&#10007;"),
    };
    format!("<span class=\"verdict {class}\">{sign} {}</span>", escaped(is))
}

fn time(made: &Made) -> String {
    if made.runs == 0 { String::new() } else { unbroken(&duration(made.seconds)) }
}

fn count(number: usize) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

/// Text whose words stay on one line.
fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Text with what stands between backquotes as code.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(i, part)| if i % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) }).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::samples::pages;
    use super::*;

    #[test]
    fn the_page_holds_everything_and_loads_nothing() {
        let page = html(&pages());
        for expected in [
            "<h2>Figure 1: tuners &lt;against&gt; constants</h2>",
            "<th colspan=\"3\">ends above 1.5 &amp; more</th>",
            "<td>−0.3 &lt; 0.4; holds in 2 of 3 seeds (−0.5000 to 2.000×10⁻⁵)</td>",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"x\" viewBox=\"0 0 30 20\" role=\"img\"",
            "12 runs, 3 seeds, 1\u{a0}min\u{a0}15\u{a0}s",
            "at the preset <code>small</code>",
            "prefers-color-scheme: dark",
            "of the figures 1 are shown, 1 in part, 0 not",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
        for foreign in ["src=", "href=\"http", "url(", "@import", "<script"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
        assert_eq!(page.matches("<svg").count(), 2);
    }
}
