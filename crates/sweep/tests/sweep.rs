//! Sweeps: every run is done once, whoever does it and whatever happened before.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use onedge_record::{RunDirectory, StopReason};
use onedge_run::{DataSets, Outputs, Unfinished, resume};
use onedge_spec::{Catalogue, Document, Spec, expand};
use onedge_sweep::{Axes, Event, GiveUp, Hopeless, Report, Share, Status, Sweep, Workers, find, folder, run, survey};

/// A problem that takes no time, with what differs.
fn specs(changes: &[&str]) -> Vec<Spec> {
    let text = "steps = 12\n[data]\nname = \"mixture\"\nexamples = 30\nfeatures = 3\nclasses = 2\n[model]\nhidden = [4]\n\
                [tuner]\nname = \"constant\"\nrate = 0.1\n[diagnostics]\nsharpness_every = 5\n[engine]\nthreads = 1\n";
    let mut document = Document::parse("a.toml", text).unwrap();
    for change in changes {
        document.set(change).unwrap();
    }
    expand(&document).unwrap().into_iter().map(|variant| variant.spec).collect()
}

fn six() -> Vec<Spec> {
    specs(&["seed=[0, 1, 2]", "tuner.rate=[0.1, 0.2]"])
}

/// Runs, and says which runs were begun, in order.
fn begun(specs: &[Spec], root: &Path, workers: &Workers) -> (Vec<usize>, Vec<Status>) {
    let begun = Mutex::new(Vec::new());
    let observe = |event: Event<'_>| {
        if let Event::Started { run, .. } = event {
            begun.lock().unwrap().push(run);
        }
    };
    let statuses = run(specs, root, workers, &DataSets::new(None), &observe, &AtomicBool::new(false)).unwrap();
    (begun.into_inner().unwrap(), statuses)
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".claims");
    names.sort();
    names
}

fn expected_names(root: &Path, specs: &[Spec]) -> Vec<String> {
    let names = specs.iter().map(|spec| folder(root, spec).file_name().unwrap().to_str().unwrap().to_owned());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn summary(status: &Status) -> &onedge_record::Summary {
    match status {
        Status::Done(done) => &done.summary,
        other => panic!("expected a run at its end, got {other:?}"),
    }
}

#[test]
fn each_run_is_done_once_and_found_again() {
    let (root, specs) = (tempfile::tempdir().unwrap(), six());
    let (first, statuses) = begun(&specs, root.path(), &Workers::new(2));
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 6);
    assert_eq!(first.len(), 6);
    assert_eq!(names(root.path()), expected_names(root.path(), &specs));
    assert!(statuses.iter().all(|status| summary(status).stop == StopReason::StepsDone));
    let digest = specs[0].digest();
    assert!(names(root.path()).contains(&format!("constant-{}", &digest[..12])));
    let (again, same) = begun(&specs, root.path(), &Workers::new(2));
    assert_eq!((again.len(), same), (0, statuses));
    assert_eq!(fs::read_dir(root.path().join(".claims")).unwrap().count(), 0);
    // What is wanted beyond that is done, under whatever name.
    let (more, _) = begun(&crate::specs(&["name=wider", "tuner.rate=[0.1, 0.2, 0.3]"]), root.path(), &Workers::new(1));
    assert_eq!(more, [2]);
}

#[test]
fn workers_share_the_runs() {
    let (root, specs) = (tempfile::tempdir().unwrap(), six());
    let work = || begun(&specs, root.path(), &Workers::new(1));
    let (one, two) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(work), scope.spawn(work));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one.1, two.1, "both wait for all");
    assert_eq!(one.0.len() + two.0.len(), 6);
    assert_eq!(names(root.path()), expected_names(root.path(), &specs));
}

#[test]
fn shares_are_disjoint_and_complete() {
    // The last two are the same run, which is in one share only.
    let mut specs = six();
    specs.push(Spec { name: "again".to_owned(), ..specs[5].clone() });
    let root = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for index in 1..=4 {
        let share = Some(Share { index, of: 4 });
        let (runs, statuses) = begun(&specs, root.path(), &Workers { share, ..Workers::new(1) });
        let expected: Vec<usize> = (0..6).filter(|run| run % 4 + 1 == index).collect();
        assert_eq!(runs, expected);
        all.extend(runs);
        assert_eq!(
            statuses.iter().filter(|status| **status == Status::Open).count(),
            7 - all.len() - usize::from(all.contains(&5))
        );
    }
    assert_eq!(all.len(), 6);
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let (root, specs) = (tempfile::tempdir().unwrap(), six());
    let interrupt = AtomicBool::new(false);
    let observe = |event: Event<'_>| {
        if let Event::Step { run: 1, record, .. } = event {
            interrupt.store(record.step == 6, Ordering::Relaxed);
        }
    };
    let statuses = run(&specs, root.path(), &Workers::new(1), &DataSets::new(None), &observe, &interrupt).unwrap();
    assert!(matches!(statuses[0], Status::Done(_)));
    assert_eq!(statuses[1], Status::Broken(StopReason::Interrupted { step: 7 }));
    assert!(statuses[2..].iter().all(|status| *status == Status::Open));
    let name = expected_names(root.path(), &specs[1..2]).remove(0);
    let left = names(root.path()).into_iter().find(|other| other.starts_with(&format!("{name}.unfinished-"))).unwrap();
    assert_eq!(RunDirectory::open(&root.path().join(left)).unwrap().read_steps().unwrap().records.len(), 7);
    let (runs, statuses) = begun(&specs, root.path(), &Workers::new(1));
    assert_eq!(runs, [1, 2, 3, 4, 5]);
    assert_eq!(summary(&statuses[1]).steps, 12);
    assert_eq!(names(root.path()), expected_names(root.path(), &specs));
    let other = tempfile::tempdir().unwrap();
    begun(&specs[1..2], other.path(), &Workers::new(1));
    let [resumed, whole] = [root.path(), other.path()].map(|root| {
        let directory = RunDirectory::open(&folder(root, &specs[1])).unwrap();
        let losses = directory.read_steps().unwrap().records.iter().map(|record| record.loss.to_bits()).collect();
        (directory.resumptions().unwrap().len(), losses, fs::read(directory.params()).unwrap())
    });
    assert_eq!((resumed.0, whole.0), (1, 0));
    let same: [Vec<u64>; 2] = [resumed.1, whole.1];
    assert!(same[0] == same[1] && same[0].len() == 12 && resumed.2 == whole.2);
}

#[test]
fn a_run_that_was_taken_further_is_another_one() {
    let (root, specs) = (tempfile::tempdir().unwrap(), specs(&["checkpoint_every=6"]));
    begun(&specs, root.path(), &Workers::new(1));
    let done = folder(root.path(), &specs[0]);
    let further = Unfinished::open(&done, Some(15), &Catalogue::standard()).unwrap();
    let go = AtomicBool::new(false);
    resume(further, Outputs::default(), &mut DataSets::new(None), &mut |_| {}, &go, &mut |_| {}).unwrap();
    assert!(find(root.path(), &specs[0], Hopeless::Ended).unwrap().is_none());
    let (runs, statuses) = begun(&specs, root.path(), &Workers::new(1));
    assert_eq!((runs, summary(&statuses[0]).steps), (vec![0], 12));
    assert!(names(root.path()).iter().any(|name| name.ends_with(".abandoned-1")));
}

#[test]
fn a_run_whose_checkpoints_are_of_no_use_is_begun_anew() {
    let (root, specs) = (tempfile::tempdir().unwrap(), six());
    let interrupt = AtomicBool::new(false);
    let observe = |event: Event<'_>| {
        if let Event::Step { record, .. } = event {
            interrupt.store(record.step == 6, Ordering::Relaxed);
        }
    };
    run(&specs[..1], root.path(), &Workers::new(1), &DataSets::new(None), &observe, &interrupt).unwrap();
    let name = expected_names(root.path(), &specs[..1]).remove(0);
    let left = names(root.path()).into_iter().find(|other| other.starts_with(&name)).unwrap();
    let checkpoint = root.path().join(&left).join("checkpoints/7.safetensors");
    let length = fs::metadata(&checkpoint).unwrap().len();
    fs::OpenOptions::new().write(true).open(&checkpoint).unwrap().set_len(length - 9).unwrap();
    let told = Mutex::new(Vec::new());
    let observe = |event: Event<'_>| {
        if let Event::Told { sentence, .. } = event {
            told.lock().unwrap().push(sentence.to_owned());
        }
    };
    let go = AtomicBool::new(false);
    let statuses = run(&specs[..1], root.path(), &Workers::new(1), &DataSets::new(None), &observe, &go).unwrap();
    assert_eq!(summary(&statuses[0]).steps, 12);
    let told = told.into_inner().unwrap();
    assert!(told.len() == 2 && told[1].starts_with("begins anew: ") && told[1].contains("checkpoint"), "{told:?}");
    assert_eq!(names(root.path()), [name.clone(), format!("{name}.abandoned-1")]);
}

#[test]
fn a_run_that_lacks_but_its_name_is_not_repeated() {
    let (root, specs) = (tempfile::tempdir().unwrap(), six());
    begun(&specs, root.path(), &Workers::new(1));
    // Killed between the summary and the renaming.
    let done = folder(root.path(), &specs[2]);
    let before = root.path().join(format!("{}.unfinished-0123456789ab", done.file_name().unwrap().to_str().unwrap()));
    fs::rename(&done, &before).unwrap();
    assert_eq!(begun(&specs, root.path(), &Workers::new(1)).0.len(), 0);
    assert!(done.is_dir() && !before.exists());
    // Without its parameters it is not all there.
    fs::rename(&done, &before).unwrap();
    fs::remove_file(before.join("params.safetensors")).unwrap();
    assert_eq!(begun(&specs, root.path(), &Workers::new(1)).0, [2]);
    // Nor without its summary.
    fs::remove_file(done.join("summary.json")).unwrap();
    assert_eq!(begun(&specs, root.path(), &Workers::new(1)).0, [2]);
    assert_eq!(names(root.path()).iter().filter(|name| name.contains(".abandoned-")).count(), 2);
}

#[test]
fn hopeless_runs_are_given_up_if_that_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let specs = specs(&["tuner.rate=[0.5, 1e-9, 0.4]", "steps=40"]);
    let rule = GiveUp { at: vec![0.25, 0.5], margin: 1.1, groups: vec![0; 3] };
    let workers = Workers { give_up: Some(rule.clone()), ..Workers::new(1) };
    let (runs, statuses) = begun(&specs, root.path(), &workers);
    assert_eq!(runs, [0, 1, 2]);
    let stops: Vec<&StopReason> = statuses.iter().map(|status| &summary(status).stop).collect();
    assert!(stops[0].is_success() && stops[2].is_success(), "{stops:?}");
    // After ten of forty steps, by the means of the last five losses.
    let losses = |status: &Status| -> Vec<f64> {
        let Status::Done(done) = status else { panic!() };
        let steps = RunDirectory::open(&done.folder).unwrap().read_steps().unwrap();
        steps.records[5..10].iter().map(|record| record.loss).collect()
    };
    let mean = |losses: Vec<f64>| losses.iter().sum::<f64>() / 5.0;
    let StopReason::Hopeless { step, loss, limit } = *stops[1] else { panic!("{stops:?}") };
    assert_eq!((step, loss), (9, mean(losses(&statuses[1]))));
    let best = if summary(&statuses[0]).final_loss < summary(&statuses[2]).final_loss { 0 } else { 2 };
    assert_eq!((best, limit), (0, 1.1 * mean(losses(&statuses[0]))));
    assert!(loss > limit);
    // Found again where the rule is in force, done to the end where it is not.
    assert_eq!(begun(&specs, root.path(), &workers).0.len(), 0);
    assert!(find(root.path(), &specs[1], Hopeless::Unwanted).unwrap().is_none());
    let (runs, statuses) = begun(&specs, root.path(), &Workers::new(1));
    assert_eq!((runs, summary(&statuses[1]).steps), (vec![1], 40));
    // Another group knows no better.
    let apart = Workers { give_up: Some(GiveUp { groups: vec![0, 1, 0], ..rule }), ..Workers::new(1) };
    let other = tempfile::tempdir().unwrap();
    assert!(begun(&specs, other.path(), &apart).1.iter().all(|status| summary(status).stop.is_success()));
}

#[test]
fn diverged_runs_are_done_and_failures_end_the_sweep() {
    let root = tempfile::tempdir().unwrap();
    let mut specs = specs(&["tuner.rate=[1e9, 0.1]"]);
    let (_, statuses) = begun(&specs, root.path(), &Workers::new(1));
    assert!(matches!(summary(&statuses[0]).stop, StopReason::Diverged { .. } | StopReason::NonFinite { .. }));
    assert_eq!(begun(&specs, root.path(), &Workers::new(1)).0.len(), 0);
    // More in a batch than there are.
    specs.insert(1, Spec { batch: Some(31), ..specs[1].clone() });
    specs.push(Spec { seed: 9, ..specs[0].clone() });
    let (library, interrupt) = (DataSets::new(None), AtomicBool::new(false));
    let error = run(&specs, root.path(), &Workers::new(1), &library, &|_| {}, &interrupt).unwrap_err();
    assert!(error.to_string().contains("expected at most 30"), "{error}");
    let statuses = survey(&specs, root.path(), Hopeless::Unwanted).unwrap();
    let done: Vec<bool> = statuses.iter().map(|status| matches!(status, Status::Done(_))).collect();
    assert_eq!(done, [true, false, true, false]);
}

#[test]
fn the_examples_are_sweeps() {
    let count = |text: &str| {
        Sweep::parse("s.toml", text, &[], &Catalogue::standard())
            .unwrap()
            .trials(&mut DataSets::new(None))
            .unwrap()
            .len()
    };
    assert_eq!(count(include_str!("../../../experiments/sweep-batch.toml")), 4 * 2 * (6 * 3 + 6));
    let documented = include_str!("../../../docs/SWEEPS.md").split("```").find_map(|block| block.strip_prefix("toml"));
    assert_eq!(count(documented.unwrap()), 3 * 3 * 2 * 20);
}

#[test]
fn maps_suit_what_varies() {
    let axes = |text: &str| {
        let trials = Sweep::parse("s.toml", text, &[], &Catalogue::standard())
            .unwrap()
            .trials(&mut DataSets::new(None))
            .unwrap();
        let statuses = vec![Status::Open; trials.len()];
        Report::new(&trials, &statuses).unwrap().usual_axes()
    };
    let over = |x: &str, y: &str, panels: Option<&str>| Axes {
        x: x.to_owned(),
        y: y.to_owned(),
        panels: panels.map(str::to_owned),
        variant: Some("cdat".to_owned()),
    };
    let (sigma, beta) = ("[tuner]\nsigma = [1.5, 2.0, 2.5]\n", "beta = [0.0, 0.9]\n");
    assert_eq!(axes(&format!("batch = [8, 16, 32]\n{sigma}")), [over("tuner.sigma", "batch", None)]);
    assert_eq!(
        axes(&format!("batch = [8, 16, 32]\nseed = [0, 1]\n{sigma}{beta}")),
        [over("tuner.sigma", "batch", Some("tuner.beta"))]
    );
    // What is no number has the panels, however many there are.
    let activations = "[model]\nactivation = [\"relu\", \"tanh\", \"gelu\", \"elu\"]\n";
    assert_eq!(
        axes(&format!("{activations}{sigma}{beta}")),
        [over("tuner.beta", "tuner.sigma", Some("model.activation"))]
    );
    // A single row, a text along an axis, and points scattered at random are no maps.
    assert_eq!(axes(sigma), []);
    assert_eq!(axes(&format!("{activations}{sigma}")), []);
    let drawn = "sigma = { uniform = { min = 1, max = 2 } }\nbeta = { uniform = { min = 0, max = 0.9 } }\n";
    assert_eq!(axes(&format!("[tuner]\n{drawn}[sweep]\nrandom = 5\n")), []);
}
