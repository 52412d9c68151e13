//! Numbers with units, as the command line takes them.

/// Seconds of a time like `5us`, `0.2ms` or `1.5s`; `None` if it is none, or not above 0.
pub fn seconds(text: &str) -> Option<f64> {
    const UNITS: [(&str, [f64; 2]); 6] = [
        ("ns", [1.0, 1e9]),
        ("us", [1.0, 1e6]),
        ("\u{b5}s", [1.0, 1e6]),
        ("\u{3bc}s", [1.0, 1e6]),
        ("ms", [1.0, 1e3]),
        ("s", [1.0, 1.0]),
    ];
    with_unit(text, &UNITS)
}

/// Bytes a second of a rate like `10GB/s`, `800MB/s`, `1.5GiB/s` or `25Gbit/s`; `None` if it is none, or not above 0.
pub fn bytes_a_second(text: &str) -> Option<f64> {
    const UNITS: [(&str, [f64; 2]); 11] = [
        ("kbit/s", [1e3, 8.0]),
        ("Mbit/s", [1e6, 8.0]),
        ("Gbit/s", [1e9, 8.0]),
        ("KiB/s", [1024.0, 1.0]),
        ("MiB/s", [1_048_576.0, 1.0]),
        ("GiB/s", [1_073_741_824.0, 1.0]),
        ("kB/s", [1e3, 1.0]),
        ("MB/s", [1e6, 1.0]),
        ("GB/s", [1e9, 1.0]),
        ("TB/s", [1e12, 1.0]),
        ("B/s", [1.0, 1.0]),
    ];
    with_unit(text, &UNITS)
}

/// The value times and over the numbers of the first unit that the text ends with: 5 over a million is what `5e-6` is, to the bit.
fn with_unit(text: &str, units: &[(&str, [f64; 2])]) -> Option<f64> {
    let text = text.trim();
    let (unit, [times, over]) = units.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text[..text.len() - unit.len()].trim_end();
    // `inf` and `nan` are numbers for Rust, and `1e3` one for anybody.
    let value: f64 = number.parse().ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit() || c == '.'))?;
    let value = value * times / over;
    (value > 0.0 && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(got: Option<f64>, expected: f64) {
        assert_eq!(got, Some(expected));
    }

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("5us", 5e-6),
            ("5 \u{b5}s", 5e-6),
            ("0.2ms", 2e-4),
            ("1.5s", 1.5),
            (" 80ns ", 8e-8),
            (".5s", 0.5),
            ("1e3us", 1e-3),
        ] {
            is(seconds(text), expected);
        }
        for text in ["", "5", "us", "0us", "-5us", "5 minutes", "nans", "infs", "+5us", "5usus", "1e400s", "10GB/s"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn rates_have_units() {
        for (text, expected) in [
            ("10GB/s", 1e10),
            ("800 MB/s", 8e8),
            ("25Gbit/s", 3.125e9),
            ("1.5GiB/s", 1.5 * 1_073_741_824.0),
            ("7B/s", 7.0),
        ] {
            is(bytes_a_second(text), expected);
        }
        for text in ["", "10", "10GB", "GB/s", "0GB/s", "-1GB/s", "10gb/s", "10Gb/s", "5us", "infB/s"] {
            assert_eq!(bytes_a_second(text), None, "{text}");
        }
    }
}
