//! A run that is asked to end by a file in its folder does, with a checkpoint, and goes on from there when it is resumed.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use onedge_record::{Record, RunDirectory, StopReason};
use onedge_run::{DataSets, Finished, Outputs, Place, Request, Unfinished, execute, resume};
use onedge_spec::{Catalogue, Document, Spec};

/// Of so many steps that it does not end by itself while a test is there.
fn endless() -> Spec {
    let mut document = Document::parse("test", "steps = 1000000000\n").unwrap();
    for set in
        ["data=mixture", "data.examples=8", "data.features=2", "model=linear", "tuner=constant", "tuner.rate=0.001"]
    {
        document.set(set).unwrap();
    }
    Spec::resolve(&document).unwrap()
}

/// Resumes the run with somebody who asks for its end at each step.
fn resumed(folder: &Path) -> Finished {
    let unfinished = Unfinished::open(folder, None, &Catalogue::standard()).unwrap();
    let mut ask = |_: &Record| RunDirectory::at(folder).ask_to_stop().unwrap();
    let (mut data, never) = (DataSets::new(None), AtomicBool::new(false));
    resume(unfinished, Outputs::default(), &mut data, &mut ask, &never, &mut |_| {}).unwrap()
}

#[test]
fn a_run_that_is_asked_to_end_does() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let directory = RunDirectory::at(&folder);
    let (spec, mut data, never) = (endless(), DataSets::new(None), AtomicBool::new(false));
    let request = Request { spec: &spec, place: Place::At(&folder), register: None, start: None, save: None };
    let mut ask = |record: &Record| {
        if record.step == 3 {
            directory.ask_to_stop().unwrap()
        }
    };
    let first = execute(&request, &mut data, &mut ask, &never).unwrap();
    let StopReason::Interrupted { step } = first.summary.stop else { panic!("{:?}", first.summary.stop) };
    assert!(step > 3 && !directory.stop_request().exists());
    assert!(directory.checkpoints().join(format!("{step}.safetensors")).is_file());
    // What was asked once nobody was there stops nobody: it is another request that ends the run, after a step.
    directory.ask_to_stop().unwrap();
    let second = resumed(&folder);
    let StopReason::Interrupted { step: end } = second.summary.stop else { panic!("{:?}", second.summary.stop) };
    assert!(end > step && !directory.stop_request().exists(), "{step} {end}");
}
