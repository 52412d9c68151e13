/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stroke {
    /// `#rrggbb`
    pub color: &'static str,
    /// SVG dash pattern, solid if absent.
    pub dash: Option<&'static str>,
}

/// Seven colours that stay apart under every common colour vision deficiency; the eighth of the set, yellow, is too
/// pale on white.
///
/// Source: M. Okabe and K. Ito, Color Universal Design, 2008.
const OKABE_ITO: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];
const DASHES: [Option<&str>; 3] = [None, Some("7 4"), Some("2 3")];

/// The stroke of the curve number `index`: colours first, then the same colours dashed, then dotted, then again.
pub fn stroke(index: usize) -> Stroke {
    let round = index / OKABE_ITO.len();
    Stroke { color: OKABE_ITO[index % OKABE_ITO.len()], dash: DASHES[round % DASHES.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_one_curves_look_different() {
        let strokes: Vec<Stroke> = (0..21).map(stroke).collect();
        for (i, a) in strokes.iter().enumerate() {
            assert!(strokes[..i].iter().all(|b| b != a));
        }
        assert_eq!(stroke(21), stroke(0));
    }
}
