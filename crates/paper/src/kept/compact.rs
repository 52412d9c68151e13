//! A finished run in few numbers, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use onedge_record::{Record, Summary};
use onedge_run::Finished;
use serde::{Deserialize, Serialize};

use super::columns::{KEPT, MEASURED_DIGITS, rounded};

/// So many records are kept of a run, beside those that have something measured.
const MOST: usize = 400;

/// What figures need of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRun {
    /// The settings that it was asked for with, the same whatever later versions add to a spec.
    pub asks: String,
    /// What its data held, where they were read from files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The name of its folder.
    pub run: String,
    /// How it went.
    pub summary: Summary,
    /// Rate times sharpness where its optimizer has its edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<f64>,
    /// The steps of the records that are kept.
    pub steps: Vec<u64>,
    /// What they say: a value or none for each of the steps.
    pub columns: BTreeMap<String, Vec<Option<f64>>>,
    /// The same of other diagnostics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, Vec<Option<f64>>>,
}

impl KeptRun {
    /// Of the records of a run: every k-th, with k odd, as rates at the edge alternate from step to step, and so that there are 400 at
    /// most; those with a sharpness or another measurement, and the one after each; the first, the last, and those of the
    /// largest loss and gradient.
    pub fn of(asks: &str, content: Option<&str>, finished: &Finished) -> Self {
        let records = chosen(&finished.records);
        let column = |digits: usize, get: &dyn Fn(&Record) -> Option<f64>| -> Option<Vec<Option<f64>>> {
            let values = records.iter().map(|r| get(r).filter(|value| value.is_finite()).map(|v| rounded(v, digits)));
            let values: Vec<Option<f64>> = values.collect();
            values.iter().any(Option::is_some).then_some(values)
        };
        let columns = KEPT.iter().filter_map(|kept| Some((kept.name.to_owned(), column(kept.digits, &kept.get)?)));
        let names: BTreeSet<&String> = records.iter().flat_map(|record| record.measured.keys()).collect();
        let measured = names.into_iter().filter_map(|name| {
            let values = column(MEASURED_DIGITS, &|record: &Record| record.measured.get(name).copied())?;
            Some((name.clone(), values))
        });
        Self {
            asks: asks.to_owned(),
            content: content.map(str::to_owned),
            run: finished.folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            summary: finished.summary.clone(),
            edge: finished.edge,
            steps: records.iter().map(|record| record.step).collect(),
            columns: columns.collect(),
            measured: measured.collect(),
        }
    }

    /// The run again, with the records that were kept. A loss or a rate that was no number is NaN.
    pub fn finished(&self, root: &Path) -> Finished {
        let record = |(place, step): (usize, &u64)| {
            let nan = f64::NAN;
            let mut record = Record { step: *step, loss: nan, learning_rate: nan, ..Record::default() };
            let at = |columns: &BTreeMap<String, Vec<Option<f64>>>, name: &str| *columns.get(name)?.get(place)?;
            for kept in KEPT {
                if let Some(value) = at(&self.columns, kept.name) {
                    (kept.set)(&mut record, value);
                }
            }
            let measured = self.measured.keys().filter_map(|name| Some((name.clone(), at(&self.measured, name)?)));
            record.measured = measured.collect();
            record
        };
        Finished {
            folder: root.join(&self.run),
            summary: self.summary.clone(),
            records: self.steps.iter().enumerate().map(record).collect(),
            edge: self.edge,
        }
    }

    /// Whether every column has a value or none for every step.
    pub fn is_whole(&self) -> bool {
        self.columns.values().chain(self.measured.values()).all(|column| column.len() == self.steps.len())
    }
}

/// The records that are kept, in their order.
fn chosen(records: &[Record]) -> Vec<&Record> {
    let stride = records.len().div_ceil(MOST).max(1) | 1;
    let largest = |get: fn(&Record) -> Option<f64>| {
        let values = records.iter().enumerate().filter_map(|(place, record)| Some((place, get(record)?)));
        values.filter(|(_, value)| value.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)
    };
    let is_measured = |record: &Record| {
        record.sharpness.is_some() || record.preconditioned_sharpness.is_some() || !record.measured.is_empty()
    };
    let measured = records.iter().enumerate().filter(|(_, record)| is_measured(record));
    let mut places: BTreeSet<usize> = (0..records.len()).step_by(stride).collect();
    places.extend(measured.flat_map(|(place, _)| [place, place + 1]));
    places.extend(records.len().checked_sub(1));
    places.extend(largest(|record| Some(record.loss)));
    places.extend(largest(|record| record.gradient_norm));
    places.into_iter().filter_map(|place| records.get(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples::run;

    fn kept(steps: u64, record: impl Fn(u64) -> Record) -> (Finished, Finished) {
        let run = run(steps, record);
        let kept = KeptRun::of("seed=1", Some("abc"), &run);
        let text = serde_json::to_string(&kept).unwrap();
        let read: KeptRun = serde_json::from_str(&text).unwrap();
        assert!(read == kept && read.is_whole() && read.content.as_deref() == Some("abc"));
        (run, read.finished(Path::new("")))
    }

    #[test]
    fn a_short_run_keeps_every_record() {
        let (run, again) = kept(300, |step| Record {
            loss: 1.0 / (1.0 + step as f64),
            learning_rate: 0.1,
            gradient_norm: Some(2.0),
            sharpness: (step % 20 == 0).then_some(3.25),
            measured: BTreeMap::from([("trace".to_owned(), 7.5)]),
            ..Record::default()
        });
        assert_eq!((again.records.len(), &again.summary), (300, &run.summary));
        for (before, after) in run.records.iter().zip(&again.records) {
            assert!((after.loss / before.loss - 1.0).abs() < 1e-4);
            assert_eq!(
                (before.step, before.sharpness, &before.measured),
                (after.step, after.sharpness, &after.measured)
            );
            assert_eq!((before.learning_rate, before.alignment), (after.learning_rate, after.alignment));
        }
    }

    #[test]
    fn of_a_long_run_stay_both_parities_what_was_measured_and_the_peaks() {
        let (_, again) = kept(2000, |step| Record {
            loss: if step == 1234 { f64::NAN } else { 1.0 + f64::from(u8::from(step == 777)) },
            learning_rate: if step % 2 == 0 { 1.0 } else { 3.0 },
            gradient_norm: Some(if step == 1111 { 50.0 } else { 1.0 }),
            sharpness: (step % 98 == 0).then_some(2.0),
            ..Record::default()
        });
        let at = |step: u64| again.records.iter().find(|record| record.step == step);
        assert!(at(777).is_some() && at(1111).is_some() && at(1999).is_some());
        assert!([0, 98, 99, 1960, 1961].iter().all(|&step| at(step).is_some()));
        assert!(again.records.len() < 460, "{}", again.records.len());
        let odd = again.records.iter().filter(|record| record.step % 2 == 1).count();
        assert!((0.4..0.6).contains(&(odd as f64 / again.records.len() as f64)));
        assert!(
            at(1235).is_some_and(|record| record.loss == 1.0) && at(1234).is_none_or(|record| record.loss.is_nan())
        );
    }
}
