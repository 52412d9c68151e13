//! CIFAR batches and archives of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_data::readers::{Cifar, Unpacked, cifar};
use onedge_fuzz::{told, with_files};

fuzz_target!(|bytes: &[u8]| {
    let Some((&how, file)) = bytes.split_first() else { return };
    let name = ["data_batch_1.bin", "cifar.tar.gz", "cifar.tar"][usize::from(how) % 3];
    let which = if how < 128 { Cifar::Ten } else { Cifar::HundredFine };
    with_files(&[(name, file)], |folder| {
        if let Err(error) = cifar(&folder.join(name), which, "`path` set to a file", Unpacked::Mib(16)) {
            told(&error);
        }
    });
});
