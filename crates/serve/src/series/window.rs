use std::fs::File;
use std::io;

use onedge_record::{Error, Record, Row};
use serde::Serialize;

use super::Series;
use super::lines::{LinesFrom, Next};
use super::readings;
use super::sample::Sampler;

/// What a picture shows of a run.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which quantities.
    pub names: Vec<String>,
    /// What lies along the horizontal axis: `step`, `cost` or `seconds`.
    pub x: &'static str,
    /// From where to where.
    pub from: f64,
    /// Likewise.
    pub to: f64,
    /// How wide the picture is: of more records than can be told apart, the smallest and the largest of each pixel are kept.
    pub pixels: usize,
    /// Whether the horizontal axis is logarithmic.
    pub log: bool,
}

/// One quantity in a window. What is no number is NaN, and was recorded so.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Curve {
    /// Where.
    pub x: Vec<f64>,
    /// What.
    pub y: Vec<f64>,
}

/// All of them.
#[derive(Debug, Clone, Serialize)]
pub struct Window {
    /// In the order in which they were wanted.
    pub curves: Vec<Curve>,
    /// How much of the records was read, 0 to 1; the rest is shown by samples.
    pub share: f64,
}

/// Records that came after a step.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tail {
    /// Of each record.
    pub step: Vec<f64>,
    /// Likewise.
    pub cost: Vec<f64>,
    /// Likewise.
    pub seconds: Vec<f64>,
    /// Of each quantity, in which of these records it is, and what it was.
    pub curves: Vec<(Vec<usize>, Vec<f64>)>,
}

/// The density of the spectrum at a step: points `(eigenvalue, weight)`.
pub type Density = (u64, Vec<(f64, f64)>);

/// At least so many records are shown one by one.
const FEW: u64 = 2048;

impl Series {
    /// What a window shows: every record where there is room for it, else the extremes of each pixel.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn window(&self, wanted: &Wanted) -> Result<Window, Error> {
        let mut curves = vec![Curve::default(); wanted.names.len()];
        self.read_part(wanted, &mut curves).map_err(Error::read(&self.path))?;
        if !self.is_complete() {
            self.sampled_part(wanted, &mut curves).map_err(Error::read(&self.path))?;
        }
        for curve in &mut curves {
            thin(curve, wanted);
        }
        Ok(Window { curves, share: self.share() })
    }

    fn read_part(&self, wanted: &Wanted, curves: &mut [Curve]) -> io::Result<()> {
        let all = self.starts.len();
        let within = |block: &usize| {
            let there = self.block(wanted.x, *block);
            there.high >= wanted.from && there.low <= wanted.to
        };
        let Some(first) = (0..all).find(within) else { return Ok(()) };
        let last = (first..all).rev().find(within).unwrap_or(first);
        // One more at each side, so that lines reach the borders.
        let (first, end) = (first.saturating_sub(1), (last + 2).min(all));
        let enough = FEW.max(4 * wanted.pixels as u64);
        if (end - first) as u64 * self.length <= enough {
            return self.one_by_one(first, end, wanted, curves);
        }
        let mut first = first;
        if wanted.log {
            let head = (first + (FEW / self.length).max(1) as usize).min(end);
            self.one_by_one(first, head, wanted, curves)?;
            first = head;
        }
        for (name, curve) in wanted.names.iter().zip(curves) {
            let Some(column) = self.column(name) else { continue };
            for block in first..end {
                let there = column.block(block);
                let place = |at: u8| self.place(wanted.x, block, at);
                let ends = [(there.at_low, there.low), (there.at_high, there.high)];
                let [one, other] = if there.at_low <= there.at_high { ends } else { [ends[1], ends[0]] };
                for (at, value) in [one, other] {
                    if !value.is_nan() && (curve.y.last() != Some(&value) || curve.x.last() != Some(&place(at))) {
                        curve.push(place(at), value);
                    }
                }
                if there.gap {
                    curve.push(place(other.0), f64::NAN);
                }
            }
        }
        Ok(())
    }

    /// Where about along the axis it is, so many 256ths into a block.
    fn place(&self, x: &str, block: usize, at: u8) -> f64 {
        let (there, records) = (self.block(x, block), self.records_in(block));
        if records < 2 {
            return there.low;
        }
        let record = f64::from(at) * self.length as f64 / 256.0;
        let place = there.low + (there.high - there.low) * (record / (records - 1) as f64).min(1.0);
        if x == "step" { place.round() } else { place }
    }

    fn one_by_one(&self, first: usize, end: usize, wanted: &Wanted, curves: &mut [Curve]) -> io::Result<()> {
        self.each_record(first, end, |row| {
            let Some(x) = row.value(wanted.x) else { return };
            for (name, curve) in wanted.names.iter().zip(curves.iter_mut()) {
                if let Some(y) = readings::of(row, name) {
                    curve.push(x, y);
                }
            }
        })
    }

    /// Shows the records of the blocks `first` to `end`.
    fn each_record(&self, first: usize, end: usize, mut see: impl FnMut(&Row<'_>)) -> io::Result<()> {
        let Some(&start) = self.starts.get(first) else { return Ok(()) };
        let to = self.starts.get(end).map_or(self.read, |next| next.at);
        let mut lines = LinesFrom::new(File::open(&self.path)?, start.at)?;
        let mut line = start.line;
        while lines.at < to {
            let next = lines.advance()?;
            if self.counts(line, lines.line())
                && let Ok(row) = Row::read(lines.line())
            {
                see(&row);
            }
            line += 1;
            if !matches!(next, Next::Whole) {
                break;
            }
        }
        Ok(())
    }

    fn sampled_part(&self, wanted: &Wanted, curves: &mut [Curve]) -> io::Result<()> {
        let of = |row: &Row<'_>| row.value(wanted.x);
        let mut sampler = Sampler::new(&self.path, self.read, self.size)?;
        let reaches = |at: u64, sampler: &mut Sampler| sampler.at(at, of).map(Option::flatten);
        if reaches(self.read, &mut sampler)?.is_none_or(|first| first > wanted.to) {
            return Ok(());
        }
        let from = if wanted.from.is_finite() { sampler.find(wanted.from, &of)? } else { self.read };
        let to = if wanted.to.is_finite() { sampler.find(wanted.to, &of)? + (1 << 13) } else { self.size };
        sampler.spread(from, to, wanted.pixels as u64 / 2, |row| {
            let Some(x) = row.value(wanted.x) else { return };
            for (name, curve) in wanted.names.iter().zip(curves.iter_mut()) {
                if let (Some(y), true) = (readings::of(row, name), curve.x.last().is_none_or(|last| *last < x)) {
                    curve.push(x, y);
                }
            }
        })
    }

    /// The records after `step`, so many at most, the latest ones; `None` if there are more.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn after(&self, step: Option<u64>, names: &[String], most: usize) -> Result<Option<Tail>, Error> {
        let first = step.map_or(0, |step| self.starts.partition_point(|start| start.step <= step).saturating_sub(1));
        if (self.starts.len() - first) as u64 * self.length > most as u64 + 2 * self.length {
            return Ok(None);
        }
        let mut tail = Tail { curves: vec![Default::default(); names.len()], ..Tail::default() };
        let read = self.each_record(first, self.starts.len(), |row| {
            let number = |name| row.value(name).unwrap_or(f64::NAN);
            if step.is_some_and(|step| number("step") <= step as f64) {
                return;
            }
            for (name, (places, values)) in names.iter().zip(&mut tail.curves) {
                if let Some(value) = readings::of(row, name) {
                    places.push(tail.step.len());
                    values.push(value);
                }
            }
            tail.step.push(number("step"));
            tail.cost.push(number("cost"));
            tail.seconds.push(number("seconds"));
        });
        read.map_err(Error::read(&self.path))?;
        Ok((tail.step.len() <= most).then_some(tail))
    }

    /// Densities of the spectrum, so many at most.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn densities(&self, most: usize) -> Result<Vec<Density>, Error> {
        let every = self.densities.len().div_ceil(most.max(1)).max(1);
        let read = || {
            let mut found = Vec::new();
            for &(step, at) in self.densities.iter().rev().step_by(every) {
                let mut lines = LinesFrom::new(File::open(&self.path)?, at)?;
                lines.advance()?;
                if let Ok(record) = serde_json::from_slice::<Record>(lines.line()) {
                    found.push((step, record.density));
                }
            }
            found.reverse();
            Ok(found)
        };
        read().map_err(Error::read(&self.path))
    }
}

impl Curve {
    fn push(&mut self, x: f64, y: f64) {
        self.x.push(x);
        self.y.push(if y.is_finite() { y } else { f64::NAN });
    }
}

/// Keeps of each pixel the smallest and the largest value, in their order, and whether a value was none; and both ends.
fn thin(curve: &mut Curve, wanted: &Wanted) {
    let count = curve.x.len();
    if count <= 4 * wanted.pixels {
        return;
    }
    let scale = |x: f64| if wanted.log { x.max(0.5).ln() } else { x };
    let (low, high) = (scale(curve.x[0].max(wanted.from)), scale(curve.x[count - 1].min(wanted.to)));
    let width = (high - low) / wanted.pixels as f64;
    let pixel = |x: f64| if width > 0.0 { ((scale(x) - low) / width).floor() } else { 0.0 };
    let mut thinned = Curve::default();
    let mut start = 0;
    while start < count {
        let here = pixel(curve.x[start]);
        let end = start + curve.x[start..].iter().take_while(|x| pixel(**x) == here).count().max(1);
        let mut kept: Vec<usize> = Vec::with_capacity(5);
        let numbers = || (start..end).filter(|place| !curve.y[*place].is_nan());
        kept.extend(numbers().min_by(|a, b| curve.y[*a].total_cmp(&curve.y[*b])));
        kept.extend(numbers().max_by(|a, b| curve.y[*a].total_cmp(&curve.y[*b])));
        kept.extend((start..end).find(|place| curve.y[*place].is_nan()));
        kept.extend((start == 0).then_some(0));
        kept.extend((end == count).then_some(count - 1));
        kept.sort_unstable();
        kept.dedup();
        for place in kept {
            thinned.push(curve.x[place], curve.y[place]);
        }
        start = end;
    }
    *curve = thinned;
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn line(step: u64, loss: &str) -> String {
        format!(
            "{{\"step\":{step},\"loss\":{loss},\"learning_rate\":0.5,\"cost\":{}.0,\"seconds\":{}}}\n",
            3 * (step + 1),
            step as f64 / 4.0
        )
    }

    fn loss(step: u64) -> String {
        match step {
            70_001 => "1e9".to_owned(),
            120_345 => "-7.5".to_owned(),
            150_000 => "null".to_owned(),
            _ => format!("{}.5", step % 10),
        }
    }

    fn written(path: &Path, steps: impl Iterator<Item = u64>) {
        let text: String = steps.map(|step| line(step, &loss(step))).collect();
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn wanted(from: f64, to: f64) -> Wanted {
        Wanted { names: vec!["loss".to_owned(), "absent".to_owned()], x: "step", from, to, pixels: 300, log: false }
    }

    fn read(path: &Path) -> Series {
        let mut series = Series::new(path);
        series.look().unwrap();
        series.advance(u64::MAX).unwrap();
        series
    }

    fn all() -> Wanted {
        wanted(f64::NEG_INFINITY, f64::INFINITY)
    }

    #[test]
    fn of_a_long_run_every_peak_and_gap_is_at_its_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        written(&path, 0..200_000);
        let series = read(&path);
        assert!(series.is_complete() && series.records == 200_000);
        let window = series.window(&all()).unwrap();
        let curve = &window.curves[0];
        let at =
            |step: f64| curve.x.iter().zip(&curve.y).filter(|(x, _)| **x == step).map(|(_, y)| *y).collect::<Vec<_>>();
        assert_eq!((at(70_001.0), at(120_345.0)), (vec![1e9], vec![-7.5]));
        assert!(curve.y.iter().filter(|y| y.is_nan()).count() == 1);
        assert!(curve.x.len() < 4 * 300 && curve.x.is_sorted(), "{}", curve.x.len());
        assert_eq!((curve.x[0], window.curves[1].x.len(), window.share), (0.0, 0, 1.0));
        // A small window has every record, at either end a few more.
        let window = series.window(&wanted(70_000.0, 70_100.0)).unwrap();
        let curve = &window.curves[0];
        assert!(curve.x[0] <= 70_000.0 && *curve.x.last().unwrap() >= 70_100.0 && curve.x.len() < 400);
        assert!(curve.x.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
        // By cost, where 70_001 is at 3 * 70_002; steps after it are 1.5 and so on.
        let by_cost = Wanted { x: "cost", ..wanted(210_003.0, 210_030.0) };
        let window = series.window(&by_cost).unwrap();
        let place = window.curves[0].y.iter().position(|y| *y == 1e9).unwrap();
        assert_eq!(window.curves[0].x[place], 210_006.0);
        let log = series.window(&Wanted { log: true, ..all() }).unwrap();
        assert_eq!(log.curves[0].x[..50], (0..50).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_appended_is_read_on_and_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let mut series = Series::new(&path);
        series.look().unwrap();
        assert!(series.is_complete(), "a run that has recorded nothing yet");
        let text: String = (0..300).map(|step| line(step, &loss(step))).collect();
        // In pieces of all lengths, cut anywhere.
        let (mut at, mut seen) = (0, Vec::new());
        while at < text.len() {
            let end = (at + 1 + (at * 7919) % 97).min(text.len());
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .unwrap()
                .write_all(&text.as_bytes()[at..end])
                .unwrap();
            at = end;
            series.look().unwrap();
            series.advance(u64::MAX).unwrap();
            let last = seen.last().map(|step: &f64| *step as u64);
            seen.extend(series.after(last, &["loss".to_owned()], 1000).unwrap().unwrap().step);
        }
        assert_eq!(seen, (0..300).map(f64::from).collect::<Vec<_>>());
        assert_eq!((series.generation, series.damaged), (0, 0));
        assert!(series.after(None, &[], 100).unwrap().is_none(), "more than asked for");
        let tail = series.after(Some(297), &["loss".to_owned(), "sharpness".to_owned()], 100).unwrap().unwrap();
        assert_eq!((tail.step, tail.cost), (vec![298.0, 299.0], vec![897.0, 900.0]));
        assert_eq!(tail.curves, [(vec![0, 1], vec![8.5, 9.5]), (vec![], vec![])]);
        // The run goes on from an earlier step: the file is another one, and shorter.
        fs::write(&path, line(0, "4")).unwrap();
        series.look().unwrap();
        series.advance(u64::MAX).unwrap();
        assert_eq!((series.generation, series.records, series.last_step), (1, 1, Some(0)));
        fs::remove_file(&path).unwrap();
        series.look().unwrap();
        assert_eq!((series.generation, series.records), (2, 0));
    }

    #[test]
    fn of_one_step_the_last_record_counts_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let lines = [line(0, "5"), line(1, "6"), line(2, "7"), line(1, "8"), "{\"ste\n".to_owned(), line(3, "9")];
        fs::write(&path, lines.concat()).unwrap();
        let series = read(&path);
        let curve = &series.window(&all()).unwrap().curves[0];
        assert_eq!((&curve.x[..], &curve.y[..]), (&[0.0, 1.0, 3.0][..], &[5.0, 8.0, 9.0][..]));
        assert_eq!((series.records, series.damaged), (3, 1));
    }

    #[test]
    fn what_was_not_read_yet_is_shown_by_samples() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        written(&path, 0..50_000);
        let mut series = Series::new(&path);
        series.look().unwrap();
        series.advance(1 << 16).unwrap();
        assert!(!series.is_complete() && series.share() < 0.1);
        let window = series.window(&all()).unwrap();
        let curve = &window.curves[0];
        assert!(curve.x.is_sorted() && curve.x.len() > 140 && *curve.x.last().unwrap() > 49_000.0);
        assert!(window.share < 0.1);
        let window = series.window(&wanted(40_000.0, 41_000.0)).unwrap();
        let inside = window.curves[0].x.iter().filter(|x| (40_000.0..=41_000.0).contains(*x)).count();
        assert!(inside > 100, "{inside}");
    }

    #[test]
    fn memory_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        written(&path, 0..1000);
        let mut series = Series::new(&path);
        series.length = 1;
        series.look().unwrap();
        series.advance(u64::MAX).unwrap();
        assert_eq!((series.starts.len(), series.records_in(999)), (1000, 1));
    }
}
