//! Checkpoints and files of parameters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::{told, with_files};
use onedge_record::checkpoint::Checkpoint;
use onedge_record::params;
use onedge_train::Layout;

fuzz_target!(|bytes: &[u8]| {
    let layouts = [Layout { name: "w".to_owned(), shape: vec![2, 3] }, Layout { name: "b".to_owned(), shape: vec![3] }];
    with_files(&[("5.safetensors", bytes)], |folder| {
        let path = folder.join("5.safetensors");
        let faults = [
            Checkpoint::<f32>::read(&path, &layouts).err(),
            params::load::<f64>(&path, &layouts).err(),
            params::metadata(&path).err(),
        ];
        faults.iter().flatten().for_each(|error| told(error));
    });
});
