//! Numbers as people write them.

use crate::table::number;

/// A value with its error in as many digits as the error tells: one of it, or two where it begins with 1. Outside of 1e-3 .. 1e5 with one power of
/// ten for both: `1.25300 ± 0.00006`, `0.88 ± 0.13`, `(2.2 ± 0.3)e-5`. Without an error as [`number`].
pub fn plus_minus(value: f64, error: Option<f64>) -> String {
    let Some(error) = error else { return number(Some(value)) };
    if !(value.is_finite() && error.is_finite() && error > 0.0) {
        return format!("{} ± {}", number(Some(value)), number(Some(error)));
    }
    let exponent = |value: f64| value.abs().log10().floor() as i32;
    // An error of 0.0996 is one of 0.10.
    let rounded: f64 = format!("{error:.1e}").parse().unwrap_or(error);
    let last = exponent(rounded) - i32::from(rounded < 1.95 * 10f64.powi(exponent(rounded)));
    let largest = exponent(value.abs().max(error));
    let shift = if (-3..5).contains(&largest) { 0 } else { largest };
    let (place, unit) = (last - shift, 10f64.powi(shift));
    let text = |value: f64| match usize::try_from(-place) {
        Ok(decimals) => format!("{:.decimals$}", value / unit),
        // Nothing is known of the last digits before the point.
        Err(_) => format!("{:.0}", (value / unit / 10f64.powi(place)).round() * 10f64.powi(place)),
    };
    let both = format!("{} ± {}", text(value), text(error));
    if shift == 0 { both } else { format!("({both})e{shift}") }
}

/// Text with the numbers in it as they are printed: a minus in the place of a hyphen, powers of ten with superscripts.
pub fn typeset(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let digit = |index: usize| letters.get(index).is_some_and(char::is_ascii_digit);
    let mut out = String::new();
    let mut index = 0;
    while index < letters.len() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let is_apart = before.is_none_or(|c| c.is_whitespace() || "([=/:".contains(c));
        let sign = usize::from(letters.get(index + 1) == Some(&'-'));
        let of_number = before.is_some_and(|c| c.is_ascii_digit() || c == ')') && digit(index + 1 + sign);
        match letters[index] {
            '-' if is_apart && digit(index + 1) => out.push('\u{2212}'),
            'e' if of_number => {
                let end = (index + 1 + sign..).find(|&place| !digit(place)).unwrap_or(letters.len());
                // Not in the middle of a word, as a digest's.
                if letters.get(end).is_some_and(|c| c.is_alphanumeric() || *c == '.') {
                    out.extend(&letters[index..end]);
                } else {
                    out.push_str("×10");
                    out.extend(letters[index + 1..end].iter().map(|c| superscript(*c)));
                }
                index = end;
                continue;
            }
            letter => out.push(letter),
        }
        index += 1;
    }
    out
}

/// A digit or a sign as an exponent has it.
pub fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit @ '4'..='9' => char::from_u32('⁰' as u32 + digit as u32 - '0' as u32).unwrap_or(digit),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_as_many_digits_as_its_error() {
        let text = |value, error| plus_minus(value, Some(error));
        assert_eq!(text(1.253, 6.161e-5), "1.25300 ± 0.00006");
        assert_eq!(text(0.875, 0.1251), "0.88 ± 0.13");
        assert_eq!(text(3.0, 1.1547), "3.0 ± 1.2");
        assert_eq!(text(-0.6, 0.2), "-0.6 ± 0.2");
        assert_eq!(text(5.0, 0.0996), "5.00 ± 0.10");
        assert_eq!(text(5.0, 0.0196), "5.00 ± 0.02");
        assert_eq!(text(3012.0, 1155.0), "3000 ± 1200");
        assert_eq!(text(2.16e-5, 3.04e-6), "(2.2 ± 0.3)e-5");
        assert_eq!(text(4.2e9, 3e10), "(0 ± 3)e10");
        assert_eq!(text(0.001, 4e-9), "0.001000000 ± 0.000000004");
        assert_eq!((plus_minus(0.5, None), text(0.5, 0.0)), ("0.5000".to_owned(), "0.5000 ± 0".to_owned()));
        assert_eq!(text(f64::INFINITY, 1.0), "inf ± 1.000");
    }

    #[test]
    fn numbers_are_printed_with_minus_and_powers() {
        assert_eq!(typeset("-0.5 to (2.2 ± 0.3)e-5"), "−0.5 to (2.2 ± 0.3)×10⁻⁵");
        assert_eq!(typeset("1.000e12, l2 1e-5, rate=-3"), "1.000×10¹², l2 1×10⁻⁵, rate=−3");
        let words = "warm-up, MLP-Mixer, 12e4f, figure-5, a-1, 3e, e-5, σ";
        assert_eq!(typeset(words), words);
    }
}
