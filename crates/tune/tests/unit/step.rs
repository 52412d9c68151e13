use super::*;

#[test]
fn by_hand() {
    let schedule = StepDecay::new(3.0, 0.5, 10).unwrap();
    for (step, expected) in [(0, 3.0), (9, 3.0), (10, 1.5), (19, 1.5), (20, 0.75)] {
        assert_eq!(schedule.rate_at(step), expected);
    }
}

/// Cut to a fifth: 5^-11 is 2.0e-8, 5^-12 is 4.1e-9.
#[test]
fn what_does_not_fit_a_run_is_foreseen() {
    let schedule = StepDecay::new(2.0, 0.2, 7).unwrap();
    assert_eq!(schedule.misfit(7), Some(Foresight::Uncut { period: 7, steps: 7 }));
    assert_eq!((schedule.misfit(8), schedule.misfit(84)), (None, None));
    assert_eq!(schedule.misfit(85), Some(Foresight::Vanishes { from: 84, steps: 85 }));
    assert_eq!(StepDecay::new(2.0, 1.0, 7).unwrap().misfit(3), None);
}
