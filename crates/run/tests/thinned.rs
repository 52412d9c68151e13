//! Runs of which not every record is kept: the file has some of the lines that the whole one has, and goes on to the same lines wherever
//! the run was stopped.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use onedge_data::{Dataset, Targets};
use onedge_nn::losses;
use onedge_objective::State;
use onedge_record::checkpoint::Checkpoint;
use onedge_record::{Record, RunDirectory, StopReason, Summary};
use onedge_run::{
    Branch, DataSets, Finished, Outputs, Place, Request, RunIn, Unfinished, build_problem, execute, execute_until,
    fork, resume,
};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_train::fit::{Fit, fit};

const STEPS: u64 = 40;

/// Every seventh record, the sharpness every ninth step, test examples every eleventh, a checkpoint every fourth.
const THIN: [&str; 3] = ["record_every=7", "checkpoint_every=4", "checkpoint_keep=0"];

fn spec(sets: &[&str]) -> Spec {
    let text = "
steps = 40
batch = 8
[data]
name = 'mixture'
examples = 24
features = 2
classes = 2
test_fraction = 0.25
[model]
hidden = [3]
[optimizer]
name = 'momentum'
[diagnostics]
sharpness_every = 9
[evaluation]
every = 11
";
    let mut document = Document::parse("test", text).unwrap();
    document.set_all(sets).unwrap();
    Spec::resolve(&document).unwrap()
}

/// Runs a spec in a folder; `stop` says after which step it is to end, and whether for good.
fn run(folder: &Path, sets: &[&str], stop: Option<(u64, bool)>) -> Finished {
    let (spec, never) = (spec(sets), AtomicBool::new(false));
    let request = Request { spec: &spec, place: Place::At(folder), register: None, start: None, save: None };
    let mut judge = |record: &Record| match stop.filter(|(step, _)| record.step == *step) {
        None => None,
        Some((step, true)) => Some(StopReason::Hopeless { step, loss: 2.0, limit: 1.0 }),
        Some((_, false)) => {
            never.store(true, Ordering::Relaxed);
            None
        }
    };
    execute_until(&request, &mut DataSets::new(None), &mut judge, &never).unwrap()
}

fn resumed(folder: &Path, steps: Option<u64>, told: &mut Vec<String>) -> Finished {
    let unfinished = Unfinished::open(folder, steps, &Catalogue::standard()).unwrap();
    let (mut data, never) = (DataSets::new(None), AtomicBool::new(false));
    let mut tell = |sentence: &str| told.push(sentence.to_owned());
    resume(unfinished, Outputs::default(), &mut data, &mut |_| {}, &never, &mut tell).unwrap()
}

/// The lines of the records but for times, byte for byte.
fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("steps.jsonl")).unwrap();
    let timeless = |line: &str| {
        let at = line.find("\"seconds\":").unwrap() + 10;
        let end = at + line[at..].find([',', '}']).unwrap();
        format!("{}{}", &line[..at], &line[end..])
    };
    text.lines().map(timeless).collect()
}

fn steps(folder: &Path) -> Vec<u64> {
    RunDirectory::at(folder).read_steps().unwrap().records.iter().map(|record| record.step).collect()
}

/// The summary without times.
fn summary(folder: &Path) -> Summary {
    let summary = RunDirectory::at(folder).read_summary().unwrap().unwrap();
    Summary { ended: None, seconds: 0.0, spectrum_seconds: 0.0, checkpoint_seconds: 0.0, ..summary }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => assert!(fs::copy(entry.path(), to).is_ok()),
        }
    }
}

/// Makes of a finished run in `whole` what a kill before the step `step` leaves, in `folder`.
fn killed(whole: &Path, folder: &Path, step: u64) {
    copy(whole, folder);
    fs::remove_file(folder.join("summary.json")).unwrap();
    for entry in fs::read_dir(folder.join("checkpoints")).unwrap().flatten() {
        let of: u64 = entry.path().file_stem().unwrap().to_str().unwrap().parse().unwrap();
        if of > step {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    // What was held to the end was not written before.
    let layouts = build_problem::<f32>(&spec(&[]), &mut DataSets::new(None)).unwrap().layouts;
    let end = Checkpoint::<f32>::read(&whole.join("checkpoints/40.safetensors"), &layouts).unwrap();
    let held = end.records.scalars.get("held.step").copied();
    let text = fs::read_to_string(folder.join("steps.jsonl")).unwrap();
    let written = |line: &&str| {
        let of: u64 = line[8..line.find(',').unwrap()].parse().unwrap();
        of < step && Some(of as f64) != held
    };
    let mut kept: String = text.lines().filter(written).map(|line| format!("{line}\n")).collect();
    kept += "{\"step\":7";
    fs::write(folder.join("steps.jsonl"), kept).unwrap();
}

#[test]
fn of_all_lines_those_are_kept_that_say_more() {
    let root = tempfile::tempdir().unwrap();
    let (whole, thin) = (root.path().join("whole"), root.path().join("thin"));
    let all = run(&whole, &[], None);
    let some = run(&thin, &THIN, None);
    let (of_all, of_some) = (lines(&whole), lines(&thin));
    assert_eq!(of_all.len(), STEPS as usize);
    let events = all.records.iter().filter(|r| r.slope.unwrap() > 0.0 || r.curvature.is_some_and(|bend| bend < 0.0));
    let events: Vec<u64> = events.map(|record| record.step).collect();
    let expected = |step: &u64| {
        [7, 9, 11].iter().any(|every| step.is_multiple_of(*every)) || *step == STEPS - 1 || events.contains(step)
    };
    let expected: Vec<u64> = (0..STEPS).filter(expected).collect();
    assert!(expected.len() < 30, "{events:?}");
    assert_eq!(steps(&thin), expected);
    assert_eq!(of_some, expected.iter().map(|step| of_all[*step as usize].clone()).collect::<Vec<_>>());
    assert_eq!(some.records.iter().map(|record| record.step).collect::<Vec<_>>(), expected);
    // What is said of it does not depend on what is kept.
    assert_eq!(summary(&thin), summary(&whole));
    // However it ends, the last record is there.
    for (at, is_final) in [(24, true), (25, false)] {
        let folder = root.path().join(format!("{at}"));
        run(&folder, &THIN, Some((at, is_final)));
        assert_eq!(steps(&folder).last(), Some(&at), "{:?}", summary(&folder).stop);
    }
}

#[test]
fn a_run_goes_on_to_the_same_lines_wherever_it_was_stopped() {
    let root = tempfile::tempdir().unwrap();
    for every in ["record_every=7", "record_every=1", "record_every=1000"] {
        let whole = root.path().join(every);
        run(&whole, &[&THIN[1..], &[every]].concat(), None);
        for step in [1, 4, 5, 8, 14, 15, 22, 28, 33, 39, 40] {
            let (folder, mut told) = (root.path().join(format!("{every}-{step}")), Vec::new());
            killed(&whole, &folder, step);
            resumed(&folder, None, &mut told);
            let what = format!("{every}, killed before {step}: {told:?}");
            assert_eq!(lines(&folder), lines(&whole), "{what}");
            assert_eq!(summary(&folder), summary(&whole), "{what}");
            assert_eq!(told.len(), 1, "{what}");
            let from = if step < 4 { "begins again".to_owned() } else { format!("at step {} ", step / 4 * 4) };
            assert!(told[0].contains(&from), "{what}");
        }
        // Ended by Ctrl-C, where the last record is written.
        for at in [12, 13, 20, 21] {
            let folder = root.path().join(format!("{every}-interrupted-{at}"));
            run(&folder, &[&THIN[1..], &[every]].concat(), Some((at, false)));
            assert_eq!(steps(&folder).last(), Some(&at));
            resumed(&folder, None, &mut Vec::new());
            assert_eq!((lines(&folder), summary(&folder)), (lines(&whole), summary(&whole)), "{every}, ended at {at}");
        }
        // Taken further than it was to go: what was the last record is none any more, and is lost nowhere.
        let folder = root.path().join(format!("{every}-further"));
        run(&folder, &[&THIN[1..], &[every, "steps=30", "tuner=constant", "tuner.rate=0.05"]].concat(), None);
        let straight = root.path().join(format!("{every}-straight"));
        run(&straight, &[&THIN[1..], &[every, "tuner=constant", "tuner.rate=0.05"]].concat(), None);
        resumed(&folder, Some(STEPS), &mut Vec::new());
        assert_eq!((lines(&folder), summary(&folder)), (lines(&straight), summary(&straight)), "{every}");
        let aside = fs::read_to_string(folder.join("superseded.jsonl")).unwrap_or_default();
        let was_held = every != "record_every=1" && !steps(&straight).contains(&29);
        assert_eq!(aside.lines().count(), usize::from(was_held), "{every}");
    }
}

/// An earlier version wrote checkpoints that know nothing of records.
#[test]
fn checkpoints_of_earlier_versions_have_their_records_read() {
    let root = tempfile::tempdir().unwrap();
    let (whole, folder) = (root.path().join("whole"), root.path().join("old"));
    run(&whole, &THIN[1..], None);
    killed(&whole, &folder, 27);
    let layouts = build_problem::<f32>(&spec(&[]), &mut DataSets::new(None)).unwrap().layouts;
    for entry in fs::read_dir(folder.join("checkpoints")).unwrap().flatten() {
        let checkpoint = Checkpoint::<f32>::read(&entry.path(), &layouts).unwrap();
        assert!(!checkpoint.records.is_empty());
        Checkpoint { records: State::new(), ..checkpoint }.write(&entry.path(), &layouts).unwrap();
    }
    let mut told = Vec::new();
    resumed(&folder, None, &mut told);
    assert_eq!(told, ["goes on from the checkpoint at step 24 of 40"]);
    assert_eq!((lines(&folder), summary(&folder)), (lines(&whole), summary(&whole)));
}

#[test]
fn lost_records_are_noticed_though_many_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    run(&whole, &THIN, None);
    let lost = |name: &str, of: &[u64]| {
        let folder = root.path().join(name);
        killed(&whole, &folder, 38);
        let text = fs::read_to_string(folder.join("steps.jsonl")).unwrap();
        let stays = |line: &&str| !of.iter().any(|step| line.starts_with(&format!("{{\"step\":{step},")));
        let left: String = text.lines().filter(stays).map(|line| format!("{line}\n")).collect();
        fs::write(folder.join("steps.jsonl"), left).unwrap();
        let mut told = Vec::new();
        resumed(&folder, None, &mut told);
        (folder, told)
    };
    // They are taken again, be they among those that every run has or not.
    for of in [21, 22] {
        let (folder, told) = lost(&format!("again {of}"), &[of]);
        assert!(told[0].starts_with("goes on from the checkpoint at step 20 of 40"), "{told:?}");
        assert_eq!((lines(&folder), summary(&folder)), (lines(&whole), summary(&whole)), "{told:?}");
    }
    // Those before every checkpoint are gone, which is said once; what is said of the run needs them not.
    for (of, said) in [(0, "no records of steps 0 to 6; the run goes on without them"), (4, "")] {
        if !steps(&whole).contains(&of) {
            continue;
        }
        let (folder, told) = lost(&format!("gone {of}"), &[of]);
        assert!(told.iter().any(|sentence| sentence.ends_with(said)), "{told:?}");
        assert_eq!((lines(&folder).len(), summary(&folder)), (lines(&whole).len() - 1, summary(&whole)));
        let mut told = Vec::new();
        resumed(&folder, Some(STEPS + 1), &mut told);
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

/// What a fork says of its first and best loss does not depend on what its origin kept, and it may keep more.
#[test]
fn a_fork_keeps_what_it_likes() {
    let root = tempfile::tempdir().unwrap();
    let forked = |from: &[&str], at: u64, name: &str| {
        let (run_folder, folder) = (root.path().join(format!("{name} origin")), root.path().join(name));
        run(&run_folder, &[&THIN[1..], from].concat(), None);
        let changes = ["name=fork".to_owned(), "record_every=1".to_owned(), "tuner.sigma=1.1".to_owned()];
        let branch = Branch::open(&run_folder, at, &changes, &Catalogue::standard()).unwrap();
        let (mut data, never) = (DataSets::new(None), AtomicBool::new(false));
        fork(&branch, Place::At(&folder), Outputs::default(), &mut data, &mut |_| {}, &never, &mut |_| {}).unwrap();
        folder
    };
    // At a checkpoint, and between two of them.
    for at in [20, 23] {
        let dense = forked(&["record_every=1"], at, &format!("dense {at}"));
        let thin = forked(&["record_every=7"], at, &format!("thin {at}"));
        assert_eq!(summary(&thin), summary(&dense));
        let own = |folder: &Path| lines(folder).split_off(steps(folder).iter().filter(|step| **step < at).count());
        assert_eq!((own(&thin), own(&thin).len() as u64), (own(&dense), STEPS - at));
        assert!(steps(&thin).len() < steps(&dense).len());
        // It has no gaps that it would be told of.
        let mut told = Vec::new();
        resumed(&thin, Some(STEPS + 3), &mut told);
        assert_eq!(told.len(), 1, "{told:?}");
        resumed(&dense, Some(STEPS + 3), &mut Vec::new());
        assert_eq!(summary(&thin), summary(&dense));
    }
}

fn wave() -> Fit {
    let x: Vec<f64> = (0..40).map(|i| f64::from(i) / 20.0 - 1.0).collect();
    let y: Vec<f64> = x.iter().map(|x| (3.0 * x).sin()).collect();
    let data = Dataset::from_arrays(&x, &[40, 1], Targets::values(&y, 1).unwrap()).unwrap();
    fit(data, losses::build("squared", Default::default()).unwrap(), |layers, x| layers.dense(x, 1)).unwrap()
}

#[test]
fn own_models_keep_as_much_in_memory_as_in_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("wave");
    let thin = || wave().steps(33).record_every(8).sharpness_every(5);
    let timeless = |records: Vec<Record>| -> Vec<Record> {
        records.into_iter().map(|record| Record { seconds: 0.0, ..record }).collect()
    };
    let memory = thin().run().unwrap();
    let disk = thin().run_in(&folder, 4).unwrap();
    assert_eq!(timeless(memory.records.clone()), timeless(disk.records));
    let kept: Vec<u64> = memory.records.iter().map(|record| record.step).collect();
    assert_eq!(kept, [0, 5, 8, 10, 15, 16, 20, 24, 25, 30, 32]);
    assert_eq!(memory.findings, wave().steps(33).sharpness_every(5).run().unwrap().findings);
    assert!(wave().record_every(0).run().is_err());
}

/// What is kept of a run while it goes on is in its checkpoints, and has a bound.
#[test]
fn a_checkpoint_does_not_grow_with_the_steps() {
    let root = tempfile::tempdir().unwrap();
    let sets = [
        "data.examples=8",
        "model=linear",
        "optimizer=gd",
        "tuner=constant",
        "tuner.rate=0.01",
        "diagnostics.sharpness_every=0",
        "evaluation.every=0",
        "engine.threads=1",
        "steps=100",
        "record_every=1000",
        "checkpoint_every=100000",
    ];
    let folder = root.path().join("long");
    let spec = spec(&sets);
    let spec = Spec { batch: None, steps: 70_000, ..spec };
    let request = Request { spec: &spec, place: Place::At(&folder), register: None, start: None, save: None };
    execute(&request, &mut DataSets::new(None), &mut |_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!(steps(&folder).len(), 71);
    let layouts = build_problem::<f32>(&spec, &mut DataSets::new(None)).unwrap().layouts;
    let checkpoint = Checkpoint::<f32>::read(&folder.join("checkpoints/70000.safetensors"), &layouts).unwrap();
    let longest = checkpoint.records.vectors.values().map(Vec::len).max().unwrap();
    assert!(longest <= 1 << 16, "{longest}");
    assert_eq!(checkpoint.records.scalars["course.steps"], 70_000.0);
}
