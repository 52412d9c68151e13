use std::collections::BTreeSet;

use onedge_registry::nearest;

use crate::Error;
use onedge_spec::{Catalogue, ROOT, SECTIONS};

/// What is known of a run beside its settings and what came out, with what it is.
pub const OF_A_RUN: [(&str, &str); 19] = [
    ("id", "eight hexadecimal digits that stay with the run"),
    ("folder", "relative to the root"),
    ("name", "from its spec"),
    ("status", "running, done, no-progress, diverged, given-up, failed, interrupted or killed"),
    ("stop", "why it ended"),
    ("findings", "what else is to be said of how it went"),
    ("started", "UTC"),
    ("ended", "UTC"),
    ("version", "of the code that ran it"),
    ("digest", "SHA-256 of the settings that bear on what it leaves, as in the folders of sweeps"),
    ("host", "the machine"),
    ("system", "its operating system"),
    ("processor", "its processor"),
    ("threads", "that it has"),
    ("tags", "as given"),
    ("note", "as somebody wrote it"),
    ("files", "in its folder"),
    ("bytes", "of all of them"),
    ("problem", "what of its folder cannot be read"),
];

/// What came out of a run, beside the means `train.accuracy`, ..., `test.accuracy`, ... and counts `events.negative_curvature`, ...
const OUTCOMES: [&str; 8] =
    ["steps", "final_loss", "best_loss", "first_loss", "cost", "seconds", "spectrum_seconds", "parameters"];

/// The one name of a key that may be written in several ways: the entry of a section is the section (`tuner`, not
/// `tuner.name`), a setting outside of any section has no section (`seed`, not `spec.seed`). But `steps` are those taken and
/// `spec.steps` those asked for. A run has a `tag` if it is among its `tags`.
pub fn canonical(key: &str) -> &str {
    let chooses = |name: &str| SECTIONS.iter().any(|section| section.key == name && section.choice.is_some());
    match (key.strip_suffix(".name"), key.strip_prefix("spec.")) {
        (Some(section), _) if chooses(section) => section,
        (_, Some(setting)) if setting != "steps" => setting,
        _ if key == "tag" => "tags",
        _ => key,
    }
}

/// Checks that a key is one that some run has (`there`), or could have.
pub(super) fn check(origin: &str, key: &str, there: &[String], catalogue: &Catalogue) -> Result<(), Error> {
    if there.iter().any(|name| name == key) {
        return Ok(());
    }
    let possible = possible(catalogue);
    if possible.contains(key) {
        return Ok(());
    }
    let known: BTreeSet<&str> = there.iter().map(String::as_str).chain(possible.iter().map(String::as_str)).collect();
    let nearest = nearest(key, &known.into_iter().collect::<Vec<_>>());
    Err(Error::UnknownKey { origin: origin.to_owned(), key: key.to_owned(), nearest })
}

/// Every key that a run of this version can have, but for what diagnostics of its end are called.
fn possible(catalogue: &Catalogue) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = OF_A_RUN.iter().map(|(key, _)| (*key).to_owned()).collect();
    keys.extend(OUTCOMES.map(str::to_owned));
    keys.extend(ROOT.iter().map(|setting| setting.key.to_owned()));
    keys.extend(
        [
            "best.step",
            "best.value",
            "best.metric",
            "spec.steps",
            "train.accuracy",
            "train.loss",
            "test.accuracy",
            "test.loss",
        ]
        .map(str::to_owned),
    );
    for section in SECTIONS {
        if section.choice.is_some() {
            keys.insert(section.key.to_owned());
        }
        let names = if section.choice.is_some() { catalogue.names(section.key) } else { vec![""] };
        for settings in names.into_iter().filter_map(|name| (section.settings)(catalogue, name).ok()) {
            keys.extend(settings.iter().map(|setting| format!("{}.{}", section.key, setting.key)));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_name() {
        for (written, name) in [
            ("tuner.name", "tuner"),
            ("spec.seed", "seed"),
            ("spec.steps", "spec.steps"),
            ("steps", "steps"),
            ("tag", "tags"),
            ("name", "name"),
            ("train.name", "train.name"),
        ] {
            assert_eq!(canonical(written), name);
        }
    }

    #[test]
    fn every_section_that_chooses_has_entries() {
        for section in SECTIONS.iter().filter(|section| section.choice.is_some()) {
            assert!(Catalogue::standard().names(section.key).len() > 1, "{}", section.key);
        }
        let possible = possible(&Catalogue::standard());
        for key in ["tuner.sigma", "model.hidden", "diagnostics.trace_every", "engine.threads", "batch", "loss.l2"] {
            assert!(possible.contains(key), "{key}");
        }
    }

    #[test]
    fn unknown_keys_are_told_the_nearest() {
        let message = check("where: column 5", "tuner.sigm", &[], &Catalogue::standard()).unwrap_err().to_string();
        assert_eq!(
            message,
            "where: column 5: unknown key `tuner.sigm`, expected something known of runs; try `tuner.sigma`"
        );
        check("sort", "test.f1", &["test.f1".to_owned()], &Catalogue::standard()).unwrap();
    }
}
