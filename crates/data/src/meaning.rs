use serde::{Deserialize, Serialize};

use crate::{Dataset, Error, Pieces, Split, Targets, Vocabulary};

/// What the numbers of a data set mean: all that it takes to make further inputs like those that a model was trained on, and to
/// read its outputs. It can be written as JSON and read again.
///
/// Of a table the cells are encoded by its [`TableEncoding`](crate::table::TableEncoding), scaling included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meaning {
    /// The shape of the inputs of one example.
    pub input_shape: Vec<usize>,
    /// How inputs were scaled after they were read.
    pub scaling: Scaling,
    /// What is predicted.
    pub target: Answers,
}

/// What was done to the numbers of an input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Scaling {
    /// Nothing.
    #[default]
    None,
    /// `x / full_scale`
    Unit {
        /// What became 1.
        full_scale: f32,
    },
    /// `(x - mean) / deviation`, in double precision and rounded once.
    Standard {
        /// Of each feature over the training examples.
        means: Vec<f64>,
        /// Of each feature; 1 where it is constant.
        deviations: Vec<f64>,
    },
}

/// What is predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answers {
    /// One of some classes.
    Classes {
        /// How many training examples each has, in their order.
        counts: Vec<usize>,
        /// Their names; none if they have none.
        names: Vec<String>,
    },
    /// At each place the token that comes next.
    Tokens {
        /// The places of an example.
        length: usize,
        /// What tokens stand for.
        vocabulary: StoredVocabulary,
    },
    /// Real numbers, in the units that they were read in.
    Values {
        /// How many.
        width: usize,
    },
}

/// A [`Vocabulary`] as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoredVocabulary {
    /// All characters, in the order of their tokens.
    Characters(String),
    /// A byte-pair encoding, as a `tokenizer.json` has it.
    Pieces(String),
}

impl Meaning {
    /// Of the training part of a split.
    pub fn of(split: &Split) -> Self {
        let target = match split.train.targets() {
            Targets::Classes { labels, classes, names } => {
                let mut counts = vec![0; *classes];
                labels.iter().for_each(|&label| counts[label as usize] += 1);
                Answers::Classes { counts, names: names.clone() }
            }
            Targets::Tokens { length, vocabulary, .. } => {
                Answers::Tokens { length: *length, vocabulary: StoredVocabulary::of(vocabulary) }
            }
            Targets::Values { width, .. } => Answers::Values { width: *width },
        };
        Self { input_shape: split.train.input_shape().to_vec(), scaling: split.scaling.clone(), target }
    }

    /// What a class is called: its name, or its number.
    pub fn class_name(&self, class: usize) -> String {
        match &self.target {
            Answers::Classes { names, .. } if class < names.len() => names[class].clone(),
            _ => class.to_string(),
        }
    }

    /// The first thing in which `other` differs so that a model of the one is none of the other, in words: what it was and what
    /// it is. How many examples a class has is of no consequence.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.input_shape != other.input_shape {
            return Some(format!("inputs were {:?} and are {:?}", self.input_shape, other.input_shape));
        }
        self.scaling.difference(&other.scaling).or_else(|| match (&self.target, &other.target) {
            (Answers::Classes { counts, names }, Answers::Classes { counts: other_counts, names: other_names }) => {
                if counts.len() != other_counts.len() {
                    return Some(format!("there were {} classes and are {}", counts.len(), other_counts.len()));
                }
                let place = names.iter().zip(other_names).position(|(one, other)| one != other)?;
                Some(format!("class {place} was `{}` and is `{}`", names[place], other_names[place]))
            }
            (one, other) => (one != other).then(|| "what is predicted was something else".to_owned()),
        })
    }
}

impl Scaling {
    /// Does the same to further examples.
    ///
    /// # Errors
    /// A number that overflows.
    pub fn apply(&self, set: Dataset) -> Result<Dataset, Error> {
        match self {
            Self::None => Ok(set),
            Self::Unit { full_scale } => set.map_inputs(Some(1.0), |_, x| x / f64::from(*full_scale)),
            Self::Standard { means, deviations } => {
                set.map_inputs(None, |feature, x| (x - means[feature]) / deviations[feature])
            }
        }
    }

    /// Undoes this and does `other` instead, with one rounding.
    ///
    /// # Errors
    /// A number that overflows.
    pub(crate) fn change(&self, other: &Self, set: Dataset) -> Result<Dataset, Error> {
        // What a number is multiplied by and then raised by.
        let undo = |place: usize| match self {
            Self::None => (1.0, 0.0),
            Self::Unit { full_scale } => (f64::from(*full_scale), 0.0),
            Self::Standard { means, deviations } => (deviations[place], means[place]),
        };
        let scaled = |place: usize, x: f64| match other {
            Self::None => x,
            Self::Unit { full_scale } => x / f64::from(*full_scale),
            Self::Standard { means, deviations } => match (means.get(place), deviations.get(place)) {
                (Some(mean), Some(deviation)) => (x - mean) / deviation,
                // Inputs of another shape, which is told by whoever compares them.
                _ => x,
            },
        };
        set.map_inputs(None, |place, x| {
            let (factor, offset) = undo(place);
            scaled(place, x * factor + offset)
        })
    }

    fn difference(&self, other: &Self) -> Option<String> {
        let differing = |name: &str, one: &[f64], other: &[f64]| {
            let place = one.iter().zip(other).position(|(one, other)| one != other)?;
            Some(format!("the {name} of input {place} was {} and is {}", one[place], other[place]))
        };
        match (self, other) {
            (
                Self::Standard { means, deviations },
                Self::Standard { means: other_means, deviations: other_deviations },
            ) => differing("mean", means, other_means).or_else(|| differing("deviation", deviations, other_deviations)),
            (one, other) => (one != other).then(|| "inputs were scaled in another way".to_owned()),
        }
    }
}

impl StoredVocabulary {
    fn of(vocabulary: &Vocabulary) -> Self {
        match vocabulary {
            Vocabulary::Characters(characters) => Self::Characters(characters.iter().collect()),
            Vocabulary::Pieces(pieces) => Self::Pieces(pieces.json().to_owned()),
        }
    }

    /// As it was.
    ///
    /// # Errors
    /// A byte-pair encoding that is none, or that this program cannot read.
    pub fn vocabulary(&self) -> Result<Vocabulary, Error> {
        match self {
            Self::Characters(characters) => Ok(Vocabulary::Characters(characters.chars().collect())),
            Self::Pieces(json) => {
                Ok(Vocabulary::Pieces(Pieces::from_json("the vocabulary of the run", json.as_bytes())?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::{Scale, scale};

    fn split(inputs: &[f32]) -> Split {
        let targets =
            Targets::Classes { labels: vec![2, 0, 2], classes: 3, names: ["a", "b", "c"].map(str::to_owned).to_vec() };
        let set = Dataset::new("set", inputs.to_vec(), vec![2], targets).unwrap().with_full_scale(8.0);
        Split::new(set.clone(), Some(set)).unwrap()
    }

    const RAW: [f32; 6] = [1.0, 7.0, 3.0, 7.0, 5.5, 7.0];

    #[test]
    fn what_was_read_back_scales_to_the_same_bits() {
        for how in [Scale::None, Scale::Unit, Scale::Standard] {
            let scaled = scale(split(&RAW), how).unwrap();
            let meaning = Meaning::of(&scaled);
            let read: Meaning = serde_json::from_str(&serde_json::to_string(&meaning).unwrap()).unwrap();
            assert_eq!(read, meaning);
            assert_eq!(read.scaling.apply(split(&RAW).train).unwrap().inputs(), scaled.train.inputs(), "{how:?}");
        }
        let Scaling::Standard { means, deviations } = scale(split(&RAW), Scale::Standard).unwrap().scaling else {
            panic!()
        };
        assert_eq!(means, [9.5 / 3.0, 7.0]);
        assert_eq!(deviations[1], 1.0);
    }

    #[test]
    fn inputs_are_scaled_as_others_were() {
        let (one, other) = (split(&RAW), split(&[2.0, 1.0, 4.0, 1.0, 9.0, 4.0]));
        for (from, to) in
            [(Scale::Standard, Scale::Unit), (Scale::Unit, Scale::Standard), (Scale::None, Scale::Standard)]
        {
            let wanted = scale(one.clone(), to).unwrap().scaling;
            let carried = scale(other.clone(), from).unwrap().rescaled(&wanted).unwrap();
            let expected = wanted.apply(other.train.clone()).unwrap();
            assert_eq!(carried.scaling, wanted);
            for (x, y) in carried.train.inputs().single().iter().zip(&*expected.inputs().single()) {
                assert!((x - y).abs() <= 1e-6 * y.abs().max(1.0), "{from:?} {to:?}: {x} {y}");
            }
        }
    }

    #[test]
    fn classes_are_counted_and_named() {
        let meaning = Meaning::of(&split(&RAW));
        let Answers::Classes { counts, .. } = &meaning.target else { panic!() };
        assert_eq!((&counts[..], meaning.class_name(1)), (&[1, 0, 2][..], "b".to_owned()));
        let nameless = Meaning { target: Answers::Classes { counts: vec![1, 2], names: Vec::new() }, ..meaning };
        assert_eq!(nameless.class_name(1), "1");
    }

    #[test]
    fn differences_are_told() {
        let of = |inputs: &[f32]| Meaning::of(&scale(split(inputs), Scale::Standard).unwrap());
        let one = of(&RAW);
        assert_eq!(one.difference(&one), None);
        let other = of(&[1.0, 7.0, 3.0, 7.0, 8.0, 7.0]);
        assert_eq!(one.difference(&other).unwrap(), "the mean of input 0 was 3.1666666666666665 and is 4");
        let mut renamed = one.clone();
        renamed.target = Answers::Classes { counts: vec![0, 5, 5], names: ["a", "x", "c"].map(str::to_owned).to_vec() };
        assert_eq!(one.difference(&renamed).unwrap(), "class 1 was `b` and is `x`");
        let unscaled = Meaning { scaling: Scaling::None, ..one.clone() };
        assert_eq!(one.difference(&unscaled).unwrap(), "inputs were scaled in another way");
    }

    #[test]
    fn a_vocabulary_is_kept_as_text() {
        let vocabulary = Vocabulary::Characters(vec!['\n', 'a', 'é']);
        assert_eq!(StoredVocabulary::of(&vocabulary).vocabulary().unwrap(), vocabulary);
    }
}
