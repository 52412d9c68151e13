/// A line cut into dashes of length `on` with gaps of length `off`.
pub fn dashes(points: &[(f64, f64)], (on, off): (f64, f64)) -> Vec<Vec<(f64, f64)>> {
    let Some(&first) = points.first() else { return Vec::new() };
    let (mut pieces, mut drawing, mut left) = (vec![vec![first]], true, on);
    for pair in points.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let length = (to_x - x).hypot(to_y - y);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let place = (x + (to_x - x) * share, y + (to_y - y) * share);
            match pieces.last_mut() {
                Some(piece) if drawing => piece.push(place),
                _ => pieces.push(vec![place]),
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if let Some(piece) = pieces.last_mut()
            && drawing
        {
            piece.push(pair[1]);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_follow_the_length_of_the_line() {
        // 10 units in steps of 1.25, and back upwards: dashes of 3, gaps of 2.
        let there = (0..=8).map(|i| (1.25 * f64::from(i), 0.0));
        let line: Vec<(f64, f64)> = there.chain([(10.0, 4.0)]).collect();
        let pieces = dashes(&line, (3.0, 2.0));
        let ends: Vec<_> = pieces.iter().map(|piece| (piece[0], piece[piece.len() - 1])).collect();
        assert_eq!(ends, [((0.0, 0.0), (3.0, 0.0)), ((5.0, 0.0), (8.0, 0.0)), ((10.0, 0.0), (10.0, 3.0))]);
        assert_eq!(pieces[0], [(0.0, 0.0), (1.25, 0.0), (2.5, 0.0), (3.0, 0.0)]);
    }
}
