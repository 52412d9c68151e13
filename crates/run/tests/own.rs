//! Own models on own arrays as runs with folders.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use onedge_data::{Dataset, Targets};
use onedge_nn::losses;
use onedge_record::{RunDirectory, StopReason};
use onedge_run::{Earlier, Given, RunIn, Unfinished};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_train::Layout;
use onedge_train::fit::{Fit, Fitted, fit};
use onedge_train::samples::Bowl;
use onedge_tune::tuners::Cdat;

fn wave(shift: f64) -> Fit {
    let x: Vec<f64> = (0..40).map(|i| f64::from(i) / 20.0 - 1.0).collect();
    let y: Vec<f64> = x.iter().map(|x| (3.0 * x).sin() + shift).collect();
    let data = Dataset::from_arrays(&x, &[40, 1], Targets::values(&y, 1).unwrap()).unwrap();
    let loss = losses::build("squared", Default::default()).unwrap();
    let fit = fit(data, loss, |layers, x| {
        let h = layers.dense(x, 8).tanh();
        layers.dense(h, 1)
    });
    fit.unwrap().batch(10).sharpness_every(5).diagnostic("gauss_newton_every", 10)
}

fn message(result: Result<Fitted, onedge_run::Error>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

/// All but the times.
fn records(folder: &Path) -> Vec<String> {
    let records = RunDirectory::at(folder).read_steps().unwrap().records;
    records.into_iter().map(|record| format!("{:?}", onedge_record::Record { seconds: 0.0, ..record })).collect()
}

#[test]
fn a_folder_holds_what_that_of_a_spec_does_and_memory_gets_the_same_bits() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("wave");
    let fitted = wave(0.0).steps(30).run_in(&folder, 10).unwrap();
    let directory = RunDirectory::at(&folder);
    let summary = directory.read_summary().unwrap().unwrap();
    assert_eq!((summary.name.as_str(), &summary.stop, summary.steps), ("wave", &StopReason::StepsDone, 30));
    assert_eq!(summary.train, fitted.train);
    assert!(directory.params().is_file() && directory.checkpoints().join("30.safetensors").is_file());
    let spec = fs::read_to_string(directory.spec()).unwrap();
    for line in
        ["name = \"wave\"", "batch = 10", "name = \"cdat\"", "examples = 40", "gauss_newton_every = 10", "[provenance]"]
    {
        assert!(spec.contains(line), "{line}: {spec}");
    }
    let memory = wave(0.0).steps(30).run().unwrap();
    assert_eq!(memory.parameters, fitted.parameters);
    assert_eq!(
        memory.records.iter().filter(|record| record.measured.contains_key("gauss_newton_sharpness")).count(),
        3
    );
}

#[test]
fn it_continues_bit_identically_and_is_read_back_once_done() {
    // A rate that comes down towards the end depends on where that is.
    let wave = || wave(0.0).tuner(Cdat::recommended().cooling_down(0.0).unwrap());
    let root = tempfile::tempdir().unwrap();
    let (whole, halves) = (root.path().join("whole"), root.path().join("halves"));
    let one = wave().steps(40).run_in(&whole, 10).unwrap();
    wave().steps(17).run_in(&halves, 10).unwrap();
    let two = wave().steps(40).run_in(&halves, 10).unwrap();
    assert_eq!(one.parameters, two.parameters);
    assert_eq!(records(&whole), records(&halves));
    let before = fs::metadata(halves.join("steps.jsonl")).unwrap().modified().unwrap();
    let again = wave().steps(40).run_in(&halves, 10).unwrap();
    assert_eq!((&again.parameters, again.records.len(), &again.train), (&one.parameters, 40, &one.train));
    assert_eq!(again.outcome.stop, StopReason::StepsDone);
    assert_eq!(fs::metadata(halves.join("steps.jsonl")).unwrap().modified().unwrap(), before);
}

#[test]
fn what_is_not_the_run_is_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("wave");
    wave(0.0).steps(20).run_in(&folder, 10).unwrap();
    let go = |fit: Fit| message(fit.run_in(&folder, 10));
    let other = "the examples are not those that the run was trained on; try the arrays of that run, or another folder";
    assert!(go(wave(1.0).steps(30)).ends_with(other));
    assert!(go(wave(1.0).steps(20)).ends_with(other), "nor is its end that of a run on them");
    fs::remove_dir_all(folder.join("checkpoints")).unwrap();
    assert!(go(wave(1.0).steps(30)).ends_with(other), "whatever else is lost");
    assert!(go(wave(0.0).steps(30).batch(20)).contains("batch was 10 and is 20"));
    assert!(go(wave(0.0).steps(30).l2(0.5)).contains("loss.l2 was 0.0 and is 0.5"));
    assert!(go(wave(0.0).steps(10)).starts_with("steps: expected 20 or more"));
    fs::write(root.path().join("file"), "").unwrap();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("notes"), "mine").unwrap();
    assert!(message(wave(0.0).run_in(other.path(), 0)).contains("expected a new or empty folder"));
}

#[test]
fn the_program_says_that_it_does_not_know_the_model() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("wave");
    wave(0.0).steps(3).run_in(&folder, 1).unwrap();
    let refused = Unfinished::open(&folder, Some(5), &Catalogue::standard()).unwrap_err().to_string();
    assert!(refused.starts_with("run: expected one of a spec, got ") && refused.contains("whose model and data only"));
}

const SPEC: &str = "steps = 12\nprecision = \"f64\"\ncheckpoint_every = 4\n[optimizer]\nname = \"momentum\"\n[tuner]\nname = \"constant\"\nrate = 0.1\n";

/// A loss that only its owner knows, for so many steps.
fn bowl(spec: &Spec) -> Given<'_, f64> {
    Given {
        spec,
        layouts: vec![Layout { name: "w".to_owned(), shape: vec![2] }],
        train: Box::new(Bowl::new([4.0, 1.0], &[0.5])),
        test: None,
        start: vec![3.0, -2.0],
        described: Vec::new(),
        content: Some("0.5".to_owned()),
    }
}

#[test]
fn a_given_loss_is_interrupted_and_goes_on() {
    let spec = Spec::resolve(&Document::parse("a.toml", SPEC).unwrap()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let never = AtomicBool::new(false);
    let whole = bowl(&spec).train(&mut |_, _| None, &never).unwrap();
    let asked = AtomicBool::new(false);
    let mut seen = Vec::new();
    let mut watch = |record: &onedge_train::Record, w: &[f64]| {
        seen.push(w.to_vec());
        asked.store(record.step == 5, Ordering::Relaxed);
        None
    };
    let folder = root.path().join("bowl");
    let half = bowl(&spec).train_in(&folder, Earlier::Refused, &mut watch, &asked).unwrap();
    assert_eq!((half.outcome.stop, seen.len()), (StopReason::Interrupted { step: 6 }, 6));
    assert_eq!(seen.last(), Some(&half.parameters));
    let refused = bowl(&spec).train_in(&folder, Earlier::Refused, &mut |_, _| None, &never);
    assert!(refused.err().unwrap().to_string().contains("expected a new or empty folder"));
    let rest = bowl(&spec).train_in(&folder, Earlier::GoesOn, &mut |_, _| None, &never).unwrap();
    assert_eq!((rest.parameters, rest.records.len()), (whole.parameters, whole.records.len()));
    let other = Given { content: Some("0.6".to_owned()), ..bowl(&spec) };
    let other = other.train_in(&folder, Earlier::GoesOn, &mut |_, _| None, &never);
    assert!(other.err().unwrap().to_string().contains("the examples are not those"));
}

#[test]
fn parameters_of_a_given_loss_are_as_many_as_it_has() {
    let spec = Spec::resolve(&Document::parse("a.toml", SPEC).unwrap()).unwrap();
    let wrong = Given { start: vec![1.0], ..bowl(&spec) };
    let refused = wrong.train(&mut |_, _| None, &AtomicBool::new(false)).err().unwrap();
    assert_eq!(refused.to_string(), "parameters: expected 2 of them, got 1");
}
