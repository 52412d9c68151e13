use std::fs;
use std::path::Path;

use onedge_data::{Dataset, Split, Targets};
use onedge_objective::Real;
use onedge_text::hex;
use sha2::{Digest, Sha256};

use crate::Error;

/// Bytes that are hashed at a time.
const BLOCK: usize = 1 << 16;

/// The SHA-256 of all that a run sees of its data: shapes, inputs and targets, for training and for testing.
///
/// Cost: a second for a gigabyte, more or less.
pub(crate) fn of_data(split: &Split) -> String {
    let mut hash = Sha256::new();
    for set in [Some(&split.train), split.test.as_ref()] {
        match set {
            None => hash.update(b"none"),
            Some(set) => add(&mut hash, set),
        }
    }
    hex(hash.finalize())
}

/// The SHA-256 of a file.
pub(crate) fn of_file(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(onedge_record::Error::read(path))?;
    Ok(hex(Sha256::digest(bytes)))
}

fn add(hash: &mut Sha256, set: &Dataset) {
    let numbers = |hash: &mut Sha256, numbers: &[usize]| {
        numbers.iter().for_each(|&number| hash.update((number as u64).to_le_bytes()));
    };
    let mut bytes = Vec::new();
    let mut values = |hash: &mut Sha256, values: &[f32]| {
        for block in values.chunks(BLOCK / size_of::<f32>()) {
            bytes.clear();
            f32::to_bytes(block, &mut bytes);
            hash.update(&bytes);
        }
    };
    numbers(hash, &[set.examples(), set.input_shape().len()]);
    numbers(hash, set.input_shape());
    values(hash, set.inputs());
    // Names of classes and characters of tokens change no number.
    match set.targets() {
        Targets::Classes { labels, classes, .. } => {
            numbers(hash, &[0, *classes]);
            labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
        }
        Targets::Tokens { tokens, length, vocabulary } => {
            numbers(hash, &[1, *length, vocabulary.len()]);
            tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
        }
        Targets::Values { values: targets, width } => {
            numbers(hash, &[2, *width]);
            values(hash, targets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(inputs: Vec<f32>, shape: &[usize], labels: Vec<u32>) -> Dataset {
        Dataset::new("set", inputs, shape.to_vec(), Targets::Classes { labels, classes: 3, names: Vec::new() }).unwrap()
    }

    #[test]
    fn every_number_and_shape_counts() {
        let base = || set(vec![1.0, 2.0, 3.0, 4.0], &[1, 2], vec![0, 2]);
        let split = |train, test| Split::new(train, test).unwrap();
        let all = [
            split(base(), None),
            split(base(), Some(base())),
            split(set(vec![1.0, 2.0, 3.0, 4.5], &[1, 2], vec![0, 2]), None),
            split(set(vec![1.0, 2.0, 3.0, 4.0], &[2, 1], vec![0, 2]), None),
            split(set(vec![1.0, 2.0, 3.0, 4.0], &[1, 2], vec![0, 1]), None),
        ];
        let sums: Vec<String> = all.iter().map(of_data).collect();
        for (i, sum) in sums.iter().enumerate() {
            assert!(sum.len() == 64 && !sums[..i].contains(sum), "{i}");
        }
        assert_eq!(of_data(&all[0]), of_data(&split(base(), None)));
    }
}
