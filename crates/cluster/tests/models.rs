//! Every model on several ranks: each stage has the bits of one process, for the whole set and for mini-batches.

#[path = "../../nn/tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{SMALL, Small};
use onedge_cluster::{Ranks, Spread, in_threads};
use onedge_engine::{BuildLoss, DataObjective, Element, Examples, Field, Options};
use onedge_graph::check::sample;
use onedge_graph::{Domain, LossGraph, Shape};
use onedge_nn::{initial_parameters, loss_graph, losses};
use onedge_objective::{Error, Part, Probe, Sampled};
use onedge_train::Workload;

const CLASSES: usize = 5;
const EXAMPLES: usize = 23;

fn build(small: &'static Small) -> Box<BuildLoss> {
    let graph = move |batch| -> LossGraph {
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        loss_graph(&small.build(CLASSES), &loss, small.target(CLASSES), batch).unwrap()
    };
    Box::new(move |batch| Ok(graph(batch)))
}

fn examples<T: Element>(small: &Small) -> Examples<T> {
    let shape = Shape::from([&[EXAMPLES], small.input_shape].concat());
    let domain = if small.reads_tokens() { Domain::Index(CLASSES) } else { Domain::Real };
    let targets = sample(&small.target(CLASSES).shape(EXAMPLES), Domain::Index(CLASSES), 4);
    let fields = [sample(&shape, domain, 3), targets].map(|tensor| {
        let values: Arc<Vec<T>> = Arc::new(tensor.data.iter().map(|&x| T::from_f64(x)).collect());
        Field { width: tensor.shape.size() / EXAMPLES, values }
    });
    Examples::new(EXAMPLES, fields.into()).unwrap()
}

fn options(lanes: usize, threads: usize) -> Options {
    Options { threads, lanes, chunk: Some(2), memory_bytes: 20_000 }
}

/// All that a workload can be asked, as bits.
fn answers<T: Element>(workload: &mut dyn Workload<T>, small: &Small) -> Vec<u64> {
    let w: Vec<T> = initial_parameters(small.build(CLASSES).parameters(), 1);
    let u: Vec<T> = (0..w.len()).map(|i| T::from_f64(((i * 53 % 101) as f64 - 50.0) / 500.0)).collect();
    let mut found = Vec::new();
    stages(workload, &w, &u, &mut found);
    // A mini-batch in an order of its own, a smaller one than there are ranks, and one whose inputs are changed.
    let order: Vec<usize> = (0..EXAMPLES).map(|i| i * 7 % EXAMPLES).collect();
    workload.select(Some(&order[..13])).unwrap();
    stages(workload, &w, &u, &mut found);
    workload.select(Some(&order[13..15])).unwrap();
    stages(workload, &w, &u, &mut found);
    if !small.reads_tokens() {
        workload.select_with(&order[4..15], &mut |place, x| x[place % x.len()] *= T::from_f64(0.5)).unwrap();
        stages(workload, &w, &u, &mut found);
    }
    // Parts of all examples.
    workload.select(None).unwrap();
    // The last ones have fewer lanes than there are ranks.
    let parts = [(1, 3), (2, 3), (0, 8), (1, 8), (0, 30), (1, 30)];
    for part in parts.map(|(index, of)| Part { index, of }) {
        workload.set_part(Some(part)).unwrap();
        let mut gradient = vec![T::ZERO; w.len()];
        found.push(workload.linearize(&w, &mut gradient).unwrap().to_bits());
        found.push(workload.part_curvature(&u).unwrap().to_bits());
        workload.part_gradient(&mut gradient).unwrap();
        found.extend(bits(&gradient));
        found.push(workload.curvature(&u).unwrap().to_bits());
    }
    workload.set_part(None).unwrap();
    stages(workload, &w, &u, &mut found);
    found
}

fn stages<T: Element>(workload: &mut dyn Workload<T>, w: &[T], u: &[T], found: &mut Vec<u64>) {
    let mut vector = vec![T::ZERO; w.len()];
    // What is refused is refused on all ranks, and nobody waits for anybody.
    assert!(matches!(workload.curvature(u), Err(Error::NotLinearized { probe: Probe::Curvature })));
    assert!(matches!(workload.linearize(&w[1..], &mut vector), Err(Error::Length { what: "w", .. })));
    found.push(workload.linearize(w, &mut vector).unwrap().to_bits());
    found.extend(bits(&vector));
    found.push(workload.curvature(u).unwrap().to_bits());
    workload.hessian_vector(u, &mut vector).unwrap();
    found.extend(bits(&vector));
    workload.gauss_newton_vector(u, &mut vector).unwrap();
    found.extend(bits(&vector));
    found.push(workload.loss(u).unwrap().to_bits());
    found.extend(workload.metrics(w).unwrap().into_values().map(f64::to_bits));
    // What was kept of the last point is used.
    found.push(workload.linearize(w, &mut vector).unwrap().to_bits());
    found.push(workload.curvature(u).unwrap().to_bits());
}

fn bits<T: Element>(values: &[T]) -> impl Iterator<Item = u64> {
    values.iter().map(|value| value.to_f64().to_bits())
}

fn on_ranks<T: Element>(small: &'static Small, size: usize, lanes: usize, threads: usize) -> Vec<u64> {
    let lead = |ranks: &Arc<Ranks>| {
        let mut spread = Spread::<T>::new(ranks, build(small), examples(small), 0.01, options(lanes, threads)).unwrap();
        answers(&mut spread, small)
    };
    in_threads(size, lead).unwrap()
}

fn alone<T: Element>(small: &'static Small, lanes: usize) -> Vec<u64> {
    let mut objective = DataObjective::<T>::new(build(small), examples(small), 0.01, options(lanes, 1)).unwrap();
    answers(&mut objective, small)
}

#[test]
fn the_same_bits_on_any_number_of_ranks() {
    for small in SMALL {
        let expected = alone::<f32>(small, 4);
        for (size, threads) in [(1, 2), (2, 1), (4, 1), (8, 1)] {
            assert!(on_ranks::<f32>(small, size, 4, threads) == expected, "{}: {size} ranks", small.describe());
        }
    }
}

#[test]
fn the_same_bits_with_other_lanes_and_in_double() {
    for small in &SMALL[..3] {
        for (lanes, sizes) in [(8, &[2, 4, 8][..]), (5, &[2, 3, 7]), (1, &[3])] {
            let expected = alone::<f64>(small, lanes);
            for &size in sizes {
                let found = on_ranks::<f64>(small, size, lanes, 2);
                assert!(found == expected, "{}: {size} ranks, {lanes} lanes", small.describe());
            }
        }
    }
}

#[test]
fn no_rank_keeps_all_examples() {
    let small = &SMALL[0];
    let lead = |ranks: &Arc<Ranks>| {
        let all = examples::<f32>(small);
        let there: Vec<_> = all.fields().iter().map(|field| Arc::downgrade(&field.values)).collect();
        let mut spread = Spread::new(ranks, build(small), all, 0.0, options(4, 1)).unwrap();
        let gone = || there.iter().all(|values| values.strong_count() == 0);
        assert!(gone() && Sampled::examples(&spread) == EXAMPLES);
        // They are not needed for what is wrong with a batch, either.
        let failed = |found: Result<(), Error>| found.unwrap_err().to_string();
        assert!(failed(spread.select(Some(&[0, EXAMPLES]))).contains("23"), "{}", failed(spread.select(Some(&[23]))));
        assert!(failed(spread.select(Some(&[]))).contains("example"), "{}", failed(spread.select(Some(&[]))));
        assert!(spread.select(Some(&[22, 0, 11])).is_ok() && spread.select(None).is_ok());
    };
    in_threads(4, lead).unwrap();
}
