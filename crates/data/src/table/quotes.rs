use crate::excerpt::excerpt;
use crate::{Error, TableError};

/// Checks that every quoted cell of a table ends where a cell may end.
///
/// The `csv` crate takes a quote that is never closed as one cell up to the end of the file, so that rows would be lost
/// without a word. A quote opens a cell only as its first byte; inside, two quotes mean one.
///
/// # Errors
/// [`TableError::Quote`], with the line on which the quote opens.
pub fn check(origin: &str, text: &[u8], delimiter: u8) -> Result<(), Error> {
    let (mut at, mut starts_cell) = (if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }, true);
    while at < text.len() {
        if starts_cell && text[at] == b'"' {
            let close = end_of_cell(text, at + 1);
            let wrong = |got: String| {
                Err(Error::Table(TableError::Quote { origin: origin.to_owned(), line: line(text, at), got }))
            };
            let Some(close) = close else { return wrong("none up to the end of the file".to_owned()) };
            let ends = |byte: u8| byte == delimiter || matches!(byte, b'\r' | b'\n');
            let rest = &text[close + 1..];
            let cell_end = rest.iter().position(|&byte| ends(byte)).unwrap_or(rest.len());
            if !rest[..cell_end].trim_ascii().is_empty() {
                let shown = &rest[..cell_end.min(400)];
                let after = excerpt(String::from_utf8_lossy(shown).trim());
                return wrong(format!("one on line {} with `{after}` after it", line(text, close)));
            }
            (at, starts_cell) = (close + 1, false);
        } else {
            starts_cell = text[at] == delimiter || matches!(text[at], b'\r' | b'\n');
            at += 1;
        }
    }
    Ok(())
}

/// The line, from 1, of the byte `at`; lines end with a line feed, a carriage return or both.
fn line(text: &[u8], at: usize) -> u64 {
    1 + line_ends(text, 0..at.min(text.len()))
}

/// How many lines end within a range of bytes: with a line feed, a carriage return or both.
pub fn line_ends(text: &[u8], range: std::ops::Range<usize>) -> u64 {
    let ends = |i: &usize| text[*i] == b'\n' && (*i == 0 || text[*i - 1] != b'\r') || text[*i] == b'\r';
    range.filter(ends).count() as u64
}

/// Where the quote is that closes the cell whose text begins `at`.
fn end_of_cell(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += text[at..].iter().position(|&byte| byte == b'"')?;
        if text.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn got(text: &str) -> String {
        check("t.csv", text.as_bytes(), b',').unwrap_err().to_string()
    }

    #[test]
    fn names_the_line_where_the_quote_opens() {
        assert_eq!(
            got("a,y\n1,2\n3,\"4\n5,6\n"),
            "t.csv:3: a double quote opens a cell, expected one that closes it, got none up to the end of the file; \
             try closing it, or removing it"
        );
        assert_eq!(
            got("a,y\n1,\"x\n2,\"z\n3,w\n"),
            "t.csv:2: a double quote opens a cell, expected one that closes it, got one on line 3 with `z` after it; \
             try closing it, or removing it"
        );
        assert!(got("\u{feff}\"a").starts_with("t.csv:1: "));
        assert!(got("a\r\rb,\"").starts_with("t.csv:3: "));
        assert!(got("\"\"\"").starts_with("t.csv:1: "));
    }

    #[test]
    fn quotes_that_close_or_are_no_first_byte_are_fine() {
        for text in ["", "\"\"", "\"a\"\"b\",\"c\nd\" ,5\"\n", "x\"y,z \"\n", " \"a", "\"a\",\r\n\"b\"\r\n"] {
            check("t.csv", text.as_bytes(), b',').unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A line after an open quote belongs to its cell, else it is a record of its own: so the `csv` crate says
        /// whether a quote is open, and must agree.
        #[test]
        fn agrees_with_the_csv_crate(text in "[a,\" \n\r]{0,12}") {
            let mut how = ::csv::ReaderBuilder::new();
            how.has_headers(false).flexible(true);
            let marked = format!("{text}\nEND");
            let last = how.from_reader(marked.as_bytes()).byte_records().last().unwrap().unwrap();
            let closed = last.len() == 1 && &last[0] == b"END";
            match check("t.csv", text.as_bytes(), b',') {
                Ok(()) => prop_assert!(closed),
                Err(e) if e.to_string().contains("none up to") => prop_assert!(!closed),
                Err(_) => {}
            }
        }
    }
}
