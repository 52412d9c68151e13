use onedge_text::numbers::superscript;

/// How values map to places along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Proportional.
    Linear,
    /// By the logarithm; only positive values have a place.
    Log,
}

/// The range that shows `values` without their outliers: all of it, if that is at most twice as wide as what 90 % of the
/// values take; else that much and a quarter more on either side. With it, whether something is cut off; `None` for no
/// values with a place.
pub fn readable_range(scale: Scale, values: impl Iterator<Item = f64>) -> Option<((f64, f64), bool)> {
    let to = |value: f64| if scale == Scale::Log { value.ln() } else { value };
    let mut places: Vec<f64> = values.map(to).filter(|place| place.is_finite()).collect();
    places.sort_by(f64::total_cmp);
    let at = |share: f64| Some(*places.get((share * (places.len().checked_sub(1)?) as f64).round() as usize)?);
    let (least, low, high, most) = (at(0.0)?, at(0.05)?, at(0.95)?, at(1.0)?);
    let room = (high - low) / 4.0;
    let cut = most - least > 2.0 * (high - low) && high > low;
    let (from, to) = if cut { (least.max(low - room), most.min(high + room)) } else { (least, most) };
    let back = |place: f64| if scale == Scale::Log { place.exp() } else { place };
    Some(((back(from), back(to)), cut))
}

/// A scale with its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    scale: Scale,
    min: f64,
    max: f64,
}

impl Axis {
    /// The axis that shows `min ..= max`, widened a little where the range is empty.
    ///
    /// # Panics
    /// If the range is not finite, or not positive on a log scale.
    pub fn new(scale: Scale, min: f64, max: f64) -> Self {
        assert!(min.is_finite() && max.is_finite() && min <= max, "axis: no range from {min} to {max}");
        match scale {
            Scale::Log => {
                assert!(min > 0.0, "axis: a log scale from {min}");
                let narrow = max / min < 1.5;
                if narrow { Self { scale, min: min / 1.5, max: max * 1.5 } } else { Self { scale, min, max } }
            }
            Scale::Linear => {
                let room = if max > min { 0.0 } else { (0.1 * max.abs()).max(0.1) };
                Self { scale, min: min - room, max: max + room }
            }
        }
    }

    /// The same with a margin of `share` of its length at both ends.
    pub fn padded(self, share: f64) -> Self {
        let (low, high) = (self.value(-share), self.value(1.0 + share));
        Self { min: low, max: high, ..self }
    }

    /// Where `value` lies: 0 at the minimum, 1 at the maximum. `None` if it has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear => (value - self.min) / (self.max - self.min),
            Scale::Log if value > 0.0 => (value / self.min).ln() / (self.max / self.min).ln(),
            Scale::Log => return None,
        };
        share.is_finite().then_some(share)
    }

    /// The values that get a label, in ascending order: 3 to 8 of them.
    pub fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => self.linear_ticks(),
            Scale::Log => self.log_ticks(),
        }
    }

    /// Its ticks with their labels.
    pub fn labelled_ticks(&self) -> Vec<(f64, String)> {
        let ticks = self.ticks();
        let labels = tick_labels(self.scale, &ticks);
        ticks.into_iter().zip(labels).collect()
    }

    /// Its scale.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    fn value(&self, share: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.min + share * (self.max - self.min),
            Scale::Log => self.min * (self.max / self.min).powf(share),
        }
    }

    fn linear_ticks(&self) -> Vec<f64> {
        let rough = (self.max - self.min) / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999);
        let step = step.unwrap_or(rough);
        let (first, last) = ((self.min / step - 1e-9).ceil() as i64, (self.max / step + 1e-9).floor() as i64);
        (first..=last).map(|i| i as f64 * step).collect()
    }

    fn log_ticks(&self) -> Vec<f64> {
        let (low, high) = (self.min.log10().floor() as i32, self.max.log10().ceil() as i32);
        let inside = |ticks: Vec<f64>| -> Vec<f64> {
            ticks.into_iter().filter(|t| *t >= self.min * 0.999 && *t <= self.max * 1.001).collect()
        };
        let decades = inside((low..=high).map(power_of_ten).collect());
        if decades.len() >= 4 {
            let stride = decades.len().div_ceil(7);
            return decades.into_iter().step_by(stride).collect();
        }
        let within = |multiples: &[f64]| {
            inside((low..=high).flat_map(|e| multiples.iter().map(move |m| m * power_of_ten(e))).collect())
        };
        [&[1.0, 3.0][..], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]]
            .into_iter()
            .map(within)
            .find(|ticks| ticks.len() >= 3)
            .unwrap_or_else(|| self.linear_ticks())
    }
}

/// A number as text: plain from 0.001 to 999,999, otherwise as a power of ten with superscripts.
pub fn tick_label(value: f64) -> String {
    if is_plain(&[value]) { plain(&[value], 6).remove(0) } else { power(value, exponent(value), 3) }
}

/// The ticks of an axis as text, in as many digits as tell them apart: all plain, with commas from 10,000, or all as multiples of
/// powers of ten; that power is one on a linear axis, and each number's own on a log scale.
fn tick_labels(scale: Scale, ticks: &[f64]) -> Vec<String> {
    let is_plain = is_plain(ticks);
    let most = ticks.iter().fold(0.0, |most: f64, tick| most.max(tick.abs()));
    let labels = |digits: usize| match (is_plain, scale) {
        (true, _) => plain(ticks, digits),
        (false, Scale::Log) => ticks.iter().map(|tick| power(*tick, exponent(*tick), digits)).collect(),
        (false, Scale::Linear) => ticks.iter().map(|tick| power(*tick, exponent(most), digits)).collect::<Vec<_>>(),
    };
    let least = if is_plain { 6 } else { 3 };
    let apart = |labels: &Vec<String>| labels.windows(2).all(|pair| pair[0] != pair[1]);
    (least..=DIGITS).map(labels).find(apart).unwrap_or_else(|| labels(DIGITS))
}

fn is_plain(values: &[f64]) -> bool {
    values.iter().all(|value| *value == 0.0 || (0.000_999..999_999.5).contains(&value.abs()))
}

/// A number of double precision has no more.
const DIGITS: usize = 15;

fn plain(values: &[f64], digits: usize) -> Vec<String> {
    let has_commas = values.iter().any(|value| value.abs() > 9_999.5);
    let text = |value: &f64| {
        if *value == 0.0 {
            return "0".to_owned();
        }
        let text = trimmed(format!("{value:.digits$}"));
        minus(&if has_commas { with_commas(&text) } else { text })
    };
    values.iter().map(text).collect()
}

/// `12345.5` as `12,345.5`.
fn with_commas(text: &str) -> String {
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.trim_start_matches('-');
    let mut out = whole[..whole.len() - digits.len()].to_owned();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// The power of ten of a number.
fn exponent(value: f64) -> i32 {
    format!("{value:e}").split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// A number as a multiple of this power of ten.
fn power(value: f64, exponent: i32, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let power = format!("10{}", exponent.to_string().chars().map(superscript).collect::<String>());
    match trimmed(format!("{:.digits$}", value / power_of_ten(exponent))).as_str() {
        "1" => power,
        "-1" => minus(&format!("-{power}")),
        mantissa => minus(&format!("{mantissa}×{power}")),
    }
}

/// With the sign that is as wide as a plus, and not a hyphen.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Exactly what `1e-5` reads as, which `10f64.powi(-5)` is not always.
fn power_of_ten(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis) -> Vec<String> {
        axis.labelled_ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn log_ticks_suit_the_range() {
        let log = |min, max| labels(Axis::new(Scale::Log, min, max));
        assert_eq!(log(2e-5, 3.0), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
        assert_eq!(log(0.05, 3.0), ["0.1", "0.3", "1", "3"]);
        assert_eq!(log(8.0, 60.0), ["10", "20", "50"]);
        assert_eq!(log(37.0, 60.0), ["40", "50", "60"]);
        assert_eq!(log(1e-12, 1e3).len(), 6);
        assert_eq!(log(0.125, 0.125), ["0.1", "0.125", "0.15", "0.175"]);
    }

    #[test]
    fn linear_ticks_suit_the_range() {
        let linear = |min, max| labels(Axis::new(Scale::Linear, min, max));
        assert_eq!(linear(0.0, 799.0), ["0", "200", "400", "600"]);
        assert_eq!(linear(0.0, 2.5), ["0", "0.5", "1", "1.5", "2", "2.5"]);
        assert_eq!(linear(-0.3, 0.3), ["−0.2", "0", "0.2"]);
        assert_eq!(linear(2.0, 2.0), ["1.8", "1.9", "2", "2.1", "2.2"]);
        assert_eq!(linear(0.0, 200_000.0), ["0", "50,000", "100,000", "150,000", "200,000"]);
        assert_eq!(linear(0.0, 8_000.0), ["0", "2000", "4000", "6000", "8000"]);
        assert_eq!(linear(-2e6, 0.0), ["−2×10⁶", "−1.5×10⁶", "−10⁶", "−0.5×10⁶", "0"]);
        assert_eq!(linear(0.0, 8e-4), ["0", "2×10⁻⁴", "4×10⁻⁴", "6×10⁻⁴", "8×10⁻⁴"]);
        assert_eq!(linear(1_234_560.0, 1_234_564.0)[..2], ["1.23456×10⁶", "1.234561×10⁶"]);
        assert_eq!(linear(1.0, 1.000_000_4)[..2], ["1", "1.0000001"]);
        assert_eq!((tick_label(-3e-7), tick_label(-1e8)), ("−3×10⁻⁷".to_owned(), "−10⁸".to_owned()));
        assert_eq!((tick_label(-16384.5), tick_label(4096.0)), ("−16,384.5".to_owned(), "4096".to_owned()));
        assert_eq!(linear(0.0, 5_000_000.0), ["0", "10⁶", "2×10⁶", "3×10⁶", "4×10⁶", "5×10⁶"]);
    }

    #[test]
    fn outliers_do_not_widen_a_range() {
        let wave = |i: u32| f64::from(i % 11);
        let range = |values: Vec<f64>| readable_range(Scale::Linear, values.into_iter());
        assert_eq!(range((0..100).map(wave).collect()), Some(((0.0, 10.0), false)));
        let spike = (0..100).map(|i| if i == 50 { 1e6 } else { wave(i) }).chain([f64::NAN]).collect();
        assert_eq!(range(spike), Some(((0.0, 12.5), true)));
        assert_eq!(range(vec![f64::NAN]), None);
        // One value at all places but one: nothing to be cut to.
        assert_eq!(range((0..100).map(|i| f64::from(u8::from(i == 7))).collect()), Some(((0.0, 1.0), false)));
        let log = readable_range(Scale::Log, [1e-3, 0.0, 1e3].into_iter());
        assert!(log.is_some_and(|((low, high), cut)| (low * 1e3 - 1.0).abs() < 1e-9
            && (high / 1e3 - 1.0).abs() < 1e-9
            && !cut));
    }

    #[test]
    fn places() {
        let log = Axis::new(Scale::Log, 0.01, 100.0);
        assert!((log.place(1.0).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(log.place(0.0), None);
        assert_eq!(log.place(f64::NAN), None);
        let linear = Axis::new(Scale::Linear, 0.0, 4.0).padded(0.25);
        assert_eq!(linear.place(-1.0), Some(0.0));
        assert_eq!(linear.place(5.0), Some(1.0));
    }
}
