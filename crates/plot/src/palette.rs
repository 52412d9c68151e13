/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// `#rrggbb`
    pub color: &'static str,
    /// The lengths of dashes and gaps, solid if absent.
    pub dash: Option<(f64, f64)>,
}

impl Stroke {
    /// Its colour as it would look on white if it were so opaque.
    pub fn paler(&self, opacity: f64) -> String {
        let part = |at: usize| u8::from_str_radix(&self.color[at..at + 2], 16).map_or(0.0, f64::from);
        hex([1, 3, 5].map(|at| opacity * part(at) + (1.0 - opacity) * 255.0))
    }
}

/// Seven colours that stay apart under every common colour vision deficiency; the eighth of the set, yellow, is too
/// pale on white.
///
/// Source: M. Okabe and K. Ito, Color Universal Design, 2008.
const OKABE_ITO: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];
const DASHES: [Option<(f64, f64)>; 3] = [None, Some((7.0, 4.0)), Some((2.0, 3.0))];

/// The stroke of the curve number `index`: colours first, then the same colours dashed, then dotted, then again.
pub fn stroke(index: usize) -> Stroke {
    let round = index / OKABE_ITO.len();
    Stroke { color: OKABE_ITO[index % OKABE_ITO.len()], dash: DASHES[round % DASHES.len()] }
}

/// Blue to grey to yellow, of evenly rising lightness: it reads alike with every colour vision deficiency, and in print.
///
/// Source: J. Nuñez, C. Anderton, R. Renslow, "Optimizing colormaps with consideration for color vision deficiency",
/// 2018; ten of its colours, as the R package viridisLite has them.
const CIVIDIS: [u32; 10] =
    [0x00204d, 0x00336f, 0x39486b, 0x575c6d, 0x707173, 0x8a8779, 0xa69d75, 0xc4b56c, 0xe4cf5b, 0xffea46];

/// The colour of `share`, 0 dark to 1 light, as red, green and blue from 0 to 255; ends beyond them.
pub fn shade(share: f64) -> [f64; 3] {
    let place = share.clamp(0.0, 1.0) * (CIVIDIS.len() - 1) as f64;
    let below = (place as usize).min(CIVIDIS.len() - 2);
    let part = |color: u32, shift: u32| f64::from(color >> shift & 0xff);
    [16, 8, 0].map(|shift| {
        let (low, high) = (part(CIVIDIS[below], shift), part(CIVIDIS[below + 1], shift));
        low + (high - low) * (place - below as f64)
    })
}

/// A colour as `#rrggbb`.
pub fn hex(color: [f64; 3]) -> String {
    let [red, green, blue] = color.map(|part| part.round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// How light a colour is, 0 to 1.
pub fn lightness([red, green, blue]: [f64; 3]) -> f64 {
    (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_get_lighter_and_stay_in_range() {
        let shades: Vec<f64> = (0..=50).map(|i| lightness(shade(f64::from(i) / 50.0))).collect();
        assert!(shades.windows(2).all(|pair| pair[1] > pair[0]));
        assert_eq!((hex(shade(-1.0)), hex(shade(2.0))), ("#00204d".to_owned(), "#ffea46".to_owned()));
    }

    #[test]
    fn pale_colours_are_mixed_with_white() {
        let stroke = Stroke { color: "#0072b2", dash: None };
        assert_eq!((stroke.paler(1.0), stroke.paler(0.0)), ("#0072b2".to_owned(), "#ffffff".to_owned()));
        assert_eq!(stroke.paler(0.5), "#80b9d9");
    }

    #[test]
    fn twenty_one_curves_look_different() {
        let strokes: Vec<Stroke> = (0..21).map(stroke).collect();
        for (i, a) in strokes.iter().enumerate() {
            assert!(strokes[..i].iter().all(|b| b != a));
        }
        assert_eq!(stroke(21), stroke(0));
    }
}
