//! What is said of a run beside why it stopped: nothing of ordinary good ones, and of those that fail what they did.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use onedge_record::{Finding, Record, StopReason};
use onedge_run::{DataSets, Finished, Outputs, Place, Request, Unfinished, execute, resume};
use onedge_spec::{Catalogue, Document, Spec};

const DIGITS: &[&str] = &["data=digits", "data.first=120", "data.side=4", "model.hidden=[12]"];

const MODELS: [&[&str]; 7] = [
    DIGITS,
    &["data=digits", "data.first=60", "data.side=4", "model=linear"],
    &["data=digits", "data.first=40", "data.side=4", "model=convnet", "model.channels=[4]"],
    &["data=digits", "data.first=20", "model=resnet", "model.blocks=[1]", "model.width=8"],
    &["data=digits", "data.first=30", "model=mixer", "model.patch=4", "model.width=8", "model.depth=1"],
    &["data=digits", "data.first=30", "model=vit", "model.patch=4", "model.width=8", "model.depth=1", "model.heads=2"],
    &[
        "data=cicero",
        "data.first=16",
        "data.context=8",
        "model=nanolm",
        "model.depth=1",
        "model.width=8",
        "model.heads=2",
        "model.qkv=8",
        "model.mlp=16",
    ],
];

fn spec(settings: &[&[&str]]) -> Spec {
    let mut document = Document::empty("findings");
    settings.iter().copied().flatten().for_each(|assignment| document.set(assignment).unwrap());
    Spec::resolve(&document).unwrap()
}

fn run_from(settings: &[&[&str]], start: Option<&Path>, save: Option<&Path>) -> Finished {
    let (folder, spec) = (tempfile::tempdir().unwrap(), spec(settings));
    let request = Request { spec: &spec, place: Place::Under(folder.path()), register: None, start, save };
    execute(&request, &mut DataSets::new(None), &mut |_| {}, &AtomicBool::new(false)).unwrap()
}

fn run(settings: &[&[&str]]) -> Finished {
    run_from(settings, None, None)
}

fn silent(settings: &[&[&str]]) {
    let summary = run(settings).summary;
    assert!(summary.findings.is_empty() && summary.is_success(), "{settings:?}: {:?}", summary.findings);
}

/// The only failure of a run, and its sentence.
fn failure(settings: &[&[&str]]) -> (Finding, String) {
    let summary = run(settings).summary;
    assert_eq!(summary.stop, StopReason::StepsDone, "{settings:?}");
    let finding = summary.no_progress().unwrap_or_else(|| panic!("{settings:?}: {:?}", summary.findings)).clone();
    assert!(!summary.is_success() && summary.ending() == finding.name());
    let text = finding.to_string();
    (finding, text)
}

#[test]
fn every_model_in_full_and_in_mini_batches() {
    for model in MODELS {
        // Rules of curvature leap from some of these small models in their first steps.
        let tuners = [&["tuner=armijo"][..], &["batch=10", "tuner=sls", "tuner.batches=10"]];
        for steps in ["steps=1", "steps=2", "steps=3", "steps=25"] {
            for tuner in tuners {
                silent(&[model, tuner, &[steps]]);
            }
        }
        for batch in [&[][..], &["batch=10"]] {
            silent(&[model, batch, &["steps=25", "optimizer=adam", "tuner=constant", "tuner.rate=0.003"]]);
        }
    }
}

#[test]
fn every_tuner_that_suits_the_full_batch() {
    let rates =
        |name: &str| ["constant", "exponential", "step", "hypergradient"].contains(&name) || name.starts_with("warmup");
    for entry in onedge_tune::tuners::ALL {
        // The cap of 1 sets most of Polyak's rates on small networks, and that is said; Barzilai and Borwein's take this one to
        // where it guesses.
        if ["polyak", "barzilai-borwein"].contains(&entry.name) {
            continue;
        }
        let tuner = format!("tuner={}", entry.name);
        let mut settings = vec![tuner.as_str()];
        if rates(entry.name) {
            settings.push("tuner.rate=0.2");
        }
        match entry.name {
            name if name.starts_with("warmup") => settings.push("tuner.horizon=60"),
            "step" => settings.push("tuner.period=30"),
            "exponential" => settings.push("tuner.factor=0.99"),
            // With the package's eps its first rates are so much smaller that 60 steps only begin to learn.
            "dowg" => settings.push("tuner.preset=paper"),
            // On the edge of their measure they may oscillate, and that is said.
            "gauss-newton" | "trace" | "frobenius" | "batch-sharpness" => settings.push("tuner.sigma=1"),
            _ => {}
        }
        for steps in ["steps=1", "steps=3", "steps=60"] {
            silent(&[DIGITS, &[steps], &settings]);
        }
    }
}

#[test]
fn targets_interruptions_and_minima() {
    let reached = run(&[DIGITS, &["steps=200", "target_loss=2.0"]]).summary;
    assert!(matches!(reached.stop, StopReason::TargetReached { .. }) && reached.findings.is_empty());

    let (folder, interrupt) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    // At a rate of zero, which would be told at the end.
    let spec = spec(&[DIGITS, &["steps=30", "tuner=constant", "tuner.rate=0"]]);
    let place = folder.path().join("run");
    let request = Request { spec: &spec, place: Place::At(&place), register: None, start: None, save: None };
    let mut observe = |record: &Record| interrupt.store(record.step == 9, Ordering::Relaxed);
    let broken = execute(&request, &mut DataSets::new(None), &mut observe, &interrupt).unwrap().summary;
    assert!(matches!(broken.stop, StopReason::Interrupted { .. }) && broken.findings.is_empty());
    let unfinished = Unfinished::open(&place, None, &Catalogue::standard()).unwrap();
    let go = AtomicBool::new(false);
    let whole = resume(unfinished, Outputs::default(), &mut DataSets::new(None), &mut |_| {}, &go, &mut |_| {})
        .unwrap()
        .summary;
    assert_eq!(whole.findings, [Finding::StoodStill { steps: 30, event: None }]);

    // From fitted parameters a run has nowhere to go.
    let (start, fitted) = (folder.path().join("p"), [DIGITS, &["precision=f64", "loss.l2=0.3", "steps=300"]]);
    run_from(&[fitted[0], fitted[1], &["tuner=greedy"]], None, Some(&start));
    for tuner in ["tuner=cdat", "tuner=greedy", "tuner=armijo", "tuner=wolfe"] {
        let again = run_from(&[fitted[0], fitted[1], &["steps=30", tuner]], Some(&start), None).summary;
        assert!(again.no_progress().is_none(), "{tuner}: {:?}", again.findings);
    }
}

#[test]
fn rates_that_are_far_too_small() {
    let constant = |rate| [&["steps=40", "tuner=constant"][..], rate];
    let [steps, rate] = constant(&["tuner.rate=1e-6"]);
    for batch in [&[][..], &["batch=20"]] {
        let (finding, text) = failure(&[DIGITS, batch, steps, rate]);
        assert!(matches!(finding, Finding::HardlyMoved { .. }), "{text}");
        // What it advises works.
        let Finding::HardlyMoved { longer, .. } = finding else { panic!("{text}") };
        let rate = format!("tuner.rate={}", 1e-6 * longer);
        let better = run(&[DIGITS, batch, steps, &[&rate]]).summary;
        assert!(better.findings.is_empty() && better.final_loss < better.first_loss, "{rate}: {:?}", better.findings);
    }
    silent(&[DIGITS, &["steps=40", "tuner=cdat"]]);
}

#[test]
fn a_rate_of_zero() {
    let (_, text) = failure(&[DIGITS, &["steps=2", "tuner=constant", "tuner.rate=0"]]);
    assert_eq!(text, "no step was taken: the rate was 0 at all 2 steps; try a larger rate, or the tuner `cdat`");
}

#[test]
fn rates_that_are_too_large() {
    // One step leaves no unit alive but the biases of the last layer.
    let dead = &["steps=120", "model.activation=relu", "tuner=constant", "diverge_factor=1e30"];
    let (finding, text) = failure(&[DIGITS, dead, &["tuner.rate=3"]]);
    assert!(matches!(finding, Finding::Guessing { classes: 10, .. }), "{text}");
    silent(&[DIGITS, dead, &["tuner.rate=0.3"]]);
    // Above where it began, and far below the limit of divergence.
    let (finding, text) =
        failure(&[DIGITS, &["steps=60", "optimizer=adam", "tuner=constant", "diverge_factor=1e30", "tuner.rate=10"]]);
    assert!(matches!(finding, Finding::EndedAbove { .. }), "{text}");
    silent(&[DIGITS, &["steps=60", "optimizer=adam", "tuner=constant", "tuner.rate=0.01"]]);
}

#[test]
fn caps_and_oscillations_are_warnings() {
    let capped = run(&[DIGITS, &["steps=60", "tuner=pal", "tuner.cap=0.01"]]).summary;
    assert!(capped.is_success(), "{:?}", capped.findings);
    assert!(
        matches!(&capped.findings[..], [Finding::Often { event, .. }] if event == "capped"),
        "{:?}",
        capped.findings
    );
    silent(&[DIGITS, &["steps=60", "tuner=pal", "tuner.cap=3.6"]]);

    // Beyond the edge of a convex problem: neither diverging nor falling.
    let ridge = &["model=linear", "loss=squared", "precision=f64"];
    let sharp = run(&[&DIGITS[..3], ridge, &["steps=1", "diagnostics.sharpness_every=1"]]);
    let rate = |times: f64| format!("tuner.rate={}", times / sharp.records[0].sharpness.unwrap());
    let at = |times: f64| run(&[&DIGITS[..3], ridge, &["steps=80", "tuner=constant", &rate(times)]]).summary;
    let swinging = at(2.0).findings;
    assert!(matches!(swinging[..], [.., Finding::Oscillated { .. }]), "{swinging:?}");
    assert!(at(1.5).findings.is_empty(), "{:?}", at(1.5).findings);
}
