use super::*;
use crate::tuners::fixed::Fixed;

#[test]
fn by_hand() {
    let mut greedy = Greedy::paper();
    assert_eq!(greedy.learning_rate(&mut Fixed::new(-3.0, 6.0)).unwrap(), 0.5);
    assert_eq!(greedy.learning_rate(&mut Fixed::new(-3.0, -6.0)).unwrap(), 0.5);
    assert_eq!(greedy.learning_rate(&mut Fixed::new(3.0, 6.0)).unwrap(), 0.0);
    assert_eq!(greedy.learning_rate(&mut Fixed::new(-3.0, 0.0)).unwrap(), 0.0);
    assert_eq!(greedy.learning_rate(&mut Fixed::new(-3.0, 0.0).after(0.7)).unwrap(), 0.7);
    let events = Events { non_descent: 1, negative_curvature: 1, vanishing_denominator: 2, ..Events::default() };
    assert_eq!(greedy.events(), &events);
}
