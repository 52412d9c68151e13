//! Bases of Lanczos's method whose vectors lie in pieces on several ranks: all that is found has the bits of one process.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_cluster::{Ranks, Spread, in_threads};
use onedge_engine::{BuildLoss, DataObjective, Element, Examples, Field, Options};
use onedge_graph::check::sample;
use onedge_graph::{Domain, Shape};
use onedge_nn::{Io, Target, initial_parameters, loss_graph, losses, models};
use onedge_objective::Objective;
use onedge_registry::Value;
use onedge_spectrum::pieces::PIECE;
use onedge_spectrum::{
    Block, Hessian, Lanczos, LinearOperator, Preconditioned, SharpnessTracker, Spectrum, Subspace, SubspaceTracker,
    density, lanczos, ritz_values,
};

const CLASSES: usize = 5;
const EXAMPLES: usize = 9;
const INPUTS: usize = 6;

/// A network of so many parameters that vectors have five pieces, the last one short.
fn build() -> Box<BuildLoss> {
    Box::new(|batch| {
        let settings = BTreeMap::from([("hidden", "[300, 500]"), ("activation", "tanh")]);
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), Value::parse(value)));
        let model = models::build("mlp", settings.collect(), &Io::new(&[INPUTS], CLASSES).unwrap()).unwrap();
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        Ok(loss_graph(&model, &loss, Target::Classes { count: CLASSES }, batch).unwrap())
    })
}

fn point<T: Element>() -> Vec<T> {
    let settings = BTreeMap::from([("hidden".to_owned(), Value::parse("[300, 500]"))]);
    let model = models::build("mlp", settings, &Io::new(&[INPUTS], CLASSES).unwrap()).unwrap();
    initial_parameters(model.parameters(), 1)
}

fn examples<T: Element>() -> Examples<T> {
    let target = Target::Classes { count: CLASSES };
    let inputs = sample(&Shape::from(vec![EXAMPLES, INPUTS]), Domain::Real, 3);
    let targets = sample(&target.shape(EXAMPLES), Domain::Index(CLASSES), 4);
    let fields = [inputs, targets].map(|tensor| {
        let values: Arc<Vec<T>> = Arc::new(tensor.data.iter().map(|&x| T::from_f64(x)).collect());
        Field { width: tensor.shape.size() / EXAMPLES, values }
    });
    Examples::new(EXAMPLES, fields.into()).unwrap()
}

fn options(threads: usize) -> Options {
    Options { threads, lanes: 4, chunk: Some(2), memory_bytes: 1 << 20 }
}

/// All that works on stored vectors, as bits.
fn answers<T: Element>(objective: &mut dyn Objective<T>) -> Vec<u64> {
    let w = point::<T>();
    let mut gradient = vec![T::ZERO; w.len()];
    objective.linearize(&w, &mut gradient).unwrap();
    let mut found = Vec::new();
    let spectrum = |found: &mut Vec<u64>, spectrum: Spectrum<T>| {
        for pair in spectrum.pairs {
            found.extend([pair.value, pair.residual_bound, pair.error_estimate].map(f64::to_bits));
            found.extend(bits(&pair.vector));
        }
    };
    // A basis that is filled, so that it is rotated, and values that are repeated or hidden.
    let small = Lanczos { max_basis: 12, max_products: 60, ..Lanczos::top(2, 5) };
    spectrum(&mut found, lanczos(&mut Hessian::new(objective), &small, Some(&gradient)).unwrap());
    let mut sharpness = SharpnessTracker::new(Lanczos::top(1, 7));
    for _ in 0..3 {
        spectrum(&mut found, sharpness.measure(&mut Hessian::new(objective)).unwrap());
    }
    let mut subspace = SubspaceTracker::new(Subspace::top(3, 2), w.len()).unwrap();
    for _ in 0..2 {
        let measured = subspace.measure(&mut Hessian::new(objective), Some(&gradient)).unwrap();
        found.extend(measured.values.iter().chain(&measured.residuals).map(|value| value.to_bits()));
        measured.vectors.iter().for_each(|vector| found.extend(bits(vector)));
    }
    let nodes = density(&mut Hessian::new(objective), 6, 2, 3, 1).unwrap().density.nodes;
    found.extend(nodes.into_iter().flat_map(|(value, weight)| [value.to_bits(), weight.to_bits()]));
    // Shorter vectors, and products between two diagonals.
    let mut hessian = Hessian::new(objective);
    let mut block = Block::new(&mut hessian, 100..100 + 2 * PIECE + 7).unwrap();
    let start = vec![T::ONE; block.dim()];
    found.extend(ritz_values(&mut block, &start, 5, 1).unwrap().into_iter().map(f64::to_bits));
    let diagonal: Vec<T> = (0..w.len()).map(|i| T::from_f64(1.0 + (i % 7) as f64)).collect();
    let mut scaled = Preconditioned::new(&mut hessian, &diagonal).unwrap();
    found.extend(ritz_values(&mut scaled, &diagonal, 5, 1).unwrap().into_iter().map(f64::to_bits));
    found
}

fn bits<T: Element>(values: &[T]) -> impl Iterator<Item = u64> {
    values.iter().map(|value| value.to_f64().to_bits())
}

fn on_ranks<T: Element>(size: usize, threads: usize) -> Vec<u64> {
    let lead = |ranks: &Arc<Ranks>| {
        let mut spread = Spread::<T>::new(ranks, build(), examples(), 0.01, options(threads)).unwrap();
        assert_eq!(spread.shelf().is_some(), size > 1);
        answers(&mut spread)
    };
    in_threads(size, lead).unwrap()
}

#[test]
fn the_same_bits_on_any_number_of_ranks() {
    let expected = answers(&mut DataObjective::<f32>::new(build(), examples(), 0.01, options(1)).unwrap());
    // Of seven ranks some have no piece, some no lane.
    for (size, threads) in [(1, 2), (2, 2), (3, 1), (7, 1)] {
        assert!(on_ranks::<f32>(size, threads) == expected, "{size} ranks");
    }
    let expected = answers(&mut DataObjective::<f64>::new(build(), examples(), 0.01, options(1)).unwrap());
    assert!(on_ranks::<f64>(2, 1) == expected);
}

#[test]
fn what_is_stored_can_be_had_back_and_is_checked() {
    let lead = |ranks: &Arc<Ranks>| {
        let mut spread = Spread::<f64>::new(ranks, build(), examples(), 0.0, options(1)).unwrap();
        let vector: Vec<f64> = (0..3 * PIECE + 2).map(|i| (i as f64).sin()).collect();
        let shelf = spread.shelf().unwrap();
        let (slot, short) = (shelf.put(&vector).unwrap(), shelf.put(&vector[..5]).unwrap());
        assert!(shelf.get(&slot).unwrap() == vector && shelf.get(&short).unwrap() == vector[..5]);
        assert!(shelf.combine(&[2.0], &[&slot]).unwrap()[9] == 2.0 * vector[9]);
        let square = vector.iter().map(|x| x * x).sum::<f64>();
        assert!((shelf.dots(&[&slot, &slot], &vector).unwrap()[1] - square).abs() < 1e-9 * square);
        let message = shelf.dots(&[&slot, &short], &vector).unwrap_err().to_string();
        assert!(message.contains("stored vector") && message.contains("98306") && message.contains('5'), "{message}");
        assert!(shelf.combine(&[2.0, 1.0], &[&slot]).is_err());
        // Nobody waits for anybody after a refusal, and what is dropped is freed at the next word.
        drop(short);
        assert!(shelf.get(&slot).unwrap() == vector);
    };
    in_threads(3, lead).unwrap();
}
