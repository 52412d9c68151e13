use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::events::masked;
use super::write;
use crate::export::samples::samples;

/// A field of a message: its number, and its bytes or its number as bits.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Bits(u64),
    Bytes(Vec<u8>),
}

/// Decodes a message by the format's documentation, knowing nothing of the encoder.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (&first, rest) = bytes.split_first().expect("a varint ends");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first < 0x80 {
                return value;
            }
            shift += 7;
        }
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let mut take = |length: usize| {
            let (taken, rest) = bytes.split_at(length);
            bytes = rest;
            taken.to_vec()
        };
        let field = match key & 7 {
            1 => Field::Bits(u64::from_le_bytes(take(8).try_into().unwrap())),
            5 => Field::Bits(u64::from(u32::from_le_bytes(take(4).try_into().unwrap()))),
            0 => Field::Bits(varint(&mut bytes)),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (taken, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(taken.to_vec())
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn bits(message: &[u8], number: u64) -> Option<u64> {
    fields(message).into_iter().find_map(|(field, value)| match value {
        Field::Bits(bits) if field == number => Some(bits),
        _ => None,
    })
}

fn bytes(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let of = |(field, value)| match value {
        Field::Bytes(bytes) if field == number => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(of).collect()
}

/// The events of a file; every checksum is looked at.
fn events(path: &Path) -> Vec<Vec<u8>> {
    let file = fs::read(path).unwrap();
    let (mut at, mut events) = (0, Vec::new());
    let mut part = |length: usize| {
        at += length;
        file[at - length..at].to_vec()
    };
    while events.iter().map(|event: &Vec<u8>| event.len() + 16).sum::<usize>() < file.len() {
        let length = part(8);
        assert_eq!(part(4), masked(&length).to_le_bytes());
        let content = part(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        assert_eq!(part(4), masked(&content).to_le_bytes());
        events.push(content);
    }
    events
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn the_checksum_is_the_published_one() {
    // RFC 3720, B.4: 32 zeros. Unmasked as TFRecord's documentation has it.
    let crc = masked(&[0; 32]).wrapping_sub(0xa282_ead8).rotate_left(15);
    assert_eq!(crc, 0x8a91_36aa);
}

#[test]
fn every_measured_column_is_a_scalar() {
    let (folder, sources) = samples();
    fs::write(
        sources[0].run.spec(),
        "seed = 3\nflip = true\n[model]\nhidden = [8, 4]\n[tuner]\nname = \"cdat\"\n[provenance]\nstarted = \"2025-11-26T17:53:07Z\"\n",
    )
    .unwrap();
    let report = write(&sources[..1], &folder.path().join("board")).unwrap();
    assert_eq!((report.records, report.torn.len()), (2, 0));
    let path = only_file(&folder.path().join("board/a"));
    assert!(path.display().to_string().ends_with("events.out.tfevents.1764179587.unknown"), "{}", path.display());
    let events = events(&path);
    assert_eq!(events.len(), 5, "version, settings, two records, end");
    assert_eq!(bytes(&events[0], 3), [b"brain.Event:2"]);

    let step = |event: &Vec<u8>| {
        let summary = bytes(event, 5).remove(0);
        let values = bytes(&summary, 1).into_iter().map(|value| {
            let tag = String::from_utf8(bytes(&value, 1).remove(0)).unwrap();
            (tag, f32::from_bits(bits(&value, 2).unwrap() as u32))
        });
        (f64::from_bits(bits(event, 1).unwrap()), bits(event, 2).unwrap(), values.collect::<BTreeMap<_, _>>())
    };
    let (time, number, values) = step(&events[2]);
    assert_eq!((time, number), (1_764_179_587.0, 0));
    let expected = [
        ("converged", 1.0),
        ("cost", 0.0),
        ("eigenvalue_1", 3.0),
        ("eigenvalue_2", 0.5),
        ("learning_rate", 1e-7),
        ("loss", 2.5),
        ("seconds", 0.0),
        ("sharpness", 3.0),
        ("trace", 7.5),
    ];
    assert_eq!(values, expected.map(|(tag, value)| (tag.to_owned(), value)).into());
    let (time, number, values) = step(&events[3]);
    assert_eq!((time, number, values["loss"]), (1_764_179_588.5, 1, 0.1));
    assert!(values["learning_rate"].is_nan() && !values.contains_key("trace"));

    let start = bytes(&bytes(&events[1], 5)[0], 1);
    assert_eq!(bytes(&start[0], 1), [b"spec/text_summary"]);
    let text = bytes(&bytes(&start[0], 8)[0], 8).remove(0);
    assert!(String::from_utf8(text).unwrap().contains("    name = \"cdat\"\n"));
    let plugin = &bytes(&bytes(&start[1], 9)[0], 1)[0];
    assert_eq!(bytes(plugin, 1), [b"hparams"]);
    let info = &bytes(&bytes(plugin, 2)[0], 3)[0];
    let pairs: Vec<Vec<u8>> = bytes(info, 1);
    let settings: BTreeMap<String, Vec<u8>> = pairs
        .iter()
        .map(|pair| (String::from_utf8(bytes(pair, 1).remove(0)).unwrap(), bytes(pair, 2).remove(0)))
        .collect();
    assert_eq!(settings.keys().collect::<Vec<_>>(), ["flip", "model.hidden", "seed", "tuner"]);
    // Of a `google.protobuf.Value` 2 is a number, 3 text and 4 a truth.
    assert_eq!(bits(&settings["flip"], 4), Some(1));
    assert_eq!(bytes(&settings["model.hidden"], 3), [b"[8, 4]"]);
    assert_eq!(bits(&settings["seed"], 2), Some(3.0_f64.to_bits()));
    assert_eq!(bytes(&settings["tuner"], 3), [b"cdat"]);
}

#[test]
fn a_label_does_not_leave_the_folder() {
    let (folder, mut sources) = samples();
    sources[0].label = "/../../outside".to_owned();
    write(&sources[..1], &folder.path().join("board")).unwrap();
    only_file(&folder.path().join("board/outside"));
}
