/// The known names closest to `name`: those that are [`near`]; else all in the order of nearness where they are few, and the
/// three nearest of many.
pub fn nearest(name: &str, known: &[&str]) -> Vec<String> {
    let found = near(name, known);
    if !found.is_empty() {
        return found;
    }
    let mut all = ranked(name, known);
    // Where nothing is near, short names are no nearer for being short.
    all.sort_by_key(|(distance, _, folded)| (*distance, std::cmp::Reverse(folded.chars().count())));
    let most = if all.len() <= FEW { FEW } else { SHOWN };
    all.into_iter().take(most).map(|(_, name, _)| name.to_owned()).collect()
}

/// The known names that `name` may well stand for, up to three, nearest first: those that differ in case and dashes alone,
/// else those within a third of its length in edits, else those that contain it or begin with the same three letters. None
/// if there is no such. Case, dashes and underscores count for nothing.
pub fn near(name: &str, known: &[&str]) -> Vec<String> {
    let (wanted, ranked) = (plain(name), ranked(name, known));
    let first = |found: Vec<&Ranked<'_>>| -> Option<Vec<String>> {
        let names: Vec<String> = found.into_iter().take(SHOWN).map(|(_, name, _)| (*name).to_owned()).collect();
        (!names.is_empty()).then_some(names)
    };
    let same = |(distance, ..): &&Ranked<'_>| *distance == 0;
    let limit = (wanted.chars().count() / 3).max(2);
    // Two edits make anything of a name of two letters.
    let close = |(distance, _, folded): &&Ranked<'_>| {
        *distance <= limit && *distance < folded.chars().count().max(wanted.chars().count())
    };
    let prefix: String = wanted.chars().take(3).collect();
    let long = |text: &str| text.chars().count() >= 3;
    let related = |(_, _, folded): &&Ranked<'_>| {
        long(&prefix)
            && (folded.starts_with(&prefix)
                || folded.contains(&wanted)
                || (long(folded) && wanted.contains(folded.as_str())))
    };
    first(ranked.iter().filter(same).collect())
        .or_else(|| first(ranked.iter().filter(close).collect()))
        .or_else(|| first(ranked.iter().filter(related).collect()))
        .unwrap_or_default()
}

/// A name with how many edits it is away, and as it is compared.
type Ranked<'a> = (usize, &'a str, String);

fn ranked<'a>(name: &str, known: &[&'a str]) -> Vec<Ranked<'a>> {
    let wanted = plain(name);
    let edited = |&other: &&'a str| {
        let folded = plain(other);
        (edits(&wanted, &folded), other, folded)
    };
    let mut ranked: Vec<Ranked<'a>> = known.iter().map(edited).collect();
    ranked.sort_by_key(|(distance, ..)| *distance);
    ranked
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
        assert!(near("xyzxyzxyz", &known).is_empty() && near("hxrxzxx", &known).is_empty());
    }
}
