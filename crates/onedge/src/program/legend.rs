//! What runs are called in a picture: by what differs between them.

use std::collections::BTreeMap;

use onedge_spec::Spec;
use onedge_text::labels::tell_apart;

/// A run as far as its name in a picture goes.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// The name of its spec.
    pub name: String,
    /// Its settings, by their dotted keys; none, if they cannot be read.
    pub settings: BTreeMap<String, String>,
    /// What tells it apart where the settings do not, the best first.
    pub hints: [String; 2],
}

impl Named {
    /// The settings of a spec.
    pub fn settings_of(spec: &Spec) -> BTreeMap<String, String> {
        let text = |value: String| value.trim_matches('"').to_owned();
        spec.distinguishing().into_iter().map(|(key, value)| (key, text(value.to_string()))).collect()
    }
}

/// More settings than this are no name.
const MOST: usize = 3;

/// The names of runs: their own, if these differ. Of runs of one name the settings in which they differ, like `seed = 1`, behind the name
/// if others have another; what still is the same has a hint in brackets.
pub fn legend(runs: &[Named]) -> Vec<String> {
    let several = runs.iter().any(|run| run.name != runs[0].name);
    let label = |run: &Named| {
        let same: Vec<&Named> = runs.iter().filter(|other| other.name == run.name).collect();
        let settings = differing(&same).into_iter().take(MOST).map(|key| {
            let value = run.settings.get(&key).map_or("not set", String::as_str);
            format!("{} = {value}", short(&key, &same))
        });
        let settings: Vec<String> = settings.collect();
        match (settings.is_empty(), several) {
            (true, _) => run.name.clone(),
            (false, true) => format!("{}, {}", run.name, settings.join(", ")),
            (false, false) => settings.join(", "),
        }
    };
    let labels: Vec<String> = runs.iter().map(label).collect();
    let hints = [0, 1].map(|hint| runs.iter().map(|run| run.hints[hint].clone()).collect());
    tell_apart(&labels, &hints)
}

/// The keys in which runs differ. Of sections with different entries the entry, and settings that all of them have.
fn differing(runs: &[&Named]) -> Vec<String> {
    let mut keys: Vec<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    keys.sort();
    keys.dedup();
    let differs = |key: &str| runs.iter().any(|run| run.settings.get(key) != runs[0].settings.get(key));
    let is_shown = |key: &&&String| {
        let section = key.split_once('.').map_or("", |(section, _)| section);
        let in_all = runs.iter().all(|run| run.settings.contains_key(**key));
        differs(key) && (in_all || section.is_empty() || !differs(section))
    };
    keys.iter().filter(is_shown).map(|key| (*key).clone()).collect()
}

/// The last part of a key, if no other key that differs has it.
fn short<'a>(key: &'a str, runs: &[&Named]) -> &'a str {
    let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
    let own = last(key);
    let shared = differing(runs).iter().filter(|other| other.rsplit('.').next() == Some(own)).count();
    if shared > 1 { key } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, folder: &str, settings: &[(&str, &str)]) -> Named {
        let settings = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Named { name: name.to_owned(), settings, hints: [folder.to_owned(), format!("runs/{folder}")] }
    }

    #[test]
    fn runs_are_called_by_what_differs() {
        let cdat = |folder, seed, sigma| {
            named("cdat", folder, &[("seed", seed), ("tuner", "cdat"), ("tuner.sigma", sigma), ("model.width", "8")])
        };
        let runs = [cdat("cdat", "0", "2.0"), cdat("cdat-2", "1", "2.0")];
        assert_eq!(legend(&runs), ["seed = 0", "seed = 1"]);
        let runs = [cdat("a", "0", "2.0"), cdat("b", "0", "0.5"), named("constant", "c", &[("seed", "0")])];
        assert_eq!(legend(&runs), ["cdat, sigma = 2.0", "cdat, sigma = 0.5", "constant"]);
        let runs = [cdat("a", "0", "2.0"), named("greedy", "g", &[("seed", "1")])];
        assert_eq!(legend(&runs), ["cdat", "greedy"]);
        // The same settings: the folder.
        let runs = [cdat("a", "0", "2.0"), cdat("b", "0", "2.0")];
        assert_eq!(legend(&runs), ["cdat (a)", "cdat (b)"]);
    }

    #[test]
    fn settings_that_only_one_entry_has_are_left_out() {
        let runs = [
            named("x", "a", &[("tuner", "cdat"), ("tuner.sigma", "2.0"), ("batch", "32")]),
            named("x", "b", &[("tuner", "constant"), ("tuner.rate", "0.1")]),
        ];
        assert_eq!(legend(&runs), ["batch = 32, tuner = cdat", "batch = not set, tuner = constant"]);
        let runs = [
            named("x", "a", &[("data.seed", "1"), ("seed", "1")]),
            named("x", "b", &[("data.seed", "2"), ("seed", "3")]),
        ];
        assert_eq!(legend(&runs), ["data.seed = 1, seed = 1", "data.seed = 2, seed = 3"]);
        // Nothing is known of one of them.
        let runs = [named("x", "a", &[]), named("x", "b", &[])];
        assert_eq!(legend(&runs), ["x (a)", "x (b)"]);
    }
}
