use serde::Serialize;

use crate::table::TableSummary;
use crate::{Dataset, Split, Targets, Vocabulary};

/// What a data set is: for people who look at it before a run, and left by each run in its folder. Inputs and targets are as a model
/// sees them, the columns of a table as the file has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The name of the data set.
    pub data: String,
    /// The examples to train on.
    pub train: PartSummary,
    /// The examples to test on, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PartSummary>,
    /// The shape of the inputs of one example.
    pub input_shape: Vec<usize>,
    /// What is predicted: `classes`, `values` or `tokens`.
    pub predicts: &'static str,
    /// Of classes: their names, or their numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Of tokens: how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// Of tokens that are characters: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<String>,
    /// Of a table: its columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSummary>,
    /// What may have been taken for something else, each a sentence.
    pub warnings: Vec<String>,
}

/// The examples to train or to test on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartSummary {
    /// The file, the folder or the name of the set.
    pub origin: String,
    /// How many.
    pub examples: usize,
    /// The inputs.
    pub inputs: Numbers,
    /// Of classes: how many examples each has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<usize>,
    /// Of values: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Numbers>,
}

/// Where numbers lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Numbers {
    /// The smallest.
    pub smallest: f64,
    /// The largest.
    pub largest: f64,
    /// Their mean.
    pub mean: f64,
}

impl Summary {
    /// Of what the data set called `data` has read.
    ///
    /// Cost: a pass over all numbers.
    pub fn of(data: &str, split: &Split) -> Self {
        let (mut classes, mut vocabulary, mut characters) = (Vec::new(), None, None);
        let predicts = match split.train.targets() {
            Targets::Classes { classes: count, names, .. } => {
                classes =
                    if names.is_empty() { (0..*count).map(|class| class.to_string()).collect() } else { names.clone() };
                "classes"
            }
            Targets::Values { .. } => "values",
            Targets::Tokens { vocabulary: known, .. } => {
                vocabulary = Some(known.len());
                if let Vocabulary::Characters(all) = known {
                    characters = Some(all.iter().collect());
                }
                "tokens"
            }
        };
        Self {
            data: data.to_owned(),
            train: PartSummary::of(&split.train),
            test: split.test.as_ref().map(PartSummary::of),
            input_shape: split.train.input_shape().to_vec(),
            predicts,
            classes,
            vocabulary,
            characters,
            table: split.table.clone(),
            warnings: split.remarks.clone(),
        }
    }
}

impl PartSummary {
    fn of(set: &Dataset) -> Self {
        let (mut counts, mut values) = (Vec::new(), None);
        match set.targets() {
            Targets::Classes { labels, classes, .. } => {
                counts = vec![0; *classes];
                labels.iter().for_each(|&label| counts[label as usize] += 1);
            }
            Targets::Values { values: all, .. } => values = Some(Numbers::of(all)),
            Targets::Tokens { .. } => {}
        }
        let inputs = match set.inputs() {
            crate::Reals::Single(inputs) => Numbers::of(inputs),
            crate::Reals::Double(inputs) => Numbers::of(inputs),
        };
        Self { origin: set.origin().to_owned(), examples: set.examples(), inputs, counts, values }
    }
}

impl Numbers {
    /// Of one number or more.
    fn of<T: Copy + Into<f64>>(numbers: &[T]) -> Self {
        let (mut smallest, mut largest, mut mean) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        let count = numbers.len() as f64;
        for &x in numbers {
            let x: f64 = x.into();
            // The sum of large numbers may be out of range.
            (smallest, largest, mean) = (smallest.min(x), largest.max(x), mean + x / count);
        }
        Self { smallest, largest, mean }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use onedge_registry::Value;

    use super::*;
    use crate::{Context, datasets};

    fn summary(name: &str, given: &[(&str, &str)]) -> (Summary, serde_json::Value) {
        let given: BTreeMap<String, Value> =
            given.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
        let split = datasets::load(name, given, &Context::default()).unwrap();
        let summary = Summary::of(name, &split);
        let json = serde_json::to_value(&summary).unwrap();
        (summary, json)
    }

    #[test]
    fn a_table_is_told_column_by_column() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv").display().to_string();
        let rows = "7,10,Ulm,,no\n9,14,Aachen,2,yes\n4,12,Ulm,6,no\n8,16,,4,no\n";
        std::fs::write(&path, format!("id,area,town,age,y\n{rows}")).unwrap();
        let (summary, json) = summary("csv", &[("path", &path), ("drop", "[id]"), ("missing", "median")]);
        let expected = serde_json::json!([
            {"name": "id", "taken_as": "dropped", "inputs": 0, "missing": 0, "different": 0},
            {"name": "area", "taken_as": "number", "inputs": 1, "missing": 0, "different": 4,
             "smallest": 10.0, "largest": 16.0, "mean": 13.0},
            {"name": "town", "taken_as": "categories", "inputs": 3, "missing": 1, "different": 2,
             "counts": [{"label": "Aachen", "rows": 1}, {"label": "Ulm", "rows": 2}]},
            {"name": "age", "taken_as": "number", "inputs": 1, "missing": 1, "different": 3,
             "smallest": 2.0, "largest": 6.0, "mean": 4.0},
            {"name": "y", "taken_as": "classes", "inputs": 0, "missing": 0, "different": 2,
             "counts": [{"label": "no", "rows": 3}, {"label": "yes", "rows": 1}]},
        ]);
        assert_eq!(json["table"]["columns"], expected);
        assert_eq!(json["table"]["first_rows"][1], serde_json::json!(["9", "14", "Aachen", "2", "yes"]));
        assert_eq!((&json["table"]["rows"], &json["table"]["header"]), (&4.into(), &true.into()));
        assert_eq!((summary.predicts, &summary.train.counts[..]), ("classes", &[3, 1][..]));
        assert_eq!((summary.train.examples, &summary.input_shape[..]), (4, &[5][..]));
        assert!(summary.warnings.is_empty() && json.get("vocabulary").is_none());
    }

    #[test]
    fn doubts_are_part_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv").display().to_string();
        std::fs::write(&path, ",a,y\n0,0.5,1\n1,0.25,2\n2,1,1\n3,3,2\n").unwrap();
        let (told, warned) = (std::cell::RefCell::new(String::new()), std::cell::RefCell::new(Vec::new()));
        let (tell, warn) = (
            |line: &str| *told.borrow_mut() = line.replace(&path, "t.csv"),
            |line: &str| warned.borrow_mut().push(line.to_owned()),
        );
        let context = Context { tell: Some(&tell), warn: Some(&warn), ..Context::default() };
        let given = BTreeMap::from([("path".to_owned(), Value::Text(path.clone()))]);
        let split = datasets::load("csv", given, &context).unwrap();
        assert_eq!(Summary::of("csv", &split).warnings, *warned.borrow());
        assert!(warned.borrow()[0].contains("column 0 (``): counts the rows"), "{warned:?}");
        assert_eq!(*told.borrow(), "t.csv: `y` is predicted, one of 2 classes: `1`, `2`; from numbers ``, `a`");
    }

    #[test]
    fn other_sets_say_what_they_are() {
        let (digits, _) = summary("digits", &[("first", "100"), ("test_fraction", "0.1")]);
        assert_eq!((digits.classes.len(), digits.train.counts.iter().sum::<usize>()), (10, 100));
        assert_eq!((digits.test.unwrap().examples, digits.train.inputs.largest), (180, 1.0));
        let (wine, json) = summary("red-wine", &[]);
        assert_eq!((wine.predicts, wine.train.values.unwrap().largest), ("values", 8.0));
        assert!(wine.table.is_none() && json["train"].get("counts").is_none());
        let (cicero, _) = summary("cicero", &[]);
        let characters = cicero.characters.unwrap();
        assert_eq!((cicero.predicts, cicero.vocabulary), ("tokens", Some(characters.chars().count())));
        assert_eq!(cicero.input_shape, [64]);
    }
}
