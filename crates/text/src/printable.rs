use std::borrow::Cow;

/// The text with everything that a terminal would obey, rather than show, written out: control characters but for line
/// ends and tabs, and the marks that turn the direction of writing, as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_shown(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// The same in one line: line ends and tabs are written out, too.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        text if text.contains(['\n', '\t']) => Cow::Owned(text.replace('\n', "\\n").replace('\t', "\\t")),
        text => text,
    }
}

fn is_shown(c: char) -> bool {
    matches!(c, '\n' | '\t')
        || !(c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(printable("red \u{1b}[31m, bell \u{7}"), "red \\u{1b}[31m, bell \\u{7}");
        assert_eq!(printable("back\rward \u{202e}x, C1 \u{9b}2J"), "back\\u{d}ward \\u{202e}x, C1 \\u{9b}2J");
        assert!(matches!(printable("σ = 2\n\tit is"), Cow::Borrowed(_)));
        assert_eq!(printable_line("a\nb\t\u{8}"), "a\\nb\\t\\u{8}");
    }
}
