//! A run whose examples lie on several ranks: it has the bits of one process, and rank 0 keeps no more of its data than the others.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use onedge_cluster::{Place as Ranked, in_threads};
use onedge_run::{DataSets, Finished, Outputs, Place, Request, Unfinished, execute, resume};
use onedge_spec::{Catalogue, Document, Spec};

fn spec(batch: &str) -> Spec {
    let text = format!(
        "steps = 6\n{batch}\ncheckpoint_every = 2\ndiagnostics.sharpness_every = 3\n[data]\nname = \"digits\"\nfirst = 101\n\
         test_fraction = 0.2\n[model]\nhidden = [12]\n[engine]\nlanes = 4\nchunk = 8\nthreads = 1\n"
    );
    Spec::resolve(&Document::parse("on_ranks.toml", &text).unwrap()).unwrap()
}

/// Trains, and looks with `watch` after each step.
fn train(spec: &Spec, root: &Path, data_sets: &mut DataSets, watch: &mut dyn FnMut()) -> Finished {
    let request = Request { spec, place: Place::Under(root), register: None, start: None, save: None };
    execute(&request, data_sets, &mut |_| watch(), &AtomicBool::new(false)).unwrap()
}

fn parameters(finished: &Finished) -> Vec<u8> {
    std::fs::read(finished.folder.join("params.safetensors")).unwrap()
}

#[test]
fn nobody_keeps_all_data_and_the_bits_are_those_of_one_process() {
    for batch in ["", "batch = 30", "batch = 30\ncrop = 1"] {
        let (spec, root) = (spec(batch), tempfile::tempdir().unwrap());
        let alone = train(&spec, root.path(), &mut DataSets::new(None), &mut || {});
        let led = in_threads(3, |ranks| {
            let mut data_sets = DataSets::new(None).placed_at(Box::new(Ranked(Arc::clone(ranks))));
            let there = Arc::downgrade(&data_sets.get(&spec, 1).unwrap());
            let mut looks = 0;
            let finished = train(&spec, root.path(), &mut data_sets, &mut || {
                assert_eq!(there.strong_count(), 0, "{batch}: the data are still there");
                looks += 1;
            });
            assert_eq!(looks, 6);
            finished
        });
        let led = led.unwrap();
        assert_eq!(parameters(&led), parameters(&alone), "{batch}");
        assert_eq!(led.summary.test, alone.summary.test, "{batch}");
        // Its checkpoints know the data, so that it can be resumed without ranks.
        let unfinished = Unfinished::open(&led.folder, Some(8), &Catalogue::standard()).unwrap();
        let (go, outputs) = (AtomicBool::new(false), Outputs::default());
        let further = resume(unfinished, outputs, &mut DataSets::new(None), &mut |_| {}, &go, &mut |_| {}).unwrap();
        assert_eq!(further.summary.steps, 8, "{batch}");
    }
}
