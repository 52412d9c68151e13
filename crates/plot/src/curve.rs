use crate::axis::{Axis, Scale};
use crate::trace::Readings;
use onedge_record::Record;

/// One run as a picture shows it, or the same run for several seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub label: String,
    /// What was recorded, for each seed. Of several the mean is drawn, and their range as a band.
    pub runs: Vec<Course>,
    /// The value of learning rate times sharpness at its edge of stability, if known: 2 for gradient descent.
    pub edge: Option<f64>,
}

/// How one run went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// Its records.
    pub records: Vec<Record>,
    /// Whether it ended by diverging, which is marked by a cross.
    pub diverged: bool,
}

impl Curve {
    /// The curve of one run that did not diverge, or of which that is not known.
    pub fn of(label: &str, records: Vec<Record>, edge: Option<f64>) -> Self {
        Self { label: label.to_owned(), runs: vec![Course { records, diverged: false }], edge }
    }

    /// All records, run by run.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.runs.iter().flat_map(|run| &run.records)
    }
}

impl Course {
    /// What it reads of a quantity, where that was measured.
    pub fn readings(&self, x: Quantity, y: impl Fn(&Record) -> Option<f64>) -> Readings {
        let of = self.records.iter().filter_map(|record| Some((record.step, x(record)?, y(record)?)));
        Readings { of: of.collect(), diverged: self.diverged }
    }
}

/// What is read off a record.
pub type Quantity = fn(&Record) -> Option<f64>;

/// More points than this are thinned: a panel is some 450 units wide.
const MOST_POINTS: usize = 1200;

/// The points of a curve, in pieces. A step at which the quantity was not measured is bridged; one at which it is NaN,
/// or not positive on a log scale, leaves a gap.
pub fn pieces(points: impl Iterator<Item = (f64, f64)>, scale: Scale) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (x, y) in points {
        let shown = x.is_finite() && y.is_finite() && (scale == Scale::Linear || y > 0.0);
        match pieces.last_mut() {
            Some(piece) if shown => piece.push((x, y)),
            Some(piece) if piece.is_empty() => {}
            _ => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.into_iter().map(thinned).collect()
}

/// A band in pieces: x, the lowest and the highest value there. It has a gap where one of both is no number, and on a log scale
/// where nothing of it is positive.
pub fn band_pieces(band: &[(f64, f64, f64)], scale: Scale) -> Vec<Vec<(f64, f64, f64)>> {
    let shown = |&(x, low, high): &(f64, f64, f64)| {
        x.is_finite() && low.is_finite() && high.is_finite() && (scale == Scale::Linear || high > 0.0)
    };
    let pieces = band.split(|place| !shown(place)).filter(|piece| piece.len() > 1);
    pieces.map(thinned_band).collect()
}

/// Keeps of every bucket its lowest and its highest value, at the middle of it.
fn thinned_band(piece: &[(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    if piece.len() <= MOST_POINTS {
        return piece.to_vec();
    }
    let bucket = |part: &[(f64, f64, f64)]| {
        let low = part.iter().map(|place| place.1).fold(f64::INFINITY, f64::min);
        (part[part.len() / 2].0, low, part.iter().map(|place| place.2).fold(f64::NEG_INFINITY, f64::max))
    };
    let mut kept: Vec<_> = piece.chunks(piece.len().div_ceil(MOST_POINTS / 2)).map(bucket).collect();
    // From end to end, as the line.
    if let [first, .., last] = &mut kept[..] {
        (first.0, last.0) = (piece[0].0, piece[piece.len() - 1].0);
    }
    kept
}

/// The piece in units of the panel (0 to 1 both ways), cut off where it leaves the panel above or below.
pub fn clipped(piece: &[(f64, f64)], x: &Axis, y: &Axis) -> Vec<Vec<(f64, f64)>> {
    let places: Vec<(f64, f64)> = piece.iter().filter_map(|&(a, b)| Some((x.place(a)?, y.place(b)?))).collect();
    let mut lines: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let is_inside = |p: (f64, f64)| (0.0..=1.0).contains(&p.1);
    for (index, &point) in places.iter().enumerate() {
        if index > 0 && is_inside(places[index - 1]) != is_inside(point) {
            let crossing = crossing(places[index - 1], point);
            if is_inside(point) {
                lines.push(vec![crossing]);
            } else if let Some(line) = lines.last_mut() {
                line.push(crossing);
            }
        } else if index > 0 && !is_inside(point) && (places[index - 1].1 > 1.0) != (point.1 > 1.0) {
            // From above the panel to below it, or back, in one step.
            let (a, b) = (places[index - 1], point);
            lines.push(vec![at_height(a, b, 0.0), at_height(a, b, 1.0)]);
            lines.push(Vec::new());
        }
        if is_inside(point)
            && let Some(line) = lines.last_mut()
        {
            line.push(point);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn crossing(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    at_height(a, b, if a.1.max(b.1) > 1.0 { 1.0 } else { 0.0 })
}

fn at_height(a: (f64, f64), b: (f64, f64), height: f64) -> (f64, f64) {
    (a.0 + (b.0 - a.0) * (height - a.1) / (b.1 - a.1), height)
}

/// Keeps the lowest and the highest point of every bucket, and the two ends, so that spikes stay visible.
fn thinned(piece: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if piece.len() <= MOST_POINTS {
        return piece;
    }
    let buckets = MOST_POINTS / 2;
    let mut kept = vec![piece[0]];
    for bucket in 0..buckets {
        let range = bucket * piece.len() / buckets..(bucket + 1) * piece.len() / buckets;
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let low = piece[range.clone()].iter().min_by(by_height);
        let high = piece[range].iter().max_by(by_height);
        if let (Some(&low), Some(&high)) = (low, high) {
            let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
            kept.extend([first, second]);
        }
    }
    kept.extend(piece.last());
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(losses: &[f64]) -> Vec<Record> {
        losses.iter().enumerate().map(|(i, &loss)| Record { step: i as u64, loss, ..Record::default() }).collect()
    }

    const LOSS: Quantity = |r| Some(r.loss);

    fn of_run(records: &[Record], y: Quantity, scale: Scale) -> Vec<Vec<(f64, f64)>> {
        let run = Course { records: records.to_vec(), diverged: false };
        let readings = run.readings(|record| Some(record.step as f64), y);
        pieces(readings.of.into_iter().map(|(_, x, y)| (x, y)), scale)
    }

    #[test]
    fn what_cannot_be_shown_leaves_a_gap() {
        let run = records(&[2.0, 1.0, f64::NAN, 3.0, -1.0, -2.0, 4.0]);
        let log = of_run(&run, LOSS, Scale::Log);
        assert_eq!(log, [vec![(0.0, 2.0), (1.0, 1.0)], vec![(3.0, 3.0)], vec![(6.0, 4.0)]]);
        assert_eq!(of_run(&run, LOSS, Scale::Linear).len(), 2);
    }

    #[test]
    fn bands_have_gaps_and_keep_their_extremes() {
        let nan = f64::NAN;
        let band = [(0.0, 1.0, 2.0), (1.0, -1.0, 2.0), (2.0, nan, nan), (3.0, -2.0, -1.0), (4.0, -2.0, -1.0)];
        assert_eq!(band_pieces(&band, Scale::Linear).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(band_pieces(&band, Scale::Log), [band[..2].to_vec()]);
        let mut long: Vec<_> = (0..50_000).map(|i| (f64::from(i), 1.0, 2.0)).collect();
        (long[777].1, long[40_000].2) = (0.1, 9.0);
        let thin = &band_pieces(&long, Scale::Log)[0];
        assert!(thin.len() <= MOST_POINTS && thin.iter().any(|place| place.1 == 0.1));
        assert!(thin.iter().any(|place| place.2 == 9.0));
        assert_eq!((thin[0].0, thin[thin.len() - 1].0), (0.0, 49_999.0));
    }

    #[test]
    fn what_was_not_measured_is_bridged() {
        let mut run = records(&[1.0, 1.0, 1.0]);
        (run[0].sharpness, run[2].sharpness) = (Some(5.0), Some(7.0));
        assert_eq!(of_run(&run, |r| r.sharpness, Scale::Log), [vec![(0.0, 5.0), (2.0, 7.0)]]);
    }

    #[test]
    fn thinning_keeps_spikes_and_ends() {
        let mut run = records(&(0..50_000).map(|i| 1.0 + f64::from(i % 7)).collect::<Vec<_>>());
        run[12_345].loss = 1e6;
        let thin = &of_run(&run, LOSS, Scale::Linear)[0];
        assert!(thin.len() <= MOST_POINTS + 2);
        assert!(thin.contains(&(12_345.0, 1e6)));
        assert_eq!((thin[0].0, thin[thin.len() - 1].0), (0.0, 49_999.0));
        assert!(thin.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn lines_are_cut_at_the_border() {
        let axis = Axis::new(Scale::Linear, 0.0, 10.0);
        let line = [(0.0, 5.0), (2.0, 15.0), (4.0, 5.0), (6.0, -5.0), (8.0, 15.0)];
        let close = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12;
        let cut = clipped(&line, &axis, &axis);
        let expected: [&[(f64, f64)]; 3] =
            [&[(0.0, 0.5), (0.1, 1.0)], &[(0.3, 1.0), (0.4, 0.5), (0.5, 0.0)], &[(0.65, 0.0), (0.75, 1.0)]];
        assert_eq!(cut.len(), expected.len());
        for (line, expected) in cut.iter().zip(expected) {
            assert!(line.len() == expected.len() && line.iter().zip(expected).all(|(a, b)| close(*a, *b)), "{cut:?}");
        }
    }
}
