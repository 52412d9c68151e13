/// The known names closest to `name`, nearest first: those that differ in case and dashes alone, else up to three within a
/// third of its length in edits, else up to three that contain it, or begin with the same three letters; else all in the
/// order of nearness where they are few, and the three nearest of many. Case, dashes and underscores count for nothing.
pub fn nearest(name: &str, known: &[&str]) -> Vec<String> {
    let wanted = plain(name);
    let mut ranked: Vec<(usize, &str, String)> = known
        .iter()
        .map(|&other| {
            let folded = plain(other);
            (edits(&wanted, &folded), other, folded)
        })
        .collect();
    ranked.sort_by_key(|(distance, ..)| *distance);
    let named = |found: &[&(usize, &str, String)], most: usize| -> Vec<String> {
        found.iter().take(most).map(|(_, name, _)| (*name).to_owned()).collect()
    };
    let same: Vec<_> = ranked.iter().filter(|(distance, ..)| *distance == 0).collect();
    if !same.is_empty() {
        return named(&same, SHOWN);
    }
    let limit = (wanted.chars().count() / 3).max(2);
    // Two edits make anything of a name of two letters.
    let close = |(distance, _, folded): &&(usize, &str, String)| {
        *distance <= limit && *distance < folded.chars().count().max(wanted.chars().count())
    };
    let close: Vec<_> = ranked.iter().filter(close).collect();
    if !close.is_empty() {
        return named(&close, SHOWN);
    }
    let prefix: String = wanted.chars().take(3).collect();
    let long = |text: &str| text.chars().count() >= 3;
    let related = |(_, _, folded): &&(usize, &str, String)| {
        long(&prefix)
            && (folded.starts_with(&prefix)
                || folded.contains(&wanted)
                || (long(folded) && wanted.contains(folded.as_str())))
    };
    let related: Vec<_> = ranked.iter().filter(related).collect();
    if !related.is_empty() {
        return named(&related, SHOWN);
    }
    let mut all: Vec<_> = ranked.iter().collect();
    // Where nothing is near, short names are no nearer for being short.
    all.sort_by_key(|(distance, _, folded)| (*distance, std::cmp::Reverse(folded.chars().count())));
    named(&all, if all.len() <= FEW { FEW } else { SHOWN })
}

/// How many names are offered of many.
const SHOWN: usize = 3;
/// So many are all offered, where none is near.
const FEW: usize = 8;

fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
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

    #[test]
    fn case_and_dashes_count_for_nothing() {
        let known = ["adagrad", "adam", "adamw", "schedule-free-sgd"];
        assert_eq!(nearest("AdamW", &known), ["adamw"]);
        assert_eq!(nearest("SCHEDULE_FREE_SGD", &known), ["schedule-free-sgd"]);
        assert_eq!(nearest("ADAMX", &known), ["adam", "adamw"]);
    }

    #[test]
    fn the_nearest_of_many_are_offered_and_not_the_first() {
        let known = ["a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "learning-rate", "horizon"];
        assert_eq!(nearest("rate", &known), ["learning-rate"], "what contains it");
        assert_eq!(nearest("horizontal-axis", &known), ["horizon"], "what begins like it");
        assert_eq!(nearest("xyzxyzxyz", &known).len(), 3);
        assert_eq!(nearest("hxrxzxx", &known)[0], "horizon");
    }
}
