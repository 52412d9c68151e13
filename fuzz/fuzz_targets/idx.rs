//! IDX files of images and labels: the first byte says where the one ends and the other begins.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::{load, with_files};

fuzz_target!(|bytes: &[u8]| {
    let Some((&share, files)) = bytes.split_first() else { return };
    let (images, labels) = files.split_at(files.len() * usize::from(share) / 255);
    with_files(&[("images", images), ("labels", labels)], |folder| {
        let path = |name: &str| folder.join(name).display().to_string();
        load("idx", &[("images", path("images")), ("labels", path("labels"))]);
    });
});
