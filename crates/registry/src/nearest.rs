/// The known names closest to `name`, nearest first: all within a third of its length in edits, else all
/// that share a prefix of three letters, else up to eight known names in their own order.
pub fn nearest(name: &str, known: &[&str]) -> Vec<String> {
    let mut ranked: Vec<(usize, &str)> = known.iter().map(|&other| (edits(name, other), other)).collect();
    ranked.sort_by_key(|&(distance, _)| distance);
    let limit = (name.chars().count() / 3).max(2);
    let close: Vec<String> = ranked.iter().take_while(|(d, _)| *d <= limit).map(|(_, n)| (*n).to_owned()).collect();
    if !close.is_empty() {
        return close.into_iter().take(3).collect();
    }
    let prefix: String = name.chars().take(3).collect();
    let related: Vec<String> = known.iter().filter(|k| k.starts_with(&prefix)).map(|k| (*k).to_owned()).collect();
    if !related.is_empty() {
        return related.into_iter().take(3).collect();
    }
    known.iter().take(8).map(|k| (*k).to_owned()).collect()
}

/// Levenshtein distance, by characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_edit_distance() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(nearest("cdta", &["constant", "cdat", "polyak"]), ["cdat"]);
        assert_eq!(nearest("zzzzzz", &["a", "b"]), ["a", "b"]);
    }
}
