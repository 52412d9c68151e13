//! Texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::{load, with_files};

fuzz_target!(|bytes: &[u8]| {
    let Some((&context, text)) = bytes.split_first() else { return };
    with_files(&[("t.txt", text)], |folder| {
        let path = folder.join("t.txt").display().to_string();
        load("text", &[("path", path), ("context", (context % 9).to_string())]);
    });
});
