//! Text that fits a width.

/// The words of `text` in lines of so many characters at most, but one word at least.
pub fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}

/// The text with each line that is longer than `width` broken between words, what follows of it indented by two more. Lines
/// that fit stay as they are, with their columns.
pub fn fitted(text: &str, width: usize) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if line.chars().count() <= width {
            out += line;
        } else {
            let indent = line.chars().take_while(|c| *c == ' ').count();
            let hanging = " ".repeat(indent + 2);
            let mut lines = wrapped(line, width.saturating_sub(indent));
            out += &" ".repeat(indent);
            out += &lines.next().unwrap_or_default();
            let rest: Vec<String> = lines.collect();
            for line in wrapped(&rest.join(" "), width.saturating_sub(indent + 2)) {
                out.push('\n');
                out += &hanging;
                out += &line;
            }
        }
        out += end;
    }
    out
}

/// The parts side by side, two spaces apart, as many as `width` has room for: those of the smallest number first, in the
/// order in which they stand. The first of these is always there.
pub fn beside(parts: &[(u8, String)], width: usize) -> String {
    let mut order: Vec<usize> = (0..parts.len()).filter(|part| !parts[*part].1.is_empty()).collect();
    order.sort_by_key(|part| parts[*part].0);
    let (mut taken, mut used) = (Vec::new(), 0);
    for part in order {
        let more = parts[part].1.chars().count() + if taken.is_empty() { 0 } else { 2 };
        if !taken.is_empty() && used + more > width {
            // What matters less does not take the place of what matters more.
            break;
        }
        used += more;
        taken.push(part);
    }
    taken.sort_unstable();
    taken.iter().map(|part| parts[*part].1.as_str()).collect::<Vec<_>>().join("  ")
}

/// The text, or its beginning and end with dots between, in so many characters at most: names that begin alike are told
/// apart by their ends.
pub fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let dots = width.min(3);
    let head = (width - dots) / 2;
    let tail = width - dots - head;
    let (head, tail) = (text.chars().take(head), text.chars().skip(length - tail));
    head.chain(std::iter::repeat_n('.', dots)).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = "  a line that is too long for it\nshort\n";
        assert_eq!(fitted(text, 16), "  a line that is\n    too long for\n    it\nshort\n");
        assert_eq!(fitted(text, 80), text);
        assert_eq!(fitted("one-word-that-is-long and", 10), "one-word-that-is-long\n  and");
        assert!(fitted(text, 16).lines().all(|line| line.chars().count() <= 16));
        // No width is too small to say something.
        assert_eq!(fitted("ab cd", 0), "ab\n  cd");
    }

    #[test]
    fn what_matters_most_is_kept() {
        let parts = [(0, "loss 1.5"), (2, "rate 0.25"), (1, "3 s left"), (3, "")].map(|(n, text)| (n, text.to_owned()));
        assert_eq!(beside(&parts, 80), "loss 1.5  rate 0.25  3 s left");
        assert_eq!(beside(&parts, 20), "loss 1.5  3 s left");
        assert_eq!(beside(&parts, 4), "loss 1.5");
        assert_eq!(beside(&[], 4), "");
    }

    #[test]
    fn long_names_have_dots_in_the_middle() {
        assert_eq!([shortened("gradient", 8), shortened("gradient", 6)], ["gradient", "g...nt"]);
        assert_eq!(shortened("gradient", 2), "..");
    }
}
