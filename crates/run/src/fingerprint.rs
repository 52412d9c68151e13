use std::fs;
use std::path::Path;
use std::sync::Arc;

use onedge_data::table::Role;
use onedge_data::{Dataset, Reals, Split, Targets, Vocabulary};
use onedge_objective::Real;
use onedge_text::hex;
use onedge_train::Problem;
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

/// The same for a run that may need it: found when it is asked for, and kept in the place of the data from then on.
pub(crate) enum Fingerprint {
    /// Of these data.
    Of(Arc<Split>),
    /// This one; empty for data that the loss of a run alone knows.
    Known(String),
}

impl Fingerprint {
    /// That of the data of a run, if it has any.
    pub(crate) fn of(data: Option<Arc<Split>>) -> Self {
        data.map_or(Self::Known(String::new()), Self::Of)
    }

    /// The fingerprint.
    pub(crate) fn get(&mut self) -> &str {
        if let Self::Of(data) = self {
            *self = Self::Known(of_data(data));
        }
        if let Self::Known(known) = self { known } else { "" }
    }
}

/// The same of what a problem is on; of data that its loss alone knows it has nothing to say.
pub(crate) fn of_problem<T>(problem: &Problem<T>) -> String {
    problem.data.as_deref().map_or_else(String::new, of_data)
}

/// The SHA-256 of all that data are to a run: what it sees of them, and what that is called. Names of classes, the vocabulary,
/// names of columns and categories count, as a run's answers are read by them.
///
/// Cost: that of [`of_data`].
pub(crate) fn of_content(split: &Split) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    add(&of_data(split));
    match split.train.targets() {
        Targets::Classes { names, .. } => names.iter().for_each(|name| add(name)),
        Targets::Tokens { vocabulary: Vocabulary::Characters(characters), .. } => {
            add(&characters.iter().collect::<String>());
        }
        Targets::Tokens { vocabulary: Vocabulary::Pieces(pieces), .. } => add(pieces.json()),
        Targets::Values { .. } => {}
    }
    if let Some(encoding) = &split.encoding {
        for column in encoding.columns() {
            add(&column.name);
            if let Role::Categories { categories, .. } = &column.role {
                categories.iter().for_each(|category| add(category));
            }
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
    numbers(hash, &[set.examples(), set.input_shape().len()]);
    numbers(hash, set.input_shape());
    match set.inputs() {
        Reals::Single(inputs) => add_reals(hash, inputs),
        Reals::Double(inputs) => add_double(hash, inputs),
    }
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
            match set.inputs() {
                // What a run in single precision sees of them.
                Reals::Single(_) => add_reals(hash, &targets.iter().map(|&target| target as f32).collect::<Vec<_>>()),
                Reals::Double(_) => add_double(hash, targets),
            }
        }
    }
}

/// Numbers in double precision; those that single precision has too are as those.
fn add_double(hash: &mut Sha256, values: &[f64]) {
    match values.iter().all(|&x| f64::from(x as f32) == x) {
        true => add_reals(hash, &values.iter().map(|&x| x as f32).collect::<Vec<_>>()),
        false => add_reals(hash, values),
    }
}

fn add_reals<T: Real>(hash: &mut Sha256, values: &[T]) {
    let mut bytes = Vec::new();
    for block in values.chunks(BLOCK / size_of::<T>()) {
        bytes.clear();
        T::to_bytes(block, &mut bytes);
        hash.update(&bytes);
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

    #[test]
    fn what_answers_are_called_is_content() {
        let named = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let targets = Targets::Classes { labels: vec![0, 2], classes: 3, names };
            Split::new(Dataset::new("set", vec![1.0, 2.0], vec![1], targets).unwrap(), None).unwrap()
        };
        let text = |characters: &str| {
            let vocabulary = Vocabulary::Characters(characters.chars().collect());
            let targets = Targets::Tokens { tokens: vec![0, 1, 1, 0], length: 2, vocabulary };
            Split::new(Dataset::new("text", vec![0.0, 1.0, 1.0, 1.0], vec![2], targets).unwrap(), None).unwrap()
        };
        let all = [named(&["a", "b", "c"]), named(&["a", "bc", ""]), named(&["b", "a", "c"]), text("ab"), text("xy")];
        let sums: Vec<String> = all.iter().map(of_content).collect();
        for (i, sum) in sums.iter().enumerate() {
            assert!(sum.len() == 64 && !sums[..i].contains(sum), "{i}");
        }
        assert_eq!(of_data(&all[0]), of_data(&all[2]), "no number differs");
        assert_eq!(of_content(&all[0]), of_content(&named(&["a", "b", "c"])));
    }

    #[test]
    fn digits_that_only_double_precision_has_count() {
        let of = |inputs: Reals| {
            let targets = Targets::Values { values: vec![0.5, 1.5], width: 1 };
            of_data(&Split::new(Dataset::of_reals("set", inputs, vec![1], targets).unwrap(), None).unwrap())
        };
        let (exact, more) = (Reals::from(vec![0.25, 3.0]), Reals::from(vec![0.25, 3.0 + 1e-12]));
        assert_eq!(of(exact.clone()), of(Reals::from(vec![0.25f32, 3.0])));
        assert_ne!(of(more), of(exact));
    }
}
