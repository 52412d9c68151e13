use std::fmt::Write;

use onedge_registry::{Settings, Value};

use crate::machine::Machine;
use crate::resolved::CONTENT;
use crate::sections::{self, PROVENANCE};
use crate::{Precision, Spec};

/// Keys outside of any section that change no bit of a step: when a run ends, and what is kept of it.
const WITHOUT_CONSEQUENCE: [&str; 7] =
    ["name", "steps", "target_loss", "checkpoint_every", "checkpoint_minutes", "checkpoint_keep", "record_every"];

/// Settings of the engine that change no bit.
const WITHOUT_BITS: [&str; 2] = ["threads", "memory_mib"];

/// A setting in which two specs differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `tuner.sigma`
    pub key: String,
    /// In the one; `not set`, if it is not.
    pub one: String,
    /// In the other.
    pub other: String,
}

impl Spec {
    /// The whole spec as TOML, with where it was made. Reading it again gives the same spec.
    pub fn to_toml(&self) -> String {
        self.to_toml_from(&[])
    }

    /// The same, with more to tell of where the run came from than the machine.
    pub fn to_toml_from(&self, sources: &[(String, Value)]) -> String {
        let mut out = self.settings_to_toml();
        let _ = writeln!(out, "\n# Where this was run; it changes nothing when read again.\n[{PROVENANCE}]");
        let machine = Machine::this().provenance();
        machine.iter().for_each(|(key, value)| push(&mut out, key, value));
        sources.iter().for_each(|(key, value)| push(&mut out, key, value));
        out
    }

    /// The same without where it was made.
    pub fn settings_to_toml(&self) -> String {
        let mut out = String::new();
        for (section, settings) in self.sections() {
            if !section.is_empty() {
                let _ = writeln!(out, "\n[{section}]");
            }
            for (key, value) in &settings {
                if let Some((steps, _)) = self.warmup_steps().filter(|_| (section, *key) == ("tuner", "warmup")) {
                    let _ = writeln!(out, "# The warm-up takes {steps} {}.", if steps == 1 { "step" } else { "steps" });
                }
                push(&mut out, key, value);
            }
        }
        out
    }

    /// What [`digest`](Spec::digest) is of.
    pub(crate) fn identity(&self) -> String {
        let bears = |section: &str, key: &str| match section {
            "" => key != "name" && !key.starts_with("checkpoint_"),
            "engine" => !WITHOUT_BITS.contains(&key),
            _ => true,
        };
        let mut out = String::new();
        // Without evaluations along the way a run leaves what it left before there were any.
        let none = self.evaluation.count("every") == Ok(0);
        for (section, settings) in self.sections() {
            if none && section == "evaluation" {
                continue;
            }
            let _ = writeln!(out, "[{section}]");
            let content = self.content.as_ref().filter(|_| section == "data" && self.reads_files());
            // Where the examples lie is of no consequence once it is known what they are.
            let place = |key: &str| content.is_some() && self.files.iter().any(|file| file.key == key);
            let bearing = settings.iter().filter(|(key, _)| bears(section, key) && !place(key));
            bearing.for_each(|(key, value)| push(&mut out, key, value));
            content.into_iter().for_each(|content| push(&mut out, CONTENT, &Value::Text(content.clone())));
        }
        out
    }

    /// The first setting in which `other` differs so that the steps of a run might, data apart: what files hold must be
    /// compared itself. Threads and memory change no bit.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let (one, other) = (self.consequential(), other.consequential());
        let value =
            |of: &[(String, Value)], key: &str| of.iter().find(|(k, _)| k == key).map(|(_, value)| value.to_string());
        let keys = one.iter().chain(&other).map(|(key, _)| key);
        let differing = keys.into_iter().find(|key| value(&one, key) != value(&other, key))?;
        let or_not = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
        let (one, other) = (or_not(value(&one, differing)), or_not(value(&other, differing)));
        Some(Difference { key: differing.clone(), one, other })
    }

    /// Every setting that has a consequence for the bits of a step, data apart, by its dotted key.
    fn consequential(&self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for (section, settings) in self.sections() {
            let counts = |key: &str| match section {
                "" => !WITHOUT_CONSEQUENCE.contains(&key),
                "engine" => !WITHOUT_BITS.contains(&key),
                // Another metric has another best point.
                "evaluation" => key == "metric",
                section => section != "data",
            };
            let dotted = |key: &str| if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            let counting = settings.into_iter().filter(|(key, _)| counts(key));
            all.extend(counting.map(|(key, value)| (dotted(key), value)));
        }
        all
    }

    /// Every setting that makes it another run, by its dotted key: all but its name, what is kept of it, and what of the engine changes
    /// no bit. The name of a section's entry has the key of the section: `tuner`.
    pub fn distinguishing(&self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for (section, settings) in self.sections() {
            for (key, value) in settings {
                match (section, key) {
                    ("", "name") => {}
                    ("", key) if key.starts_with("checkpoint_") => {}
                    ("", key) => all.push((key.to_owned(), value)),
                    ("engine", key) if WITHOUT_BITS.contains(&key) => {}
                    (section, "name") => all.push((section.to_owned(), value)),
                    (section, key) => all.push((format!("{section}.{key}"), value)),
                }
            }
        }
        all
    }

    /// Every setting by its dotted key, `tuner.name` among them.
    pub fn settings(&self) -> Vec<(String, Value)> {
        let dotted =
            |section: &str, key: &str| if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let all = self.sections().into_iter();
        all.flat_map(|(section, settings)| settings.into_iter().map(move |(key, value)| (dotted(section, key), value)))
            .collect()
    }

    /// Everything it says: the keys outside of any section under an empty name, then the sections.
    fn sections(&self) -> Vec<(&'static str, Vec<(&str, Value)>)> {
        let mut all = vec![("", self.root())];
        for section in sections::ALL {
            let (name, settings) = self.section(section.key);
            let name = name.map(|name| ("name", Value::Text(name.to_owned())));
            all.push((section.key, name.into_iter().chain(settings.iter().map(|(key, v)| (key, v.clone()))).collect()));
        }
        all
    }

    pub(crate) fn root(&self) -> Vec<(&'static str, Value)> {
        let mut root = vec![
            ("name", Value::Text(self.name.clone())),
            ("seed", Value::Integer(self.seed as i64)),
            ("steps", Value::Integer(self.steps as i64)),
            ("precision", Value::Text(self.precision.name().to_owned())),
            ("diverge_factor", Value::Number(self.diverge_factor)),
            ("drop_last", Value::Flag(self.drop_last)),
            ("crop", Value::Integer(self.crop as i64)),
            ("flip", Value::Flag(self.flip)),
            ("checkpoint_every", Value::Integer(self.checkpoints.every as i64)),
            ("checkpoint_minutes", Value::Number(self.checkpoints.minutes)),
            ("checkpoint_keep", Value::Integer(self.checkpoints.keep as i64)),
        ];
        root.extend(self.batch.map(|batch| ("batch", Value::Integer(batch as i64))));
        root.extend(self.target_loss.map(|loss| ("target_loss", Value::Number(loss))));
        // Where all are kept nothing is said: such runs have the digests that they had before there was a choice.
        root.extend((self.record_every > 1).then_some(("record_every", Value::Integer(self.record_every as i64))));
        root
    }

    pub(crate) fn section(&self, key: &str) -> (Option<&str>, &Settings) {
        match key {
            "data" => (Some(&self.data.name), &self.data.settings),
            "model" => (Some(&self.model.name), &self.model.settings),
            "loss" => (Some(&self.loss.name), &self.loss.settings),
            "optimizer" => (Some(&self.optimizer.name), &self.optimizer.settings),
            "tuner" => (Some(&self.tuner.name), &self.tuner.settings),
            "diagnostics" => (None, &self.diagnostics),
            "evaluation" => (None, &self.evaluation),
            "engine" => (None, &self.engine),
            other => unreachable!("{other} is no section"),
        }
    }
}

impl Precision {
    /// `f32` or `f64`
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

fn push(out: &mut String, key: &str, value: &Value) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{key} = {}", to_toml(value));
}

/// A value of a spec as one of TOML.
pub fn to_toml(value: &Value) -> toml::Value {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Integer(integer) => (*integer).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => toml::Value::Array(items.iter().map(to_toml).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;
    use crate::Error;

    fn resolve(text: &str) -> Result<Spec, Error> {
        Spec::resolve(&Document::parse("a.toml", text).unwrap())
    }

    const CONSTANT: &str = "[tuner]\nname = \"constant\"\nrate = 0.1\n";

    #[test]
    fn prints_back_the_same_spec() {
        let text = "name = \"a \\\"b\\\" \\\\ c\"\nseed = 7\nsteps = 3\nbatch = 32\nprecision = \"f64\"\ndrop_last = false\ncrop = 4\nflip = true\n\
                    checkpoint_every = 9\ncheckpoint_minutes = 0.5\ncheckpoint_keep = 0\nrecord_every = 5\n\
                    target_loss = 1e-7\n[data]\nname = \"mixture\"\nseparation = 2\n[loss]\nl2 = 1e-5\n\
                    [engine]\nthreads = 2\nchunk = 64\n";
        let spec = resolve(&format!("{text}{CONSTANT}")).unwrap();
        assert_eq!((spec.seed, spec.batch, spec.precision), (7, Some(32), Precision::F64));
        assert_eq!((spec.checkpoints.every, spec.checkpoints.minutes, spec.checkpoints.keep), (9, 0.5, 0));
        assert_eq!(spec.record_every, 5);
        assert_eq!(spec.data.settings.number("separation"), 2.0);
        let again = resolve(&spec.to_toml()).unwrap();
        assert_eq!(again, spec);
        assert!(spec.to_toml().contains(&format!("version = \"{}\"", env!("CARGO_PKG_VERSION"))));
        assert_eq!(spec.to_toml().find(&spec.settings_to_toml()), Some(0));
    }

    #[test]
    fn differences_are_those_that_have_a_consequence() {
        let base = resolve(CONSTANT).unwrap();
        let against = |text: &str| {
            let difference = base.difference(&resolve(text).unwrap())?;
            Some(format!("{} {} {}", difference.key, difference.one, difference.other))
        };
        let kept = ["checkpoint_every = 3", "checkpoint_keep = 9", "record_every = 3"];
        for text in ["name = \"b\"", "steps = 7", "target_loss = 0.1"].into_iter().chain(kept) {
            assert_eq!(against(&format!("{text}\n{CONSTANT}")), None, "{text}");
        }
        for text in [
            "[engine]\nthreads = 2",
            "[engine]\nmemory_mib = 7",
            "[data]\nname = \"teacher\"",
            "[evaluation]\nevery = 5",
        ] {
            assert_eq!(against(&format!("{CONSTANT}{text}\n")), None, "{text}");
        }
        let changed = |from, to| against(&CONSTANT.replace(from, to));
        assert_eq!(changed("0.1", "0.2").unwrap(), "tuner.rate 0.1 0.2");
        assert_eq!(changed("[tuner]", "batch = 32\n[tuner]").unwrap(), "batch not set 32");
        assert_eq!(changed("[tuner]", "seed = 1\n[tuner]").unwrap(), "seed 0 1");
        assert_eq!(against("tuner = \"greedy\"").unwrap(), "tuner.name \"constant\" \"greedy\"");
        assert_eq!(against(&format!("{CONSTANT}[engine]\nlanes = 2\n")).unwrap(), "engine.lanes 4 2");
    }
}
