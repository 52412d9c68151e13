//! What is written when.

use std::fs;
use std::sync::atomic::AtomicBool;

use onedge_record::{Record, StopReason};
use onedge_run::{DataSets, Place, Request, execute_until};
use onedge_spec::{Document, Spec};

#[test]
fn what_is_shown_has_been_written_and_what_is_behind_a_checkpoint_too() {
    let text = "steps = 12\ncheckpoint_every = 3\ncheckpoint_keep = 0\n[data]\nname = \"teacher\"\nexamples = 20\nfeatures = 3\n\
                [model]\nhidden = [4]\n[engine]\nthreads = 1\n";
    let spec = Spec::resolve(&Document::parse("test", text).unwrap()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let mut seen = 0;
    let mut judge = |record: &Record| {
        let written = fs::read_to_string(folder.join("steps.jsonl")).unwrap();
        assert_eq!(
            written.lines().count() as u64,
            record.step + 1,
            "step {} is shown before it is written",
            record.step
        );
        assert!(written.ends_with('\n'));
        // The checkpoint before this step is there, and so is nothing that comes later.
        let step = record.step / 3 * 3;
        assert_eq!(folder.join(format!("checkpoints/{step}.safetensors")).is_file(), step > 0, "step {}", record.step);
        assert!(!folder.join(format!("checkpoints/{}.safetensors", step + 3)).exists());
        seen += 1;
        (record.step == 10).then_some(StopReason::Hopeless { step: 10, loss: 0.0, limit: 0.0 })
    };
    let request = Request { spec: &spec, place: Place::At(&folder), register: None, start: None, save: None };
    let finished = execute_until(&request, &mut DataSets::new(None), &mut judge, &AtomicBool::new(false)).unwrap();
    assert_eq!((seen, finished.summary.steps), (11, 11));
    assert!(matches!(finished.summary.stop, StopReason::Hopeless { step: 10, .. }));
}
