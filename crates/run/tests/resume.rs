//! A run that goes on from the file of a checkpoint has the bits of one that never stopped: every optimizer with every
//! tuner, every diagnostic, mini-batches, changed images, both precisions.

use std::collections::BTreeMap;
use std::path::Path;

use onedge_objective::State;
use onedge_record::Record;
use onedge_record::checkpoint::{About, Checkpoint};
use onedge_registry::{Default, Entry};
use onedge_run::{DataSets, Error, build_problem, plan};
use onedge_spec::{Document, Precision, Spec};
use onedge_spectrum::diagnostics::{self, Setup};
use onedge_train::{Advance, Augment, Element, Instruments, Layout, Outcome, Plan, Training};
use onedge_tune::{optimizers, tuners};

/// All that a run leaves, but for times.
#[derive(Debug, PartialEq)]
struct Course<T> {
    records: Vec<Record>,
    w: Vec<T>,
    outcome: Outcome,
}

/// Runs `spec` from the checkpoint in `from`, or from its beginning; leaves a checkpoint at each of the steps `at` in
/// `folder`. Everything else is built anew.
fn course<T: Element>(
    spec: &Spec,
    library: &mut DataSets,
    from: Option<&Path>,
    at: &[u64],
    folder: &Path,
) -> Result<Course<T>, Error> {
    let mut problem = build_problem::<T>(spec, library)?;
    let plan = Plan { augment: Augment::new(&problem.input_shape, spec.crop, spec.flip)?, ..plan(spec)? };
    let setup = Setup { seed: spec.seed, threads: 1, batch_size: spec.batch };
    let mut instruments = Instruments::new(diagnostics::ALL, &spec.diagnostics, &problem.layouts, setup).unwrap();
    let mut optimizer = spec.build_optimizer().unwrap();
    optimizer.set_layers(&Layout::layers(&problem.layouts)).unwrap();
    let method = (optimizer, spec.build_tuner().unwrap());
    let (layouts, mut records) = (problem.layouts.clone(), Vec::new());
    let mut w = if from.is_some() { vec![T::ZERO; problem.initial(0).len()] } else { problem.initial(spec.seed) };
    let mut training = Training::new(&plan, &mut *problem.train, &mut w, method, &mut instruments)?;
    if let Some(path) = from {
        training.restore(Checkpoint::read(path, &layouts)?.snapshot)?;
    }
    let stop = loop {
        let (record, stop) = match training.advance() {
            Advance::Step(record) => (Some(record), None),
            Advance::Stop { reason, record } => (record, Some(reason)),
        };
        records.extend(record.map(|record| Record { seconds: 0.0, ..record }));
        if let Some(reason) = stop {
            break reason;
        }
        if at.contains(&training.steps()) {
            let (step, snapshot) = (training.steps(), training.snapshot());
            let about = About { step, spec: String::new(), data: String::new(), version: String::new() };
            let path = folder.join(format!("{step}.safetensors"));
            Checkpoint { about, snapshot, records: State::new() }.write(&path, &layouts).unwrap();
        }
    };
    let outcome = training.finish(stop)?;
    let outcome = Outcome { seconds: 0.0, diagnostics_seconds: 0.0, ..outcome };
    Ok(Course { records, w, outcome })
}

/// Compares as text what has no equality of its own where it is NaN.
fn same_bits<T: Element>(spec: &Spec, library: &mut DataSets, at: &[u64]) {
    let folder = tempfile::tempdir().unwrap();
    let whole = course::<T>(spec, library, None, at, folder.path()).unwrap();
    let mut reached = 0;
    for step in at.iter().copied().filter(|step| *step <= whole.outcome.steps) {
        let file = folder.path().join(format!("{step}.safetensors"));
        let rest = course::<T>(spec, library, Some(&file), &[], folder.path()).unwrap();
        let expected = &whole.records[step as usize..];
        let what = format!("{} with {} in {} from step {step}", spec.optimizer.name, spec.tuner.name, T::NAME);
        assert_eq!(format!("{:?}", rest.records), format!("{expected:?}"), "{what}");
        assert_eq!(format!("{:?}", rest.outcome), format!("{:?}", whole.outcome), "{what}");
        assert!(rest.w == whole.w, "{what}");
        reached += 1;
    }
    assert!(reached > 0, "{}: {:?}", spec.optimizer.name, whole.outcome);
}

fn spec(text: &str, set: &[String]) -> Spec {
    let mut document = Document::parse("test", text).unwrap();
    set.iter().for_each(|set| document.set(set).unwrap());
    Spec::resolve(&document).unwrap()
}

/// In its own precision.
fn same_bits_in_its_precision(spec: &Spec, library: &mut DataSets, at: &[u64]) {
    match spec.precision {
        Precision::F32 => same_bits::<f32>(spec, library, at),
        Precision::F64 => same_bits::<f64>(spec, library, at),
    }
}

const SMALL: &str = "
steps = 9
diverge_factor = inf
[data]
name = 'mixture'
examples = 20
features = 3
classes = 2
[model]
hidden = [4, 3]
activation = 'tanh'
[diagnostics]
sharpness_every = 3
";

/// Values for the settings that an entry requires.
fn required<B>(section: &str, entry: &Entry<B>) -> Vec<String> {
    let required = entry.settings.iter().filter(|setting| matches!(setting.default, Default::Required));
    let value = |key: &str| BTreeMap::from([("rate", "0.05"), ("factor", "0.9")]).get(key).copied().unwrap_or("4");
    required.map(|setting| format!("{section}.{}={}", setting.key, value(setting.key))).collect()
}

#[test]
fn every_optimizer_with_every_tuner() {
    let mut library = DataSets::new(None);
    let mut turn = 0;
    for optimizer in optimizers::ALL {
        for tuner in tuners::ALL {
            // Each pair in both precisions, once with all examples and once with some.
            for precision in ["f32", "f64"] {
                turn += 1;
                let (optimizer_name, tuner_name) = (optimizer.name, tuner.name);
                let mut set = vec![
                    format!("optimizer={optimizer_name}"),
                    format!("tuner={tuner_name}"),
                    format!("precision={precision}"),
                    format!("seed={turn}"),
                ];
                if turn % 4 < 2 {
                    set.push("batch=8".to_owned());
                }
                set.extend([required("optimizer", optimizer), required("tuner", tuner)].concat());
                same_bits_in_its_precision(&spec(SMALL, &set), &mut library, &[1, 2 + turn % 3, 6 + turn % 3]);
            }
        }
    }
}

/// All of them, each at its own cadence, so that checkpoints fall between measurements.
fn every_diagnostic() -> Vec<String> {
    let cadences = diagnostics::ALL.iter().enumerate();
    cadences.map(|(i, entry)| format!("diagnostics.{}={}", entry.settings[0].key, 1 + i % 4)).collect()
}

#[test]
fn every_diagnostic_with_all_examples_and_with_some() {
    let mut library = DataSets::new(None);
    let sampled = ["batch_sharpness_batch", "update_batch_sharpness_batch", "noise_scale_batch"];
    for (i, precision) in ["f32", "f64", "f32", "f64"].into_iter().enumerate() {
        let mut set = every_diagnostic();
        set.extend(sampled.map(|key| format!("diagnostics.{key}=5")));
        let others = [
            "tuner=sharpness",
            "tuner.sigma=0.5",
            "diagnostics.hessian=true",
            "diagnostics.top_k=2",
            "diagnostics.magnitude=true",
        ];
        set.extend(others.map(str::to_owned));
        set.push(format!("precision={precision}"));
        set.push(format!("optimizer={}", ["adam", "schedule-free-sgd", "gd", "momentum"][i]));
        if i >= 2 {
            set.push("batch=8".to_owned());
        }
        same_bits_in_its_precision(&spec(SMALL, &set), &mut library, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}

#[test]
fn images_changed_at_random() {
    let text = "
steps = 14
batch = 8
drop_last = false
crop = 1
flip = true
[data]
name = 'digits'
first = 20
side = 4
[model]
name = 'convnet'
channels = [3]
[optimizer]
name = 'schedule-free-adamw'
[tuner]
name = 'constant'
rate = 1.0
";
    let mut library = DataSets::new(None);
    for precision in ["f32", "f64"] {
        let spec = spec(text, &[format!("precision={precision}")]);
        same_bits_in_its_precision(&spec, &mut library, &[1, 3, 4, 9, 13]);
    }
}
