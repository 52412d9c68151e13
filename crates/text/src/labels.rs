//! Names that tell runs apart.

/// The names, made different: those that occur more than once get the first of the hints that tells them all apart in
/// brackets behind them, or else a number. Each of the `hints` has one for every name.
pub fn tell_apart(names: &[String], hints: &[Vec<String>]) -> Vec<String> {
    let repeated = |index: usize| names.iter().filter(|name| **name == names[index]).count() > 1;
    let hinted = hints.iter().map(|hints| {
        let label = |index: usize| {
            if repeated(index) { format!("{} ({})", names[index], hints[index]) } else { names[index].clone() }
        };
        (0..names.len()).map(label).collect::<Vec<_>>()
    });
    hinted.into_iter().find(|labels| all_differ(labels)).unwrap_or_else(|| numbered(names))
}

fn all_differ(labels: &[String]) -> bool {
    labels.iter().enumerate().all(|(index, label)| !labels[..index].contains(label))
}

fn numbered(names: &[String]) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let mut label = name.clone();
        let mut number = 1;
        while labels.contains(&label) || (number > 1 && names[index..].contains(&label)) {
            number += 1;
            label = format!("{name} {number}");
        }
        labels.push(label);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_first_hint_that_helps_is_used() {
        let (files, paths) = (owned(&["run", "run", "run"]), owned(&["a/run", "b/run", "c/run"]));
        let names = owned(&["cdat", "gd", "cdat"]);
        assert_eq!(tell_apart(&names, &[files, paths]), ["cdat (a/run)", "gd", "cdat (c/run)"]);
        let files = owned(&["x", "y", "z"]);
        assert_eq!(tell_apart(&names, std::slice::from_ref(&files)), ["cdat (x)", "gd", "cdat (z)"]);
        let different = owned(&["cdat", "gd", "adam"]);
        assert_eq!(tell_apart(&different, &[files]), different);
    }

    #[test]
    fn numbers_tell_the_rest_apart() {
        let names = owned(&["a", "a", "a 2", "a"]);
        assert_eq!(tell_apart(&names, std::slice::from_ref(&names)), ["a", "a 3", "a 2", "a 4"]);
    }
}
