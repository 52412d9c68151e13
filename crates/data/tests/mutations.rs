//! Files of every format with some of their bytes changed, cut out, doubled or moved: each is read or refused in a sentence, and nothing
//! else happens. The changes follow from their number alone; `fuzz/` looks for more.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use onedge_data::table::{Table, TableEncoding};
use onedge_data::{Context, Precision, Reals, Split, Summary, datasets};
use onedge_random::Random;
use onedge_registry::Value;

/// What is put between the bytes of a file.
const WORDS: [&[u8]; 7] = [b"1e308", b"NaN", b"-inf", b"\xff\xd9", b"\x1f\x8b", b"9007199254740993", b"\xef\xbb\xbf"];
/// What is put in the place of one.
const BYTES: [u8; 8] = [0, 0xff, b',', b'"', b'\n', b'-', b'9', 0xef];

/// The changed bytes of one of `seeds`.
fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut below = |n: usize| random.range(0, n);
    let mut bytes = seeds[below(seeds.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1);
        let end = (at + 1 + below(12)).min(bytes.len());
        match below(6) {
            0 if at < end => bytes[at] ^= 1 << below(8),
            1 if at < end => bytes[at] = BYTES[below(BYTES.len())],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let place = below(bytes.len() + 1);
                drop(bytes.splice(place..place, part));
            }
            4 => bytes.truncate(at.max(bytes.len() / 2)),
            _ => drop(bytes.splice(at..at, WORDS[below(WORDS.len())].iter().copied())),
        }
    }
    bytes
}

/// Reads a set, and checks what is told of it.
fn load(name: &str, settings: &[(&str, String)], precision: Precision) -> Option<Split> {
    let hear = |sentence: &str| {
        let fits = !sentence.is_empty() && sentence.len() < 20_000 && !sentence.contains(char::is_control);
        assert!(fits, "{sentence:?}");
    };
    let context = Context { precision, warn: Some(&hear), tell: Some(&hear), threads: 1, ..Context::default() };
    let given: BTreeMap<String, Value> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    match datasets::load(name, given, &context) {
        Ok(split) => {
            let Summary { train, .. } = Summary::of(name, &split);
            let mut ranges = std::iter::once(train.inputs).chain(train.values);
            assert!(ranges.all(|range| [range.smallest, range.largest, range.mean].iter().all(|x| x.is_finite())));
            Some(split)
        }
        Err(error) => {
            hear(&error.to_string());
            None
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Has `read` try so many changed files, told which number each is. Some must be read, and some not, or nothing was tried.
fn try_all(tries: usize, seeds: &[Vec<u8>], mut read: impl FnMut(&Path, &[u8], usize) -> bool) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(7);
    let read = (0..tries).filter(|&i| read(dir.path(), &changed(seeds, &mut random), i)).count();
    assert!(0 < read && read < tries, "{read} of {tries} were read");
}

#[test]
fn tables() {
    let plain: [&[u8]; 4] = [
        b"size,colour,y\n1,red,0\n2.5,blue,1\n4,red,0\n8,blue,1\n0.5,red,1\n",
        b"\xef\xbb\xbfa;b\r\n\"1\";2\r\n3;\"4\"\r\n\r\n5;6\r\n",
        b"0,1,2\n1e300,-1e-300,NA\n1700000000,5,x\n1700000060,,x\n",
        b"3\t4\tyes\n5\t6\tno\n7\t8\tyes\n",
    ];
    let seeds: Vec<Vec<u8>> = plain.iter().map(|seed| seed.to_vec()).chain([gzip(plain[0])]).collect();
    try_all(1000, &seeds, |dir, bytes, i| {
        let path = dir.join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let of = |choices: &[&str], by: usize| choices[i / by % choices.len()].to_owned();
        let mut settings = vec![
            ("path", path.display().to_string()),
            ("target", of(&["classes", "values"], 1)),
            ("missing", of(&["error", "median", "drop-row"], 2)),
            ("header", of(&["true", "false"], 6)),
            ("delimiter", of(&[",", ";", "tab"], 12)),
            ("scale", of(&["standard", "none"], 36)),
            ("any_label", of(&["true", "false"], 72)),
        ];
        let parted = i % 5 == 0;
        if parted {
            settings.push(("test_fraction", "0.3".to_owned()));
        }
        let precision = if i % 7 < 3 { Precision::Double } else { Precision::Single };
        let split = load("csv", &settings, precision);
        if let (Some(split), false) = (&split, parted) {
            read_again(&path, split);
        }
        split.is_some()
    });
}

/// An encoding that was written and read makes the same numbers of the same table.
fn read_again(path: &Path, split: &Split) {
    let encoding = split.encoding.as_ref().unwrap();
    let read: TableEncoding = serde_json::from_str(&serde_json::to_string(encoding).unwrap()).unwrap();
    let again = read.apply(&Table::read(path, read.format()).unwrap()).unwrap();
    match split.train.inputs() {
        Reals::Double(inputs) => assert_eq!(inputs[..], again.inputs),
        Reals::Single(inputs) => assert!(inputs.iter().zip(&again.inputs).all(|(x, y)| *x == *y as f32)),
    }
    assert_eq!(Some(split.train.targets()), again.targets.as_ref());
}

#[test]
fn encodings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    std::fs::write(&path, "a,b,y\n1,red,no\n2.5,blue,yes\n,red,no\n").unwrap();
    let settings = [("path", path.display().to_string()), ("missing", "median".to_owned())];
    let split = load("csv", &settings, Precision::Single).unwrap();
    let seed = serde_json::to_vec(split.encoding.as_ref().unwrap()).unwrap();
    try_all(4000, &[seed], |_, bytes, _| {
        let Ok(encoding) = serde_json::from_slice::<TableEncoding>(bytes) else { return false };
        let Ok(table) = Table::read(&path, encoding.format()) else { return false };
        for encoded in [encoding.apply(&table), encoding.apply_inputs(&table)].into_iter().flatten() {
            assert_eq!(encoded.inputs.len(), encoded.rows.len() * encoded.width);
            assert!(encoded.inputs.iter().all(|x| x.is_finite()));
        }
        true
    });
}

#[test]
fn idx_files() {
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3][..], &[7; 12]].concat();
    let labels = vec![0, 0, 8, 1, 0, 0, 0, 2, 1, 0];
    try_all(400, &[images.clone(), labels.clone(), gzip(&images)], |dir, bytes, i| {
        let (x, y) = (dir.join("x"), dir.join("y"));
        std::fs::write(&x, if i % 2 == 0 { bytes } else { &images }).unwrap();
        std::fs::write(&y, if i % 2 == 0 { &labels } else { bytes }).unwrap();
        let settings = [("images", x.display().to_string()), ("labels", y.display().to_string())];
        load("idx", &settings, Precision::Single).is_some()
    });
}

#[test]
fn cifar_batches_and_archives() {
    let batch = [&[3][..], &[9; 3072]].concat();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(batch.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, "cifar-10-batches-bin/data_batch_1.bin", &batch[..]).unwrap();
    let archive = archive.into_inner().unwrap();
    try_all(300, &[batch, gzip(&archive), archive], |dir, bytes, i| {
        let path = dir.join(["a.bin", "a.tar.gz", "a.tar"][i % 3]);
        std::fs::write(&path, bytes).unwrap();
        load("cifar-10", &[("path", path.display().to_string())], Precision::Single).is_some()
    });
}

#[test]
fn texts() {
    let plain = ["quo usque tandem abutere", "\u{feff}größer als — 東京 und mehr"].map(|text| text.as_bytes().to_vec());
    let packed = gzip(&plain[0]);
    try_all(500, &[&plain[..], &[packed]].concat(), |dir, bytes, i| {
        let path = dir.join("t.txt");
        std::fs::write(&path, bytes).unwrap();
        let settings = [("path", path.display().to_string()), ("context", (1 + i % 5).to_string())];
        load("text", &settings, Precision::Single).is_some()
    });
}

#[test]
fn images() {
    let rgb: Vec<u8> = (0..13 * 9 * 3).map(|i| (i * 7) as u8).collect();
    let mut whole = Vec::new();
    let mut encoder = png::Encoder::new(&mut whole, 13, 9);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&rgb).unwrap();
    writer.finish().unwrap();
    let jpeg = |progressive: bool| {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
        encoder.set_progressive(progressive);
        encoder.encode(&rgb, 13, 9, jpeg_encoder::ColorType::Rgb).unwrap();
        bytes
    };
    try_all(400, &[whole.clone(), jpeg(false), jpeg(true)], |dir, bytes, _| {
        for (class, bytes) in [("a", &whole[..]), ("b", bytes)] {
            std::fs::create_dir_all(dir.join(class)).unwrap();
            std::fs::write(dir.join(class).join("1.png"), bytes).unwrap();
        }
        let settings = [("path", dir.display().to_string()), ("size", "4".to_owned()), ("cache", "false".to_owned())];
        load("image-folder", &settings, Precision::Single).is_some()
    });
}
