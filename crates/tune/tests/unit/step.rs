use super::*;

#[test]
fn by_hand() {
    let schedule = StepDecay::new(3.0, 0.5, 10).unwrap();
    for (step, expected) in [(0, 3.0), (9, 3.0), (10, 1.5), (19, 1.5), (20, 0.75)] {
        assert_eq!(schedule.rate_at(step), expected);
    }
}
