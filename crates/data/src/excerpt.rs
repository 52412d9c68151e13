//! Text that comes from a file or a server, made fit for an error message.

/// The most characters of a file that an error repeats; enough for the reason that a decoder gives.
const LONGEST: usize = 80;

/// `text` on one line: control and invisible characters escaped, cut with `…` after 80 characters.
pub fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for c in text.chars() {
        // A quote or backslash is plain text here, though it would not be inside a Rust literal.
        let escaped = if matches!(c, '"' | '\'' | '\\') { c.to_string() } else { c.escape_debug().to_string() };
        length += escaped.chars().count();
        if length > LONGEST {
            shown.push('…');
            break;
        }
        shown += &escaped;
    }
    shown
}

/// The first few of `names` in backticks, each an [`excerpt()`], and how many more there are.
pub fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let more = names.len().saturating_sub(MOST);
    let first: Vec<String> = names.take(MOST).map(|name| format!("`{}`", excerpt(name))).collect();
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_readable_text() {
        for text in ["", "virginica", "5' \"x\" \\ µ-Größe 東"] {
            assert_eq!(excerpt(text), text);
        }
    }

    #[test]
    fn escapes_what_moves_the_cursor_or_hides() {
        assert_eq!(excerpt("a\r\n\t\0\u{1b}[31m\u{202e}b"), "a\\r\\n\\t\\0\\u{1b}[31m\\u{202e}b");
    }

    #[test]
    fn is_bounded_in_shown_characters() {
        assert_eq!(excerpt(&"x".repeat(80)), "x".repeat(80));
        assert_eq!(excerpt(&"x".repeat(81)), format!("{}…", "x".repeat(80)));
        assert_eq!(excerpt(&"\u{1}".repeat(1000)), format!("{}…", "\\u{1}".repeat(16)));
    }

    #[test]
    fn lists_are_bounded_too() {
        assert_eq!(list(["a", "b\n"].into_iter()), "`a`, `b\\n`");
        assert!(list(vec!["a"; 1000].into_iter()).ends_with("`a` and 988 more"));
    }
}
