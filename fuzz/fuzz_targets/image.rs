//! Images: one file in a folder of a class.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::{load, with_files};

fuzz_target!(|bytes: &[u8]| {
    let name = if bytes.starts_with(b"\x89PNG") { "images/a/1.png" } else { "images/a/1.jpg" };
    with_files(&[(name, bytes), ("images/b/2.png", GREY)], |folder| {
        load("image-folder", &[("path", folder.join("images").display().to_string()), ("size", "4".to_owned())]);
        drop(std::fs::remove_file(folder.join(name)));
    });
});

/// One grey pixel.
const GREY: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8,
    0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82,
    0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
