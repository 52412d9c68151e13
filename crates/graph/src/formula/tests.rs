use std::collections::HashMap;

use super::*;
use crate::gradient;
use crate::reference::{Tensor, evaluate};

/// `f` of one number at `x`, and its derivative there.
fn at(x: f64, f: impl Fn(Value<'_>) -> Value<'_>) -> [f64; 2] {
    let formula = Formula::new();
    let input = formula.input(&[1]);
    let y = f(input);
    let (mut graph, [input, y]) = formula.finish([input, y]).unwrap();
    let gradient = gradient(&mut graph, y, &[input]).unwrap();
    let values = HashMap::from([(input, Tensor::new(Shape::new(&[1]), vec![x]))]);
    let results = evaluate(&graph, &values, &[y, gradient.gradients[0]]);
    [results[0].data[0], results[1].data[0]]
}

fn near(got: [f64; 2], expected: [f64; 2]) {
    for (got, expected) in got.into_iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{got} is not {expected}");
    }
}

#[test]
fn formulas_have_the_values_and_derivatives_of_algebra() {
    let x = 1.7f64;
    near(at(x, |x| 3.0 - x * 2.0 + x * x / 4.0), [3.0 - 2.0 * x + x * x / 4.0, -2.0 + x / 2.0]);
    near(at(x, |x| 2.0 / (1.0 + x)), [2.0 / (1.0 + x), -2.0 / (1.0 + x).powi(2)]);
    near(at(x, |x| -(x - 0.5).square()), [-(x - 0.5f64).powi(2), -2.0 * (x - 0.5)]);
    near(at(x, |x| 0.5 * x.tanh()), [0.5 * x.tanh(), 0.5 * (1.0 - x.tanh().powi(2))]);
    near(at(x, |x| x.sin() * x.cos()), [0.5 * (2.0 * x).sin(), (2.0 * x).cos()]);
    near(at(x, |x| x.exp().log() + x.sqrt()), [x + x.sqrt(), 1.0 + 0.5 / x.sqrt()]);
    for (exponent, value) in [(3.0, -1.2f64), (-2.0, -1.2), (0.0, -1.2), (1.0, -1.2), (2.5, 1.2), (-0.5, 1.2)] {
        let expected = [value.powf(exponent), exponent * value.powf(exponent - 1.0)];
        near(at(value, |x| x.pow(exponent)), expected);
    }
}

/// The stated conventions where there is no derivative.
#[test]
fn kinks() {
    for (x, expected) in [(-1.5, [1.5, -1.0]), (0.0, [0.0, 0.0]), (0.5, [0.5, 1.0])] {
        near(at(x, |x| x.abs()), expected);
    }
    for (x, expected) in
        [(-2.0, [-1.0, 0.0]), (-1.0, [-1.0, 0.0]), (0.3, [0.3, 1.0]), (0.5, [0.5, 0.0]), (3.0, [0.5, 0.0])]
    {
        near(at(x, |x| x.clamp(-1.0, 0.5)), expected);
    }
    // Equal ones: the derivative of the argument.
    near(at(2.0, |x| x.maximum(x * 3.0 - 4.0)), [2.0, 3.0]);
    near(at(2.0, |x| x.minimum(x * 3.0 - 4.0)), [2.0, 3.0]);
    // Three equal ones share it: a third each of 1, 2 and 6.
    let shared = at(0.0, |x| x.concat(x * 2.0, 0).concat(x * 6.0, 0).reduce_max(0).reshape(&[1]));
    near(shared, [0.0, 3.0]);
}

#[test]
fn shapes_broadcast_as_in_numpy() {
    let formula = Formula::new();
    for (a, b, expected) in [
        (&[2, 3][..], &[3][..], &[2, 3][..]),
        (&[2, 1, 4], &[3, 1], &[2, 3, 4]),
        (&[], &[2, 5], &[2, 5]),
        (&[1], &[4, 1], &[4, 1]),
    ] {
        let (a, b) = (formula.input(a), formula.input(b));
        assert_eq!((a + b).shape()[..], *expected);
        assert_eq!((b * a).shape()[..], *expected);
    }
    let (row, column) = (formula.input(&[3]), formula.input(&[2, 1]));
    let (graph, [sum, row, column]) = formula.finish([row - column, row, column]).unwrap();
    let values = HashMap::from([
        (row, Tensor::new(Shape::new(&[3]), vec![1.0, 2.0, 4.0])),
        (column, Tensor::new(Shape::new(&[2, 1]), vec![0.5, 8.0])),
    ]);
    assert_eq!(evaluate(&graph, &values, &[sum])[0].data, [0.5, 1.5, 3.5, -7.0, -6.0, -4.0]);
}

#[test]
fn moves_and_reductions() {
    let formula = Formula::new();
    let x = formula.input(&[2, 3]);
    let y = x.permute(&[1, 0]).slice(0, 1..3).reshape(&[4]).concat(x.sum(&[1]), 0);
    let m = x.mean(&[0, 1]).broadcast_to(&[2]);
    let (graph, [x, y, m]) = formula.finish([x, y, m]).unwrap();
    let values = HashMap::from([(x, Tensor::new(Shape::new(&[2, 3]), vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0]))]);
    let results = evaluate(&graph, &values, &[y, m]);
    assert_eq!(results[0].data, [2.0, 16.0, 4.0, 32.0, 7.0, 56.0]);
    assert_eq!(results[1].data, [10.5, 10.5]);
}

/// The values of what `build` makes of 1, 2, 4, 8, 16, 32 in two rows, and its shape.
fn of_powers(build: impl Fn(Value<'_>) -> Value<'_>) -> (Vec<f64>, Vec<usize>) {
    let formula = Formula::new();
    let x = formula.input(&[2, 3]);
    let (graph, [x, y]) = formula.finish([x, build(x)]).unwrap();
    let values = HashMap::from([(x, Tensor::new(Shape::new(&[2, 3]), vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0]))]);
    (evaluate(&graph, &values, &[y])[0].data.clone(), graph.shape(y).to_vec())
}

/// A number, as a vector of one element.
fn number(x: Value<'_>, value: f64) -> Value<'_> {
    x.formula().filled(value, &[1])
}

#[test]
fn sums_choices_and_joins() {
    assert_eq!(of_powers(|x| x.cumsum(1)), (vec![1.0, 3.0, 7.0, 8.0, 24.0, 56.0], vec![2, 3]));
    assert_eq!(of_powers(|x| x.cumsum(0)), (vec![1.0, 2.0, 4.0, 9.0, 18.0, 36.0], vec![2, 3]));
    assert_eq!(of_powers(|x| x.sum_keepdims(&[1])), (vec![7.0, 56.0], vec![2, 1]));
    assert_eq!(of_powers(|x| x.mean_keepdims(&[1, 0])), (vec![10.5], vec![1, 1]));
    let centred = (vec![-3.5, -7.0, -14.0, 3.5, 7.0, 14.0], vec![2, 3]);
    assert_eq!(of_powers(|x| x - x.mean_keepdims(&[0])), centred);
    assert_eq!(of_powers(|x| x.greater(number(x, 4.0))), (vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0], vec![2, 3]));
    assert_eq!(of_powers(|x| x.equal(number(x, 4.0))), (vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0], vec![2, 3]));
    // The choice is broadcast: a column of masks, a number, all of x.
    assert_eq!(
        of_powers(|x| x.slice(1, 0..1).greater(number(x, 4.0)).select(number(x, 4.0), x)),
        (vec![1.0, 2.0, 4.0, 4.0, 4.0, 4.0], vec![2, 3])
    );
    // Rows 1, 0, 1.
    let taken = of_powers(|x| x.take(number(x, 1.0).concat(number(x, 0.0), 0).concat(number(x, 1.0), 0)));
    assert_eq!(taken, (vec![8.0, 16.0, 32.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0], vec![3, 3]));
    for count in 1..6 {
        let joined = of_powers(|x| {
            let parts: Vec<Value<'_>> = (0..count).map(|i| x.slice(1, 0..1) * f64::from(i)).collect();
            x.formula().concat(&parts, 1)
        });
        let line = |first: f64| (0..count).map(move |i| first * f64::from(i));
        assert_eq!(joined, (line(1.0).chain(line(8.0)).collect(), vec![2, count as usize]));
    }
}

#[test]
fn a_choice_has_the_derivative_of_what_was_chosen() {
    for (x, expected) in [(0.5, [0.25, 1.0]), (3.0, [9.0, 6.0])] {
        near(at(x, |x| x.greater(number(x, 1.0)).select(x * x, x - 0.25)), expected);
    }
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let formula = Formula::new();
    let (a, b) = (formula.input(&[8, 3]), formula.input(&[8, 4]));
    let line = line!() + 1;
    let wrong = (a * b).tanh();
    let later = wrong.sum(&[7]) + a.matmul(a);
    let message = formula.finish([later]).unwrap_err().to_string();
    let expected =
        "mul: expected shapes that broadcast, got [8, 3] and [8, 4]; try reshaping one: axes are aligned at the last";
    assert!(message.contains(&format!("tests.rs:{line}:")) && message.ends_with(expected), "{message}");

    let tell = |build: &dyn Fn(Value<'_>)| {
        let formula = Formula::new();
        build(formula.input(&[2, 3]));
        formula.finish([]).unwrap_err().to_string()
    };
    type Mistake = (fn(Value<'_>) -> Value<'_>, &'static str);
    let mistakes: [Mistake; 12] = [
        (|x| x.sum(&[2]), "sum: expected different axes of shape [2, 3], got [2]"),
        (|x| x.mean(&[0, 0]), "mean: expected different axes of shape [2, 3], got [0, 0]"),
        (|x| x.clamp(2.0, 1.0), "clamp: expected bounds in order, got 2 and 1"),
        (|x| x.matmul(x), "matmul: expected"),
        (|x| x.reshape(&[5]), "reshape: expected"),
        (|x| x.cumsum(2), "cumsum: expected different axes of shape [2, 3], got [2]"),
        (|x| x.sum_keepdims(&[1, 1]), "sum_keepdims: expected different axes of shape [2, 3], got [1, 1]"),
        (
            |x| x.select(x, x.reshape(&[3, 2])),
            "select: expected shapes that broadcast, got [2, 3] and [2, 3] and [3, 2]",
        ),
        (|x| x.sum(&[0]).take(x), "take: expected a table of rows and columns, and indices"),
        (|x| x.formula().concat(&[], 0), "concat: expected at least one tensor, got none"),
        (|x| x.formula().concat(&[x], 2), "concat: expected an axis of [2, 3], got 2"),
        (|x| x.broadcast_to(&[3]), "broadcast: expected a shape that broadcasts to the second, got [2, 3] and [3]"),
    ];
    for (mistake, expected) in mistakes {
        let message = tell(&|x| assert!(mistake(x).id().is_none()));
        assert!(message.contains(expected), "{message}");
    }
    let message = tell(&|x| assert!(x.formula().input(&[usize::MAX, 2]).id().is_none()));
    assert!(message.contains("input: expected fewer elements than memory can have"), "{message}");
    let other = Formula::new();
    let strange = other.input(&[2, 3]);
    let message = tell(&|x| assert!((x + strange).id().is_none()));
    assert!(message.ends_with("add: expected values of one graph, got one of another; try building all in one"));
    let message = tell(&|x| assert!(x.formula().concat(&[x, strange], 0).id().is_none()));
    assert!(message.ends_with("concat: expected values of one graph, got one of another; try building all in one"));
    let node = strange.id().unwrap();
    let message = tell(&|x| assert!(x.formula().value(node).id().is_none()));
    assert!(message.ends_with("value: expected values of one graph, got one of another; try building all in one"));
    assert!(formula.finish([strange]).is_err());
}

#[test]
fn a_formula_stays_after_it_was_finished() {
    let formula = Formula::new();
    let x = formula.input(&[2, 3]);
    let (first, [_]) = formula.finish([x]).unwrap();
    let (second, [_]) = formula.finish([x.tanh()]).unwrap();
    assert_eq!((x.shape()[..].to_vec(), first.nodes().len(), second.nodes().len()), (vec![2, 3], 1, 2));
    let wrong = x.reshape(&[5]);
    let [once, again] = [(); 2].map(|()| formula.finish([wrong]).unwrap_err().to_string());
    assert!(once == again && once.contains("reshape: expected"), "{once}, then {again}");
}
