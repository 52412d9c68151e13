//! Specs from files and flags.

use std::mem::discriminant;
use std::path::{Path, PathBuf};

use clap::Args;
use onedge_run::{DataSets, document_of};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_tune::Foresight;
use onedge_tune::tuners::Guarded;

use crate::program::console;
use crate::program::progress::Rows;
use crate::program::root::Root;

/// What every command that takes specs shares.
#[derive(Debug, Args)]
pub struct Overrides {
    /// Change a setting, like tuner.sigma=2.06, steps=500 or tuner=greedy; ~KEY takes one away; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub cache: Cache,
}

/// Where data come from.
#[derive(Debug, Args)]
pub struct Cache {
    /// Where downloads and decoded images are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

impl Overrides {
    /// The spec at `path` (a TOML file, or a run, whose spec is meant) with the flags applied.
    pub fn document(&self, path: Option<&Path>, catalogue: &Catalogue) -> anyhow::Result<Document> {
        let path = path.map(|path| Root::default().spec_or_run(path, catalogue)).transpose()?;
        let mut document = match path {
            None => Document::empty("defaults"),
            Some(path) if path.is_dir() => document_of(&path, catalogue)?,
            Some(path) => Document::read(&path)?,
        }
        .with_catalogue(catalogue);
        document.set_all(&self.set)?;
        Ok(document)
    }

    /// As [`Cache::data_sets`].
    pub fn data_sets(&self, rows: &Rows) -> DataSets {
        self.cache.data_sets(rows)
    }
}

impl Cache {
    /// Data sets, with the cache folder that the flags or the system name; what happens to them is shown among `rows`. If this process is one of
    /// several ranks, examples are shared among them.
    pub fn data_sets(&self, rows: &Rows) -> DataSets {
        let data_sets = self.own_data_sets(rows);
        #[cfg(feature = "mpi")]
        let data_sets = crate::program::cluster::placed(data_sets);
        data_sets
    }

    /// The same for this process alone.
    pub fn own_data_sets(&self, rows: &Rows) -> DataSets {
        let data_sets = DataSets::new(self.cache.clone().or_else(cache_dir));
        data_sets.watched_by(rows.downloads()).warned_by(rows.warnings()).told_by(rows.remarks())
    }
}

/// What the run in the folder `run` was to do.
///
/// # Errors
/// A folder without a run, or whose spec cannot be read.
pub fn spec_of(run: &Path, catalogue: &Catalogue) -> anyhow::Result<Spec> {
    Ok(Spec::resolve(&document_of(run, catalogue)?)?)
}

/// Where a run notes what its data held.
pub const CONTENT_KEY: &str = "provenance.data_sha256";

/// Says that runs side by side are on so many data, if these are several.
pub fn note_different_data(contents: usize) {
    if contents > 1 {
        console::note("note: these runs saw different data, so their losses do not compare directly");
    }
}

/// Warns of what runs of `specs` will do that their settings can hardly mean: of each kind once, with how many there are.
pub fn warn_of_foresights<'a>(specs: impl IntoIterator<Item = &'a Spec>, warn: &dyn Fn(&str)) {
    let remedy = |section: &str, foresight: &Foresight| foresight.remedy(section);
    warn_with(specs, &remedy, warn);
}

/// The same with another remedy, for a setting of that section.
pub fn warn_with<'a>(
    specs: impl IntoIterator<Item = &'a Spec>,
    remedy: &dyn Fn(&str, &Foresight) -> String,
    warn: &dyn Fn(&str),
) {
    let mut found: Vec<(&'static str, Foresight, usize)> = Vec::new();
    for (section, foresight) in specs.into_iter().flat_map(Spec::foresights) {
        let same = |(known, other, _): &&mut (&'static str, Foresight, usize)| {
            (*known, other.key(), discriminant(other)) == (section, foresight.key(), discriminant(&foresight))
        };
        match found.iter_mut().find(same) {
            Some((.., runs)) => *runs += 1,
            None => found.push((section, foresight, 1)),
        }
    }
    for (section, foresight, runs) in found {
        let others = match runs {
            1 => String::new(),
            2 => ", and so in another run".to_owned(),
            runs => format!(", and so in {} other runs", runs - 1),
        };
        let (key, problem) = (foresight.key(), foresight.problem());
        warn(&format!("{section}.{key}: {problem}{others}; {}", remedy(section, &foresight)));
    }
}

/// What a run's tuner makes of settings that do not say it outright: which rule stands for none or for cdat alone, and why; how
/// long a warm-up is. A line for its start.
pub fn which_tuner(spec: &Spec) -> Option<String> {
    let (optimizer, settings) = (&spec.optimizer.name, &spec.tuner.settings);
    if spec.tuner.name == "constant" && onedge_tune::optimizers::OWN_RATE.contains(&optimizer.as_str()) {
        return Some(format!("tuner: constant, rate {}, as {optimizer} finds its own", settings.number("rate")));
    }
    if let Some((warmup, exact)) = spec.warmup_steps() {
        let (peak, horizon) = (settings.number("rate"), settings.count("horizon").ok()?);
        // 0.1 of 30 steps are 3, whatever binary fractions make of it.
        let rounded =
            if (exact - warmup as f64).abs() > 1e-9 { format!(", rounded from {exact}") } else { String::new() };
        let name = &spec.tuner.name;
        return Some(format!("tuner: {name}, peak {peak}: warm-up over {warmup} of {horizon} steps{rounded}"));
    }
    if spec.tuner.name != "cdat" {
        return None;
    }
    let sigma = settings.optional_number("sigma")?;
    if settings.text("preset") == "paper" {
        return Some(format!("tuner: cdat, the paper's rule: sigma {sigma}"));
    }
    let batch = spec.batch.map_or("in full batch".to_owned(), |batch| format!("in batches of {batch}"));
    let recommended = (sigma - Guarded::sigma(spec.conditions())).abs() < 1e-3;
    let which = if recommended { "recommended" } else { "with this sigma" };
    let every = settings.optional_count("every").ok().flatten().unwrap_or(1);
    let down = settings.optional_number("cooldown").map(|share| (1.0 - share) * spec.steps as f64);
    let down = down.map(|step| format!(", rate down to 0 from step {step:.0} on")).unwrap_or_default();
    Some(format!("tuner: cdat, {which} for {optimizer} {batch}: sigma {sigma}, curvature every {every} steps{down}"))
}

/// `$XDG_CACHE_HOME/onedge`, or where the system usually keeps such things.
pub fn cache_dir() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(base.join("onedge"))
}
