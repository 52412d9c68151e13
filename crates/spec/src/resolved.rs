use std::collections::BTreeMap;

use onedge_objective::Real;
use onedge_registry::{Error as RegistryError, Kind, Setting, Settings, Value, find, nearest};
use onedge_tune::optimizers::OWN_RATE;
use onedge_tune::tuners::Warmup;
use onedge_tune::{Conditions, Foresight, Optimizer, Tuner, tuners};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::ROOT;
use crate::axes::{axes, entry_name};
use crate::cadence::Cadence;
use crate::earlier;
use crate::files::{self, NamedFile};
use crate::meant;
use crate::sections::{self, PROVENANCE};
use crate::{Catalogue, Document};
use onedge_text::hex;

/// A checked spec: every name known, every setting present and of its type. What a run is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Names the run and its folder.
    pub name: String,
    /// Of the initial parameters and the order of mini-batches.
    pub seed: u64,
    /// How many steps to take.
    pub steps: u64,
    /// Examples per step; `None` for all.
    pub batch: Option<usize>,
    /// Whether examples that do not fill a batch sit an epoch out, rather than make a smaller one.
    pub drop_last: bool,
    /// Zeros around the images of a batch, which are cropped back at a random place; 0 for none.
    pub crop: usize,
    /// Whether images of a batch are mirrored at random.
    pub flip: bool,
    /// The float to compute in.
    pub precision: Precision,
    /// Stop once the loss is this small.
    pub target_loss: Option<f64>,
    /// Stop once the loss is this many times the larger of the first and that of all parameters zero.
    pub diverge_factor: f64,
    /// When checkpoints are written, and how many are kept.
    pub checkpoints: Cadence,
    /// Keep the records of every so many steps, and those that say more than others.
    pub record_every: u64,
    /// The data set.
    pub data: Part,
    /// The model.
    pub model: Part,
    /// The loss; its settings include `l2`.
    pub loss: Part,
    /// The optimizer.
    pub optimizer: Part,
    /// The tuner.
    pub tuner: Part,
    /// What is measured along the way.
    pub diagnostics: Settings,
    /// How the test examples are evaluated along the way.
    pub evaluation: Settings,
    /// How it is computed.
    pub engine: Settings,
    /// The files and folders that its data are read from.
    pub files: Vec<NamedFile>,
    /// What its data hold, as a SHA-256 of all that a run sees of them; `None` until somebody has read them and says so.
    /// It is part of the [`digest`](Self::digest) where [they are read from files](Self::reads_files).
    pub content: Option<String>,
    /// What to call it in errors.
    pub origin: String,
    /// Where its names are looked up.
    pub catalogue: Catalogue,
}

/// What a run notes of the content of its data, in its section `provenance`.
pub const CONTENT: &str = "data_sha256";

/// One choice: an entry of a registry with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The entry.
    pub name: String,
    /// Its settings, complete.
    pub settings: Settings,
}

/// The float to compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
}

impl Spec {
    /// Checks a document and fills in the defaults.
    ///
    /// # Errors
    /// [`Error::Spec`] for an unknown section, name or key, a missing or ill-typed value or one out of range;
    /// [`Error::Grid`] for a list where one run needs one value.
    pub fn resolve(document: &Document) -> Result<Self, Error> {
        check_sections(document)?;
        if let Some(axis) = axes(document)?.first() {
            let (origin, key) = (document.origin_of(&axis.section, &axis.key), axis.dotted());
            return Err(Error::Grid { origin, key, got: Value::List(axis.values.clone()).to_string() });
        }
        let (mut parts, mut files): (BTreeMap<&str, Part>, _) = Default::default();
        for section in sections::ALL {
            let mut given = document.sections.get(section.key).cloned().unwrap_or_default();
            let mut name = entry_name(document, section.key, given.get("name"))?;
            if section.key == "tuner" && given.is_empty() && OWN_RATE.contains(&parts["optimizer"].name.as_str()) {
                name = "constant".to_owned();
                given.insert("rate".to_owned(), Value::Number(1.0));
            }
            if section.choice.is_some() {
                given.remove("name");
            }
            if (section.key, name.as_str()) == ("tuner", "armijo") && document.root.contains_key("batch") {
                given.entry("max_tries".to_owned()).or_insert(Value::Integer(MINI_BATCH_TRIES));
            }
            earlier::complete(document, section.key, &name, &mut given);
            let known = (section.settings)(document.catalogue(), &name);
            let known = known.map_err(|source| document.error(section.key, source))?;
            earlier::drop_numbers(document, section.key, &known, &mut given);
            if (section.key, name.as_str()) == ("tuner", "cdat") {
                given = tuners::spelled_out(given, conditions(document, &parts["optimizer"]));
            }
            let resolved = Settings::resolve_section(section.key, &known, given);
            let meant = |source| document.error(section.key, meant::within(document, section, &known, source));
            let resolved = resolved.map_err(meant)?;
            if section.key == "data" {
                files = NamedFile::of(document, &known, &resolved);
            }
            parts.insert(section.key, Part { name, settings: resolved });
        }
        let mut part = |key: &str| parts.remove(key).unwrap_or_else(|| unreachable!("{key} is a section"));
        let root = |source| document.error("", source);
        let settings = Settings::resolve_section("spec", ROOT, document.root.clone()).map_err(root)?;
        let tuner = part("tuner");
        let spec = Self {
            name: name(&settings, &tuner).map_err(root)?,
            seed: settings.count("seed").map_err(root)? as u64,
            steps: positive(&settings, "steps").map_err(root)?.unwrap_or_default() as u64,
            batch: positive(&settings, "batch").map_err(root)?,
            drop_last: settings.flag("drop_last"),
            crop: settings.count("crop").map_err(root)?,
            flip: settings.flag("flip"),
            precision: precision(&settings).map_err(root)?,
            target_loss: target_loss(&settings).map_err(root)?,
            diverge_factor: settings
                .number_where("diverge_factor", "a number above 1", |factor| factor > 1.0)
                .map_err(root)?,
            checkpoints: checkpoints(&settings).map_err(root)?,
            record_every: positive(&settings, "record_every").map_err(root)?.unwrap_or(1) as u64,
            data: part("data"),
            model: part("model"),
            loss: part("loss"),
            optimizer: part("optimizer"),
            tuner,
            diagnostics: part("diagnostics").settings,
            evaluation: part("evaluation").settings,
            engine: part("engine").settings,
            files,
            content: None,
            origin: document.described(),
            catalogue: document.catalogue().clone(),
        };
        check_full_batch(&spec, &settings).map_err(root)?;
        spec.check_ranges(document)?;
        Ok(spec)
    }

    /// The tuner.
    ///
    /// # Errors
    /// A setting out of its range; none after [`resolve`](Self::resolve), which looks.
    pub fn build_tuner(&self) -> Result<Box<dyn Tuner>, RegistryError> {
        (find("tuner", self.catalogue.tuners(), &self.tuner.name)?.build)(&self.tuner.settings)
    }

    /// The optimizer.
    ///
    /// # Errors
    /// A setting out of its range; none after [`resolve`](Self::resolve), which looks.
    pub fn build_optimizer<T: Real>(&self) -> Result<Box<dyn Optimizer<T>>, RegistryError> {
        find("optimizer", self.catalogue.optimizers(), &self.optimizer.name)?.build.make(&self.optimizer.settings)
    }

    /// What is known of the run before its first step.
    pub fn conditions(&self) -> Conditions {
        // No error after `resolve`, which looks.
        let edge = self.build_optimizer::<f32>().ok().and_then(|optimizer| optimizer.edge());
        Conditions { edge, full_batch: self.batch.is_none(), steps: Some(self.steps) }
    }

    /// Where learning rate times sharpness has its edge with the optimizer of a document, if it has one, whatever else the document says: that of a run
    /// on own data names none that is known.
    pub fn edge_of(document: &Document) -> Option<f64> {
        let mut alone = Document::empty("").with_catalogue(document.catalogue());
        let optimizer = document.sections.get_key_value("optimizer");
        alone.sections.extend(optimizer.map(|(key, settings)| (key.clone(), settings.clone())));
        Self::resolve(&alone).ok()?.conditions().edge
    }

    /// Whether what its data hold may change while it stays the same: they are read from files, or made in a way that
    /// this library does not know.
    pub fn reads_files(&self) -> bool {
        let standard = onedge_data::datasets::ALL.iter().find(|entry| entry.name == self.data.name);
        standard.is_none_or(|entry| {
            let lies_somewhere = |setting: &Setting| setting.key == "path" && setting.kind == Kind::Path;
            !self.files.is_empty() || entry.settings.iter().any(lies_somewhere)
        })
    }

    /// The data, with every path replaced by where the file was found; and the files that are nowhere.
    ///
    /// # Errors
    /// [`Error::TwoFiles`].
    pub fn locate_data(&self) -> Result<(Part, Vec<&NamedFile>), Error> {
        files::locate(&self.data, &self.files)
    }

    /// The keys of its data that are places of files and folders, given or not.
    pub fn paths_of_data(&self) -> Vec<&'static str> {
        // No error after `resolve`, which looks.
        let known = self.catalogue.settings("data", &self.data.name).unwrap_or_default();
        known.iter().filter(|setting| setting.kind == Kind::Path).map(|setting| setting.key).collect()
    }

    /// The steps of its tuner's warm-up where that is given as a share: as they are, and before they were rounded.
    pub fn warmup_steps(&self) -> Option<(u64, f64)> {
        let standard = ["warmup-constant", "warmup-linear", "warmup-cosine"].contains(&self.tuner.name.as_str());
        let horizon = self.tuner.settings.optional_count("horizon").ok().flatten().filter(|_| standard)? as u64;
        let share = self.tuner.settings.optional_number("warmup")?;
        Some((Warmup::steps_of(horizon, share), share * horizon as f64))
    }

    /// What a run of this spec will do that its settings can hardly mean, with the section that they are in.
    pub fn foresights(&self) -> Vec<(&'static str, Foresight)> {
        // No error after `resolve`, which looks.
        let optimizer = self.build_optimizer::<f32>().ok().and_then(|optimizer| optimizer.foresee(self.steps));
        let tuner = self.build_tuner().ok().and_then(|tuner| tuner.foresee(self.steps));
        let found = [("optimizer", optimizer), ("tuner", tuner)];
        found.into_iter().filter_map(|(section, foresight)| Some((section, foresight?))).collect()
    }

    /// What identifies a run: the SHA-256, in 64 hexadecimal digits, of all settings that bear on what it leaves. Neither
    /// the name nor where it was made does, nor checkpoints, threads and memory. Of data that are read from files it is what they hold
    /// and not where they lie, once [`content`](Self::content) says what that is. A version of this library that knows more
    /// settings gives other digests.
    pub fn digest(&self) -> String {
        hex(Sha256::digest(self.identity()))
    }

    /// The value at a dotted key, `tuner.sigma` or `batch`; `None` for one without a value.
    pub fn get(&self, dotted: &str) -> Option<Value> {
        match dotted.split_once('.') {
            None => self.root().into_iter().find(|(key, _)| *key == dotted).map(|(_, value)| value),
            Some((section, key)) => {
                let (name, settings) =
                    sections::ALL.iter().find(|known| known.key == section).map(|_| self.section(section))?;
                let name = name.filter(|_| key == "name").map(|name| Value::Text(name.to_owned()));
                name.or_else(|| settings.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone()))
            }
        }
    }

    /// What only a builder knows to be wrong, found before any data is read.
    fn check_ranges(&self, document: &Document) -> Result<(), Error> {
        self.build_tuner().map_err(|source| document.error("tuner", source))?;
        self.build_optimizer::<f32>().map_err(|source| document.error("optimizer", source))?;
        Ok(())
    }
}

/// What is known of a run before its first step, as far as its tuner's settings depend on it.
fn conditions(document: &Document, optimizer: &Part) -> Conditions {
    let built = find("optimizer", document.catalogue().optimizers(), &optimizer.name)
        .and_then(|entry| entry.build.make::<f32>(&optimizer.settings));
    // What is wrong with the optimizer is told where it is built for good.
    let edge = built.ok().and_then(|optimizer| optimizer.edge());
    Conditions { edge, full_batch: !document.root.contains_key("batch"), steps: None }
}

/// The paper's bound on linesearch tries where each sees another mini-batch; full batches search until they find.
const MINI_BATCH_TRIES: i64 = 30;

fn check_sections(document: &Document) -> Result<(), Error> {
    let known: Vec<&str> = sections::ALL.iter().map(|section| section.key).chain([PROVENANCE]).collect();
    let unknown = |key: String, nearest| RegistryError::UnknownKey { owner: "spec".to_owned(), key, nearest };
    if let Some(key) = document.sections.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(document.error("", unknown(format!("[{key}]"), nearest(key, &known))));
    }
    let known: Vec<&str> = ROOT.iter().map(|setting| setting.key).chain(known).collect();
    let Some(key) = document.root.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let meant = meant::outside(document, key);
    let near = if meant.is_empty() { nearest(key, &known) } else { meant };
    Err(document.error("", unknown(key.clone(), near)))
}

fn name(settings: &Settings, tuner: &Part) -> Result<String, RegistryError> {
    match settings.optional_text("name") {
        None => Ok(tuner.name.clone()),
        Some(name) if !name.trim().is_empty() => Ok(name.to_owned()),
        Some(_) => Err(settings.out_of_range("name", "a name of one letter or more")),
    }
}

/// Random changes need mini-batches: where every step takes all examples, they would give each step another loss.
fn check_full_batch(spec: &Spec, settings: &Settings) -> Result<(), RegistryError> {
    const WHY: &str = "as all examples are used at every step, and their loss must stay the same; try `batch = 128`";
    match spec.batch {
        Some(_) => Ok(()),
        None if spec.crop > 0 => Err(settings.out_of_range("crop", &format!("0, {WHY}"))),
        None if spec.flip => Err(settings.out_of_range("flip", &format!("false, {WHY}"))),
        None => Ok(()),
    }
}

fn positive(settings: &Settings, key: &str) -> Result<Option<usize>, RegistryError> {
    match settings.optional_count(key)? {
        Some(0) => Err(settings.out_of_range(key, "1 or more")),
        count => Ok(count),
    }
}

/// NaN would never be reached.
fn target_loss(settings: &Settings) -> Result<Option<f64>, RegistryError> {
    match settings.optional_number("target_loss") {
        Some(loss) if loss.is_nan() => Err(settings.out_of_range("target_loss", "a number to compare losses with")),
        loss => Ok(loss),
    }
}

fn checkpoints(settings: &Settings) -> Result<Cadence, RegistryError> {
    let minutes = settings.number_where("checkpoint_minutes", "a number, 0 or more", |minutes| minutes >= 0.0)?;
    Ok(Cadence { every: settings.count("checkpoint_every")? as u64, minutes, keep: settings.count("checkpoint_keep")? })
}

fn precision(settings: &Settings) -> Result<Precision, RegistryError> {
    match settings.text("precision") {
        "f32" => Ok(Precision::F32),
        "f64" => Ok(Precision::F64),
        _ => Err(settings.out_of_range("precision", "`f32` or `f64`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Spec, Error> {
        Spec::resolve(&Document::parse("a.toml", text).unwrap())
    }

    fn message(text: &str) -> String {
        resolve(text).unwrap_err().to_string()
    }

    const CONSTANT: &str = "[tuner]\nname = \"constant\"\nrate = 0.1\n";

    #[test]
    fn the_digest_is_of_everything_but_the_name() {
        let of = |text: &str| resolve(&format!("{text}{CONSTANT}")).unwrap().digest();
        let digest = of("name = \"a\"\nsteps = 200\n");
        assert_eq!((digest.len(), digest.as_str()), (64, of("name = \"b\"\n").as_str()), "200 steps are the default");
        let others = [
            "seed = 1\n",
            "batch = 9\n",
            "target_loss = 0.5\n",
            "[loss]\nl2 = 1e-5\n",
            "[data]\ntest_fraction = 0.5\n",
            "[evaluation]\nevery = 5\n",
        ];
        let mut all: Vec<String> = others.iter().map(|text| of(text)).chain([digest]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), others.len() + 1);
    }

    #[test]
    fn schedules_that_do_not_fit_the_steps_are_foreseen() {
        let of = |text: &str| {
            let found = resolve(text).unwrap().foresights();
            found.iter().map(|(section, found)| format!("{section}.{}", found.key())).collect::<Vec<_>>()
        };
        let cosine = "[tuner]\nname = \"warmup-cosine\"\nrate = 0.3\nhorizon = 25\n";
        assert_eq!(of(&format!("steps = 26\n{cosine}")), ["tuner.horizon"]);
        assert!(of(&format!("steps = 25\n{cosine}")).is_empty());
        let free = "[optimizer]\nname = \"schedule-free-sgd\"\nwarmup = 30\n";
        assert_eq!(of(&format!("steps = 26\n{free}{cosine}")), ["optimizer.warmup", "tuner.horizon"]);
        assert!(of(CONSTANT).is_empty() && of("").is_empty());
    }

    #[test]
    fn values_are_found_by_dotted_keys() {
        let spec = resolve(&format!("batch = 9\n{CONSTANT}")).unwrap();
        let found = ["batch", "steps", "tuner.rate", "tuner.name", "engine.lanes"]
            .map(|key| spec.get(key).unwrap().to_string());
        assert_eq!(found, ["9", "200", "0.1", "\"constant\"", "4"]);
        let missing = ["target_loss", "tuner.sigma", "engine.name", "nothing.at", "nothing"];
        assert!(missing.iter().all(|key| spec.get(key).is_none()));
    }

    #[test]
    fn the_edge_is_that_of_the_optimizer_whatever_else_is_said() {
        let of = |text: &str| Spec::edge_of(&Document::parse("a.toml", text).unwrap());
        let own = "[data]\nname = \"arrays\"\n[model]\nname = \"own\"\n";
        assert_eq!(of(own), Some(2.0));
        // 2 (1 + beta1) / (1 - beta1)
        let adam = of(&format!("{own}[optimizer]\nname = \"adam\"\n")).unwrap();
        assert!((adam - 38.0).abs() < 1e-9, "{adam}");
        assert_eq!(of("[optimizer]\nname = \"unheard-of\"\n"), None);
    }

    #[test]
    fn a_linesearch_is_bounded_in_mini_batches() {
        let tries = |text: &str| {
            let spec = resolve(&format!("{text}[tuner]\nname = \"armijo\"\n")).unwrap();
            spec.tuner.settings.optional_count("max_tries").unwrap()
        };
        assert_eq!((tries(""), tries("batch = 32\n")), (None, Some(30)));
    }

    /// Half the edge of Adam with beta1 0.9 is 19: 2 / sqrt(19) = 0.459 and 2 / 19^(1/4) = 0.958.
    #[test]
    fn the_default_tuner_is_spelled_out() {
        let of = |text: &str| {
            let spec = resolve(text).unwrap();
            let number = |key: &str| spec.get(key).map_or("-".to_owned(), |value| value.to_string());
            [&spec.tuner.name, &number("tuner.preset"), &number("tuner.sigma"), &number("tuner.every")]
                .map(String::clone)
        };
        let adam = "[optimizer]\nname = \"adam\"\n";
        assert_eq!(of("batch = 64\n"), ["cdat", "\"recommended\"", "2.0", "8"]);
        assert_eq!(of(&format!("batch = 64\n{adam}")), ["cdat", "\"recommended\"", "0.459", "8"]);
        assert_eq!(of(adam), ["cdat", "\"recommended\"", "0.958", "8"]);
        let own = "[tuner]\nsigma = 1.2\nevery = 3\n";
        assert_eq!(of(&format!("{adam}{own}")), ["cdat", "\"recommended\"", "1.2", "3"]);
        let paper = "[tuner]\nname = \"cdat\"\npreset = \"paper\"\n";
        assert_eq!(of(&format!("{adam}{paper}")), ["cdat", "\"paper\"", "2.0", "1"]);
        assert_eq!(of("[optimizer]\nname = \"prodigy\"\n"), ["constant", "-", "-", "-"]);
        assert_eq!(
            message("[tuner]\npreset = \"papr\""),
            "a.toml: tuner.preset: expected `recommended` or `paper`, got \"papr\""
        );
        assert_eq!(
            message("[tuner]\npreset = \"paper\"\ngrowth = 2"),
            "a.toml: tuner.growth: expected nothing with `preset = \"paper\"`, which has no such setting, got 2.0"
        );
    }

    /// What a run of a version without presets left behind is still the paper's rule.
    #[test]
    fn runs_from_before_there_were_presets_keep_their_rule() {
        let old = "[tuner]\nname = \"cdat\"\nsigma = 2.0\neps = 0.0\nbeta = 0.0\ncap = inf\nevery = 1\n[provenance]\nversion = \"0.1.0\"\n";
        assert_eq!(resolve(old).unwrap().get("tuner.preset").unwrap().to_string(), "\"paper\"");
        let run = "[optimizer]\nname = \"adamw\"\nbeta1 = 0.9\nbeta2 = 0.999\neps = 1e-8\ndecay = 1e-5\n[tuner]\nname = \"dog\"\n\
                   relative = 1e-6\n[provenance]\nversion = \"0.1.0\"\n";
        let of = |sets: &[&str]| {
            let mut document = Document::parse("a.toml", run).unwrap();
            document.set_all(sets).unwrap();
            let spec = Spec::resolve(&document).unwrap();
            let keys = ["optimizer.preset", "optimizer.decay", "tuner.preset", "tuner.eps"];
            keys.map(|key| spec.get(key).unwrap().to_string().replace('"', ""))
        };
        assert_eq!(of(&[]), ["paper", "1e-5", "paper", "0.0"]);
        // What is chosen today is what it is today.
        let free = of(&["optimizer=schedule-free-sgd", "optimizer.decay=0.5", "tuner=dowg"]);
        assert_eq!(free, ["package", "0.5", "package", "0.0001"]);
        assert_eq!(of(&["optimizer=adamw"])[..2], ["paper", "1e-5"], "the entry that it has already");
        // Another preset brings its numbers, but for what is set with it.
        assert_eq!(of(&["optimizer.preset=package"])[..2], ["package", "0.01"]);
        assert_eq!(of(&["optimizer.preset=package", "optimizer.decay=0.3"])[..2], ["package", "0.3"]);
        assert_eq!(of(&["~optimizer.preset"])[..2], ["package", "0.01"], "the default");

        // NanoLM had one way to start its embeddings.
        let text = format!("[data]\nname = \"cicero\"\n[model]\nname = \"nanolm\"\npreset = \"paper\"\n{CONSTANT}");
        let init = |text: &str| resolve(text).unwrap().get("model.embed_init").map(|init| init.to_string());
        assert_eq!(init(&text).unwrap(), "\"lecun\"");
        assert_eq!(init(&format!("{text}[provenance]\nversion = \"0.1.0\"\n")).unwrap(), "\"gpt\"");
        assert_eq!(init(&text.replace("\"paper\"", "\"small\"")), None, "its digest is what it was");
    }

    /// 0.1 of 25 steps are 2.5; of 15 they are 1.5, and 1.5000000000000002 in binary.
    #[test]
    fn shares_of_steps_are_said_in_steps() {
        let of = |horizon: u64, warmup: f64| {
            let tuner =
                format!("[tuner]\nname = \"warmup-cosine\"\nrate = 0.1\nhorizon = {horizon}\nwarmup = {warmup}\n");
            let spec = resolve(&tuner).unwrap();
            (spec.warmup_steps().unwrap().0, spec.to_toml())
        };
        for (horizon, warmup, steps) in
            [(25, 0.1, "3 steps"), (15, 0.1, "2 steps"), (4, 0.1, "0 steps"), (9, 0.1, "1 step")]
        {
            let (got, text) = of(horizon, warmup);
            assert_eq!(got.to_string(), steps[..1]);
            assert!(text.contains(&format!("\n# The warm-up takes {steps}.\nwarmup = 0.1\n")), "{text}");
        }
        assert_eq!(resolve("").unwrap().warmup_steps(), None);
    }

    /// Presets are numbers in what a run writes down, and are read back as they are.
    #[test]
    fn presets_of_packages_and_papers() {
        let of = |text: &str| {
            let spec = resolve(&format!("[optimizer]\n{text}{CONSTANT}")).unwrap();
            let printed = Spec::resolve(&Document::parse("b.toml", &spec.to_toml()).unwrap()).unwrap();
            assert_eq!(printed.digest(), spec.digest());
            ["preset", "decay"].map(|key| spec.get(&format!("optimizer.{key}")).unwrap().to_string().replace('"', ""))
        };
        assert_eq!(of("name = \"adamw\"\n"), ["package", "0.01"]);
        assert_eq!(of("name = \"adamw\"\npreset = \"paper\"\n"), ["paper", "1e-5"]);
        assert_eq!(of("name = \"adamw\"\npreset = \"paper\"\ndecay = 0.1\n"), ["paper", "0.1"]);
        assert_eq!(
            message("[optimizer]\nname = \"adamw\"\npreset = \"papr\""),
            "a.toml: optimizer.preset: expected `package` or `paper`, got \"papr\""
        );
    }

    #[test]
    fn mistakes_name_file_key_and_remedy() {
        assert_eq!(
            message("stesp = 3"),
            "a.toml: spec: unknown key `stesp`, expected one of its settings; try `steps`"
        );
        assert_eq!(
            message("sigma = 2"),
            "a.toml: spec: unknown key `sigma`, expected one of its settings; try `tuner.sigma`"
        );
        assert_eq!(
            message("[tunr]\nsigma = 2"),
            "a.toml: spec: unknown key `[tunr]`, expected one of its settings; try `tuner`"
        );
        assert_eq!(
            message("[tuner]\nname = \"constnat\""),
            "a.toml: unknown tuner `constnat`, expected one of the known names; try `constant`"
        );
        assert_eq!(
            message("[tuner]\nname = \"CDAT\""),
            "a.toml: unknown tuner `CDAT`, expected one of the known names; try `cdat`"
        );
        assert_eq!(
            message("[tuner]\nname = \"adamw\""),
            "a.toml: unknown tuner `adamw`, expected one of the known names; try `optimizer = adamw`"
        );
        assert_eq!(
            message(&CONSTANT.replace("rate", "rat")),
            "a.toml: tuner: unknown key `rat`, expected one of its settings; try `rate`"
        );
        assert_eq!(message(&CONSTANT.replace("0.1", "true")), "a.toml: tuner.rate: expected a number, got true");
        assert_eq!(
            message(&CONSTANT.replace("0.1", "-0.1")),
            "a.toml: tuner.rate: expected a finite number, zero or more, got -0.1"
        );
        assert_eq!(message(&format!("steps = 0\n{CONSTANT}")), "a.toml: spec.steps: expected 1 or more, got 0");
        assert_eq!(
            message(&format!("batch = -1\n{CONSTANT}")),
            "a.toml: spec.batch: expected a whole number, zero or more, got -1"
        );
        for (change, expected) in [("crop = 4", "crop: expected 0"), ("flip = true", "flip: expected false")] {
            assert_eq!(
                message(&format!("{change}\n{CONSTANT}")),
                format!(
                    "a.toml: spec.{expected}, as all examples are used at every step, and their loss must stay the same; \
                     try `batch = 128`, got {}",
                    change.split(' ').next_back().unwrap()
                )
            );
        }
        assert_eq!(
            message(&format!("precision = \"f16\"\n{CONSTANT}")),
            "a.toml: spec.precision: expected `f32` or `f64`, got \"f16\""
        );
        assert_eq!(
            message(&format!("target_loss = nan\n{CONSTANT}")),
            "a.toml: spec.target_loss: expected a number to compare losses with, got NaN"
        );
        assert_eq!(message("[tuner]\nname = 3"), "a.toml: tuner.name: expected text, got 3; try it in quotes");
        assert_eq!(
            message(&format!("{CONSTANT}[engine]\nname = \"fast\"")),
            "a.toml: engine: unknown key `name`, expected one of its settings; try `lanes` or `chunk` or `threads` or `memory_mib`"
        );
    }

    #[test]
    fn overrides_are_named_in_errors() {
        let mut document = Document::parse("a.toml", CONSTANT).unwrap();
        document.set("tuner.rate=fast").unwrap();
        assert_eq!(
            Spec::resolve(&document).unwrap_err().to_string(),
            "set: tuner.rate: expected a number, got \"fast\""
        );
    }

    #[test]
    fn a_single_run_takes_no_lists() {
        assert_eq!(
            message(&CONSTANT.replace("0.1", "[0.1, 0.2]")),
            "a.toml: tuner.rate: expected one value, got [0.1, 0.2]; a list spans a grid of runs; try one of its values"
        );
    }
}
