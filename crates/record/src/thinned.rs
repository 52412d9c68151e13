use std::collections::{BTreeMap, HashSet};

use crate::{COLUMNS, Record};

/// So many records are kept as they are.
const MOST: usize = 1 << 14;
/// In so many stretches of equal length the steps of a longer run are looked at, or fewer.
const STRETCHES: u64 = 1 << 9;

/// The records of a run, as far as a picture of it needs them: all of 16,384 steps; of longer runs, of each of up to 512
/// stretches, the first and the last, and those at which a quantity is smallest, largest, not a number, or measured last. So no spike is
/// lost, and memory does not grow with the steps. The last spectral density alone is kept.
#[derive(Debug, Clone, Default)]
pub struct Thinned {
    records: Vec<Record>,
    /// The place of the record that has a density.
    dense: Option<usize>,
    most: usize,
}

impl Thinned {
    /// Adds the record of a step, which comes after all others.
    pub fn push(&mut self, record: Record) {
        if !record.density.is_empty()
            && let Some(before) = self.dense.replace(self.records.len())
        {
            self.records[before].density = Vec::new();
        }
        self.records.push(record);
        if self.records.len() >= self.most.max(MOST) {
            self.thin();
        }
    }

    /// What is kept, in the order of steps.
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }

    fn thin(&mut self) {
        let (first, last) = (self.records[0].step, self.records[self.records.len() - 1].step);
        let width = ((last - first) / STRETCHES + 1).next_power_of_two();
        let mut kept: HashSet<usize> = self.dense.into_iter().collect();
        let mut start = 0;
        while start < self.records.len() {
            let stretch = self.records[start].step / width;
            let length = self.records[start..].partition_point(|record| record.step / width == stretch);
            self.outstanding(start, start + length, &mut kept);
            start += length;
        }
        let dense = self.dense.map(|place| self.records[place].step);
        let mut place = 0;
        self.records.retain(|_| {
            place += 1;
            kept.contains(&(place - 1))
        });
        self.dense = self.records.iter().position(|record| Some(record.step) == dense);
        // Room for as many again, so that each record is looked at a few times only.
        self.most = 2 * self.records.len();
    }

    /// Of the records from `start` to `end`, the places of those that stand for all of them.
    fn outstanding(&self, start: usize, end: usize, kept: &mut HashSet<usize>) {
        kept.extend([start, end - 1]);
        let records = || self.records[start..end].iter().enumerate().map(|(place, record)| (start + place, record));
        for column in COLUMNS {
            extremes(records().filter_map(|(place, record)| Some((place, (column.get)(record)?))), kept);
        }
        extremes(records().filter_map(|(place, record)| Some((place, record.edge()?))), kept);
        let mut measured: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
        for (place, record) in records() {
            for (name, value) in &record.measured {
                measured.entry(name).or_default().push((place, *value));
            }
        }
        measured.into_values().for_each(|values| extremes(values.into_iter(), kept));
    }
}

/// The places of the smallest, the largest and the last value, and of the first that is no number.
fn extremes(values: impl Iterator<Item = (usize, f64)>, kept: &mut HashSet<usize>) {
    let (mut low, mut high, mut none, mut last) = (None::<(usize, f64)>, None::<(usize, f64)>, None, None);
    for (place, value) in values {
        last = Some(place);
        if value.is_nan() {
            none.get_or_insert(place);
            continue;
        }
        if low.is_none_or(|(_, least)| value < least) {
            low = Some((place, value));
        }
        if high.is_none_or(|(_, most)| value > most) {
            high = Some((place, value));
        }
    }
    kept.extend(none.into_iter().chain(last).chain(low.map(|(place, _)| place)).chain(high.map(|(place, _)| place)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinned(records: impl Iterator<Item = Record>) -> Vec<Record> {
        let mut thinned = Thinned::default();
        records.for_each(|record| thinned.push(record));
        thinned.into_records()
    }

    fn record(step: u64) -> Record {
        let loss = 1.0 + (step % 7) as f64;
        Record { step, loss, learning_rate: 0.1, cost: step as f64, seconds: step as f64, ..Record::default() }
    }

    #[test]
    fn a_short_run_stays_whole() {
        let records: Vec<Record> = (5..5 + MOST as u64 - 1).map(record).collect();
        assert_eq!(thinned(records.iter().cloned()), records);
    }

    #[test]
    fn of_a_long_run_every_spike_and_gap_stays() {
        let steps = 400_000;
        let odd = |step| match step {
            123_457 => Record { loss: 1e6, ..record(step) },
            200_001 => Record { loss: -2.0, ..record(step) },
            300_003 => Record { loss: f64::NAN, ..record(step) },
            350_001 => Record { sharpness: Some(70.0), ..record(step) },
            350_002 => Record { measured: BTreeMap::from([("trace".to_owned(), 9.0)]), ..record(step) },
            _ => record(step),
        };
        let kept = thinned((0..steps).map(odd));
        assert!(kept.len() < 2 * MOST, "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[0].step < pair[1].step));
        let at = |step: u64| kept.iter().find(|record| record.step == step).unwrap();
        assert_eq!((at(123_457).loss, at(200_001).loss), (1e6, -2.0));
        assert!(at(300_003).loss.is_nan());
        assert_eq!((at(350_001).sharpness, at(350_002).measured["trace"]), (Some(70.0), 9.0));
        assert_eq!((kept[0].step, kept[kept.len() - 1].step), (0, steps - 1));
        // No stretch is left out.
        assert!(kept.windows(2).all(|pair| pair[1].step - pair[0].step <= 1024));
    }

    #[test]
    fn the_last_density_alone_is_kept() {
        let dense = |step: u64| Record {
            density: if step.is_multiple_of(1000) { vec![(step as f64, 1.0)] } else { Vec::new() },
            ..record(step)
        };
        let kept = thinned((0..50_500).map(dense));
        let densities: Vec<(u64, f64)> =
            kept.iter().filter(|r| !r.density.is_empty()).map(|r| (r.step, r.density[0].0)).collect();
        assert_eq!(densities, [(50_000, 50_000.0)]);
    }
}
