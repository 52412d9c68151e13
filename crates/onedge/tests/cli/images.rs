//! Folders of images, and what mini-batches do to them.

use std::fs;

use jpeg_encoder::Encoder as JpegEncoder;
use png::{BitDepth, ColorType, Encoder};

use crate::bench::{Bench, Output};

/// A PNG image of 9 x 8 pixels, all of one level.
fn png(level: u8, depth: BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 9, 8);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(depth);
    let bytes_of_a_channel = if depth == BitDepth::Sixteen { 2 } else { 1 };
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![level; 9 * 8 * 3 * bytes_of_a_channel]).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The same with the chunk that announces an animation of so many frames, right after the header of 33 bytes.
fn animated(frames: u32) -> Vec<u8> {
    let mut whole = png(3, BitDepth::Eight);
    let mut chunk = b"acTL".to_vec();
    chunk.extend(frames.to_be_bytes());
    chunk.extend([0; 4]);
    let sum = crc(&chunk).to_be_bytes();
    whole.splice(33..33, [&8u32.to_be_bytes()[..], &chunk, &sum].concat());
    whole
}

/// The checksum of a chunk (PNG specification, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

fn jpeg() -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels: Vec<u8> = (0..32 * 32 * 3).map(|i| (i * 7 % 256) as u8).collect();
    JpegEncoder::new(&mut bytes, 90).encode(&pixels, 32, 32, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// Two classes of three images to train on, one of each to test on.
fn bench() -> Bench {
    let bench = Bench::new();
    for (folder, level, count) in [("train/ant", 20, 3), ("train/bee", 200, 3), ("val/ant", 25, 1), ("val/bee", 190, 1)]
    {
        fs::create_dir_all(bench.path(&format!("set/{folder}"))).unwrap();
        for i in 0..count {
            bench.write(&format!("set/{folder}/{i}.png"), png(level + i, BitDepth::Eight));
        }
    }
    bench.write(
        "images.toml",
        "steps = 20\n[data]\nname = \"image-folder\"\npath = \"set\"\nsize = 6\n[model]\nname = \"linear\"\n[tuner]\nname = \"constant\"\nrate = 0.05\n",
    );
    bench
}

fn train(bench: &Bench, more: &[&str]) -> Output {
    bench.run(&[&["train", "images.toml", "--cache", "cache"], more].concat())
}

#[track_caller]
fn refused(bench: &Bench, more: &[&str], expected: &str) {
    let output = train(bench, &[&["-q"], more].concat());
    let line = output.stderr.trim_end();
    assert_eq!(output.code, Some(2), "{line}");
    assert!(line.starts_with("error: ") && line.contains(expected), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(!bench.path("runs").exists());
}

#[test]
fn a_folder_of_images_is_learnt() {
    let bench = bench();
    bench.write("set/train/.DS_Store", "hidden");
    bench.write("set/train/bee/photo.JPEG", jpeg());
    let output = train(&bench, &["--set", "data.scale=standard", "--out", "run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("decoding set/train: 100 % of 7 images"), "{}", output.stderr);
    assert!(output.stdout.contains("test: accuracy 1"), "{}", output.stdout);
    assert_eq!(bench.names("cache/image-folder").len(), 2);
    // Once decoded they are not decoded again, and give the same.
    let output = train(&bench, &["--set", "data.scale=standard", "--out", "again", "--set", "engine.threads=1"]);
    assert!(!output.stderr.contains("decoding"), "{}", output.stderr);
    assert_eq!(bench.read("run/spec.toml").lines().filter(|line| line.contains("threads = ")).count(), 2);
    let parameters = |run: &str| fs::read(bench.path(&format!("{run}/params.safetensors"))).unwrap();
    assert_eq!(parameters("run"), parameters("again"));
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let bench = bench();
    bench.write("cache", "a file where the folder should be");
    let output = train(&bench, &["-q"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let warnings: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(warnings.len(), 2, "{}", output.stderr);
    assert!(warnings[0].starts_with("warning: cache/image-folder: could not create, "), "{}", output.stderr);
}

#[test]
fn what_is_no_folder_of_images_is_refused() {
    let bench = bench();
    refused(&bench, &["--set", "data.path=nowhere"], "nowhere: not found, expected a folder with one folder of images");
    refused(&bench, &["--set", "data.path=images.toml"], "images.toml: wrong path, expected a folder with one folder");
    refused(&bench, &["--set", "data.path=set/train/ant"], "ant/0.png: a file, expected only folders here");
    refused(
        &bench,
        &["--set", "data.test_path=set"],
        "set/train: no class of the training set, expected one of `ant`, `bee`",
    );
    refused(&bench, &["--set", "data.size=0"], "data.size: expected 1 to 4096 pixels, got 0");
    refused(&bench, &["--set", "data.first=7"], "set/train: subset too large, expected at most 6 examples");
    fs::create_dir(bench.path("set/train/cat")).unwrap();
    refused(&bench, &[], "set/train/cat: no images in the folder of this class, expected one or more");
    fs::remove_dir(bench.path("set/train/cat")).unwrap();
    fs::remove_dir_all(bench.path("set/train/bee")).unwrap();
    refused(&bench, &[], "set/train: too few classes, expected two folders or more, got 1");
}

#[test]
fn images_that_cannot_be_used_are_named() {
    for (name, bytes, expected) in [
        ("x.png", png(9, BitDepth::Sixteen), "16 bits for each channel, expected 8; try converting it"),
        ("x.png", animated(4), "animated, with 4 frames, expected a still image"),
        ("x.png", png(9, BitDepth::Eight)[..60].to_vec(), "truncated PNG, expected the whole image"),
        ("x.jpg", jpeg()[..400].to_vec(), "truncated JPEG, expected the whole image; try fetching the file again"),
        ("x.jpg", Vec::new(), "an empty file by its first bytes, expected PNG or JPEG"),
        ("x.jpeg", b"GIF89a".to_vec(), "a GIF image by its first bytes, expected PNG or JPEG"),
        ("x.gif", b"GIF89a".to_vec(), "no name of an image, expected one that ends in .png, .jpg or .jpeg"),
    ] {
        let bench = bench();
        bench.write(&format!("set/train/ant/{name}"), bytes);
        let output = train(&bench, &["-q"]);
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        let expected = format!("error: set/train/ant/{name}: {expected}");
        assert!(output.stderr.starts_with(&expected) && output.stderr.lines().count() == 1, "{}", output.stderr);
        assert!(!bench.path("runs").exists() && !bench.path("cache").exists());
    }
}

#[test]
fn random_changes_repeat_whatever_the_threads() {
    let bench = bench();
    let run = |out: &str, more: &[&str]| {
        let changes = ["-q", "--out", out, "--set", "batch=4", "--set", "drop_last=false", "--set", "crop=2"];
        let output = train(&bench, &[&changes[..], &["--set", "flip=true"], more].concat());
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        let steps = bench.read(&format!("{out}/steps.jsonl"));
        let loss = |line: &str| line[line.find("\"loss\"").unwrap()..].split(',').next().unwrap().to_owned();
        steps.lines().map(loss).collect::<Vec<_>>()
    };
    let first = run("a", &[]);
    assert_eq!(first, run("b", &["--set", "engine.threads=1"]));
    assert_ne!(first, run("c", &["--set", "seed=1"]));
    assert_ne!(first, run("d", &["--set", "crop=1"]));
}

#[test]
fn random_changes_need_images_and_batches() {
    let bench = bench();
    refused(
        &bench,
        &["--set", "flip=true"],
        "--set: spec.flip: expected false, as all examples are used at every step",
    );
    refused(&bench, &["--set", "crop=2"], "--set: spec.crop: expected 0, as all examples are used at every step");
    refused(
        &bench,
        &["--set", "batch=2", "--set", "crop=6"],
        "crop: expected less than a side of the images, which are 6 x 6",
    );
    let table = ["train", "a.toml", "--set", "batch=2", "--set", "flip=true"];
    let output = bench.run(&table);
    assert_eq!(output.code, Some(2));
    assert_eq!(
        output.stderr,
        "error: flip: expected images [channels, height, width] to change, got inputs [3]; try leaving it out\n"
    );
}
