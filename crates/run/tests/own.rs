//! Own models on own arrays as runs with folders.

use std::fs;
use std::path::Path;

use onedge_data::{Dataset, Targets};
use onedge_nn::losses;
use onedge_record::{RunDirectory, StopReason};
use onedge_run::RunIn;
use onedge_train::fit::{Fit, Fitted, fit};
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
