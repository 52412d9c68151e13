use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use onedge_objective::{Real, State};
use onedge_tune::TrainerState;
use safetensors::tensor::SafeTensors;

use super::*;
use crate::Error;
use crate::checkpoint::CheckpointError;
use onedge_train::Layout;

fn layouts() -> Vec<Layout> {
    let layout = |name: &str, shape: &[usize]| Layout { name: name.to_owned(), shape: shape.to_vec() };
    vec![layout("layers.0.weight", &[2, 2]), layout("layers.0.bias", &[1])]
}

/// Numbers of every kind, some of them odd.
fn sample<T: Real>() -> Checkpoint<T> {
    let vector = |values: [f64; 5]| values.map(T::from_f64).to_vec();
    let w = vector([0.1, -0.0, f64::INFINITY, 1e-310, 3.5]);
    let method = TrainerState {
        trainer: State::new().with_scalar("steps", 7.0).with_vector("update", vector([1.0, 2.0, 3.0, 4.0, 5.0])),
        optimizer: State::new().with_vector("mean", w.clone()).with_vector("empty", Vec::new()),
        tuner: State::new().with_scalar("rate", 0.1).with_vector("window", vec![0.1, 0.2]),
    };
    let top = State::new().with_word("seed", u64::MAX).with_vector("vector.0", w.clone());
    let diagnostics = BTreeMap::from([("top".to_owned(), top), ("b".to_owned(), State::new().with_scalar("x", 0.1))]);
    let progress = State::new().with_scalar("limit", f64::NEG_INFINITY).with_scalar("drawn", 3.0);
    let about = About {
        step: 7,
        spec: "name = \"a\"\n[b]\nc = \"\\\"sha256\\\":\\\"0\"".to_owned(),
        data: "abc".to_owned(),
        version: "1.2".to_owned(),
    };
    let records = State::new().with_scalar("written", 7.0).with_vector("last", vec![0.1, f64::INFINITY]);
    Checkpoint { about, snapshot: Snapshot { w, method, diagnostics, progress }, records }
}

fn written<T: Real>(checkpoint: &Checkpoint<T>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("7.safetensors");
    checkpoint.write(&path, &layouts()).unwrap();
    (folder, path)
}

#[test]
fn everything_comes_back_in_both_precisions() {
    fn check<T: Real>() {
        let (folder, path) = written(&sample::<T>());
        assert_eq!(Checkpoint::<T>::read(&path, &layouts()).unwrap(), sample());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn bits_are_kept_where_numbers_are_not_equal_to_themselves() {
    let (odd, signalling) = (f64::from_bits(0xfff4_0000_0000_0001), f32::from_bits(0x7fa0_1234));
    let mut checkpoint = sample::<f32>();
    checkpoint.snapshot.progress.scalars.insert("limit".to_owned(), odd);
    checkpoint.snapshot.w[1] = signalling;
    let (_folder, path) = written(&checkpoint);
    let Snapshot { w, progress, .. } = Checkpoint::<f32>::read(&path, &layouts()).unwrap().snapshot;
    assert_eq!((progress.scalars["limit"].to_bits(), w[1].to_bits()), (odd.to_bits(), signalling.to_bits()));
}

#[test]
fn other_programs_can_read_it() {
    let (_folder, path) = written(&sample::<f32>());
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("parameters/layers.0.weight").unwrap().shape(), [2, 2]);
    assert_eq!(file.tensor("tuner/rate").unwrap().data(), 0.1_f64.to_le_bytes());
    let (_, head) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = head.metadata().clone().unwrap();
    assert_eq!((metadata["format"].as_str(), metadata["step"].as_str()), ("onedge checkpoint", "7"));
    assert!(
        bytes.len().is_multiple_of(4)
            && file.tensors().iter().all(|(_, view)| (view.data().as_ptr() as usize).is_multiple_of(4))
    );
}

fn message(path: &std::path::Path) -> String {
    match Checkpoint::<f32>::read(path, &layouts()) {
        Err(Error::Checkpoint(fault @ CheckpointError::Damaged { .. })) => fault.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_damage_is_noticed() {
    let (_folder, path) = written(&sample::<f32>());
    let bytes = fs::read(&path).unwrap();
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(&path, &flipped).unwrap();
        assert!(message(&path).contains("7.safetensors: the checkpoint cannot be used: "));
        fs::write(&path, &bytes[..place]).unwrap();
        message(&path);
    }
    fs::write(&path, [&bytes[..], b"x"].concat()).unwrap();
    message(&path);
    fs::remove_file(&path).unwrap();
    assert!(message(&path).contains("it cannot be read: "));
    fs::write(&path, &bytes).unwrap();
    assert!(Checkpoint::<f32>::read(&path, &layouts()).is_ok());
}

#[test]
fn files_of_other_kinds_are_told_apart() {
    let (_folder, path) = written(&sample::<f32>());
    let bytes = fs::read(&path).unwrap();
    let replaced = |from: &str, to: &str| {
        let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut changed = bytes.clone();
        changed[place..place + to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, changed).unwrap();
        message(&path)
    };
    assert!(
        replaced("format_version\":\"1", "format_version\":\"2")
            .ends_with("it has format version 2, expected 1; try the version of onedge that wrote it")
    );
    assert!(replaced("onedge checkpoint", "onedge checkpaint").ends_with("it is no checkpoint"));
    crate::params::save(&path, &layouts(), &[1.0_f32; 5], &Default::default()).unwrap();
    assert!(message(&path).ends_with("its header is incomplete"));
}

#[test]
fn other_parameters_are_named() {
    let (_folder, path) = written(&sample::<f32>());
    let message = |layouts: &[Layout]| {
        let message = Checkpoint::<f32>::read(&path, layouts).unwrap_err().to_string();
        message.split_once("7.safetensors: ").unwrap().1.to_owned()
    };
    let mut changed = layouts();
    changed[0].shape = vec![4];
    assert_eq!(
        message(&changed),
        "parameter `layers.0.weight`: expected F32 of shape [4], got F32 of shape [2, 2]; try the model and precision of the run"
    );
    assert!(message(&layouts()[..1]).starts_with("parameter `layers.0.bias`: expected none, got one; "));
    changed = layouts();
    changed[1].name = "layers.0.scale".to_owned();
    assert!(message(&changed).starts_with("parameter `layers.0.scale`: expected one of shape [1], got none; "));
    let message = Checkpoint::<f64>::read(&path, &layouts()).unwrap_err().to_string();
    assert!(message.contains("expected F64 of shape [2, 2], got F32 of shape [2, 2]"), "{message}");
}
