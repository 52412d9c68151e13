//! Losses that tie the examples of a batch together, batches that are replaced, and work that is interrupted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use onedge_engine::{DataObjective, Element, Examples, Field, Options};
use onedge_graph::{Graph, LossGraph, Matmul, NodeId, Shape, Window};
use onedge_objective::{Error, Objective, vector};

const BATCH: usize = 6;
const INPUTS: usize = 3;
const UNITS: usize = 4;
const DIM: usize = INPUTS * UNITS + UNITS;

fn options() -> Options {
    Options { threads: 2, lanes: 4, ..Options::for_this_machine() }
}

fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (1.3 * i as f64 + seed).sin()).collect()
}

/// Batch norm of a dense layer, `tanh`, and a weighted sum against targets: of the whole batch, or of each example where `tied` is false.
fn loss(batch: usize, tied: bool) -> LossGraph {
    let mut g = Graph::new();
    let (w, v) = (g.input(Shape::new(&[INPUTS, UNITS])), g.input(Shape::new(&[UNITS])));
    let (x, t) = (g.input(Shape::new(&[batch, INPUTS])), g.input(Shape::new(&[batch])));
    let mut y = g.matmul(x, w).unwrap();
    if tied {
        let mean = g.sum(y, &[0]).unwrap();
        let mean = g.scale(mean, 1.0 / batch as f64).unwrap();
        let variance = g.variance(y, &[0]).unwrap();
        let floor = g.filled_like(0.1, variance).unwrap();
        let variance = g.add(variance, floor).unwrap();
        let deviation = g.sqrt(variance).unwrap();
        let shape = Shape::new(&[batch, UNITS]);
        let [mean, deviation] = [mean, deviation].map(|value| g.broadcast(value, shape.clone(), &[0]).unwrap());
        let centred = g.sub(y, mean).unwrap();
        y = g.div(centred, deviation).unwrap();
    }
    let y = g.tanh(y).unwrap();
    let column = g.reshape(v, Shape::new(&[UNITS, 1])).unwrap();
    let out = g.matmul(y, column).unwrap();
    let out = g.reshape(out, Shape::new(&[batch])).unwrap();
    let error = g.sub(out, t).unwrap();
    let square = g.mul(error, error).unwrap();
    let losses: NodeId = if tied {
        let sum = g.sum(square, &[0]).unwrap();
        let mean = g.scale(sum, 1.0 / batch as f64).unwrap();
        g.reshape(mean, Shape::new(&[1])).unwrap()
    } else {
        square
    };
    LossGraph { graph: g, parameters: vec![w, v], fields: vec![x, t], outputs: out, losses, metrics: Vec::new() }
}

fn fields(seed: f64) -> Vec<Arc<Vec<f64>>> {
    vec![numbers(BATCH * INPUTS, seed).into(), numbers(BATCH, seed + 5.0).into()]
}

/// Gradient and products against central differences, and `u . H u` against the product.
fn check(objective: &mut DataObjective<f64>) {
    let (w, u, mut g, mut product) = (numbers(DIM, 2.0), numbers(DIM, 9.0), vec![0.0; DIM], vec![0.0; DIM]);
    objective.linearize(&w, &mut g).unwrap();
    objective.hessian_vector(&u, &mut product).unwrap();
    let curvature = objective.curvature(&u).unwrap();
    let along = vector::dot(&u, &product);
    assert!((curvature - along).abs() < 1e-12 * along.abs().max(1.0), "{curvature} {along}");
    const H: f64 = 1e-5;
    let moved = |step: f64| -> Vec<f64> { w.iter().zip(&u).map(|(w, u)| w + step * u).collect() };
    let slope = (objective.loss(&moved(H)).unwrap() - objective.loss(&moved(-H)).unwrap()) / (2.0 * H);
    assert!((slope - vector::dot(&g, &u)).abs() < 1e-8, "{slope}");
    let (mut above, mut below) = (vec![0.0; DIM], vec![0.0; DIM]);
    objective.linearize(&moved(H), &mut above).unwrap();
    objective.linearize(&moved(-H), &mut below).unwrap();
    for ((above, below), product) in above.iter().zip(&below).zip(&product) {
        assert!(((above - below) / (2.0 * H) - product).abs() < 1e-7, "{above} {below} {product}");
    }
}

#[test]
fn a_batch_that_is_tied_together_has_all_derivatives() {
    let mut objective = DataObjective::whole(loss(BATCH, true), fields(0.0), 0.01, options()).unwrap();
    assert_eq!((objective.examples().len(), objective.chunking()), (1, (1, 1)));
    check(&mut objective);
    // Other values, the same plan.
    objective.replace_whole(fields(3.0)).unwrap();
    // It has one part, which is all of it.
    assert_eq!(objective.part_share(8), 1.0);
    check(&mut objective);
}

#[test]
fn a_mean_is_the_same_as_a_whole_and_by_examples() {
    let mean = |build: LossGraph| {
        let mut build = build;
        let sum = build.graph.sum(build.losses, &[0]).unwrap();
        let mean = build.graph.scale(sum, 1.0 / BATCH as f64).unwrap();
        build.losses = build.graph.reshape(mean, Shape::new(&[1])).unwrap();
        build
    };
    let mut whole = DataObjective::whole(mean(loss(BATCH, false)), fields(1.0), 0.0, options()).unwrap();
    let width = |values: &Arc<Vec<f64>>| Field { width: values.len() / BATCH, values: Arc::clone(values) };
    let examples = Examples::new(BATCH, fields(1.0).iter().map(width).collect()).unwrap();
    let mut each = DataObjective::new(Box::new(|n| Ok(loss(n, false))), examples, 0.0, options()).unwrap();
    let (w, u) = (numbers(DIM, 4.0), numbers(DIM, 7.0));
    let read = |objective: &mut DataObjective<f64>| {
        let mut g = vec![0.0; DIM];
        let loss = objective.linearize(&w, &mut g).unwrap();
        (loss, vector::dot(&g, &u), objective.curvature(&u).unwrap())
    };
    let (a, b) = (read(&mut whole), read(&mut each));
    assert!((a.0 - b.0).abs() < 1e-13 && (a.1 - b.1).abs() < 1e-13 && (a.2 - b.2).abs() < 1e-12, "{a:?} {b:?}");
}

#[test]
fn what_replaces_a_batch_must_fit() {
    let mut objective = DataObjective::whole(loss(BATCH, true), fields(0.0), 0.0, options()).unwrap();
    let before = objective.loss(&numbers(DIM, 1.0)).unwrap();
    let short = vec![numbers(4, 0.0).into(), numbers(BATCH, 0.0).into()];
    assert!(objective.replace_whole(short).unwrap_err().to_string().contains("[4, 6]"));
    let mut wrong = fields(0.0);
    wrong[1] = vec![f64::NAN; BATCH].into();
    assert!(objective.replace_whole(wrong).unwrap_err().to_string().contains("finite"));
    assert_eq!(objective.loss(&numbers(DIM, 1.0)).unwrap(), before);
    // A mean may have more examples than before.
    let examples = |n: usize| {
        let field = |width: usize| Field { width, values: numbers(n * width, 0.5).into() };
        Examples::new(n, vec![field(INPUTS), field(1)]).unwrap()
    };
    let mut each = DataObjective::new(Box::new(|n| Ok(loss(n, false))), examples(5), 0.0, options()).unwrap();
    let mut more = DataObjective::new(Box::new(|n| Ok(loss(n, false))), examples(40), 0.0, options()).unwrap();
    each.select(Some(&[0, 1])).unwrap();
    each.replace(examples(40)).unwrap();
    let w = numbers(DIM, 1.0);
    assert_eq!(each.loss(&w).unwrap(), more.loss(&w).unwrap());
}

#[test]
fn a_flag_ends_every_call_until_it_is_taken_back() {
    let mut objective = DataObjective::whole(loss(BATCH, true), fields(0.0), 0.0, options()).unwrap();
    let (w, u, mut out) = (numbers(DIM, 1.0), numbers(DIM, 2.0), vec![0.0; DIM]);
    let loss = objective.linearize(&w, &mut out).unwrap();
    let curvature = objective.curvature(&u).unwrap();
    let flag = objective.stop_flag();
    flag.store(true, Ordering::Relaxed);
    assert!(matches!(objective.curvature(&u), Err(Error::Interrupted)));
    assert!(matches!(objective.loss(&w), Err(Error::Interrupted)));
    assert!(matches!(objective.linearize(&w, &mut out), Err(Error::Interrupted)));
    flag.store(false, Ordering::Relaxed);
    // Nothing of a pass that was cut short is taken for a point.
    assert!(matches!(objective.curvature(&u), Err(Error::NotLinearized { .. })));
    assert_eq!(objective.linearize(&w, &mut out).unwrap(), loss);
    assert_eq!(objective.curvature(&u).unwrap(), curvature);
}

/// `w . w` as a product of a row and a column: both products of its gradient are reshaped to the shape of w before they are added.
#[test]
fn products_that_are_reshaped_before_they_are_added_keep_their_order() {
    for shape in [[20, 10], [10, 20], [7, 1], [1, 7]] {
        let mut g = Graph::new();
        let w = g.input(Shape::new(&shape));
        let count = shape[0] * shape[1];
        let row = g.reshape(w, Shape::new(&[1, count])).unwrap();
        let column = g.reshape(w, Shape::new(&[count, 1])).unwrap();
        let product = g.matmul(row, column).unwrap();
        let losses = g.reshape(product, Shape::new(&[1])).unwrap();
        let loss =
            LossGraph { graph: g, parameters: vec![w], fields: vec![], outputs: losses, losses, metrics: vec![] };
        let mut objective = DataObjective::<f64>::whole(loss, vec![], 0.0, options()).unwrap();
        let (values, v) = (numbers(count, 1.0), numbers(count, 2.0));
        let (mut gradient, mut product) = (vec![0.0; count], vec![0.0; count]);
        objective.linearize(&values, &mut gradient).unwrap();
        objective.hessian_vector(&v, &mut product).unwrap();
        for i in 0..count {
            assert!((gradient[i] - 2.0 * values[i]).abs() < 1e-12, "{shape:?}");
            assert!((product[i] - 2.0 * v[i]).abs() < 1e-12, "{shape:?}");
        }
    }
}

/// The part of the batch with two examples, whose targets are moved by a shared offset `[UNITS]` of the layer's outputs.
fn part(examples: usize) -> LossGraph {
    let mut part = loss(examples, false);
    let g = &mut part.graph;
    let offset = g.input(Shape::new(&[1]));
    let offset_of_all = g.reshape(offset, Shape::new(&[])).unwrap();
    let offset_of_all = g.broadcast(offset_of_all, Shape::new(&[examples]), &[0]).unwrap();
    let losses = g.mul(part.losses, offset_of_all).unwrap();
    let sum = g.sum(losses, &[0]).unwrap();
    let mean = g.scale(sum, 1.0 / examples as f64).unwrap();
    part.losses = g.reshape(mean, Shape::new(&[1])).unwrap();
    part.fields.push(offset);
    part
}

#[test]
fn parts_of_a_batch_share_what_is_not_of_an_example() {
    let shared: Vec<Arc<Vec<f64>>> = vec![vec![1.7].into()];
    let examples = |seed: f64, parts: usize| {
        let field = |values: Arc<Vec<f64>>| Field { width: values.len() / parts, values };
        Examples::new(parts, fields(seed).into_iter().map(field).collect()).unwrap().with_shared(shared.clone())
    };
    let mut whole = DataObjective::parts(part(BATCH), examples(1.0, 1), 0.01, options()).unwrap();
    let mut parts = DataObjective::parts(part(2), examples(1.0, BATCH / 2), 0.01, options()).unwrap();
    assert_eq!((whole.chunking(), parts.chunking()), ((1, 1), (1, 3)));
    check(&mut parts);
    let (w, u) = (numbers(DIM, 2.0), numbers(DIM, 9.0));
    for seed in [1.0, 4.0] {
        whole.replace(examples(seed, 1)).unwrap();
        parts.replace(examples(seed, BATCH / 2)).unwrap();
        let mut found = Vec::new();
        for objective in [&mut whole, &mut parts] {
            let (mut g, mut product) = (vec![0.0; DIM], vec![0.0; DIM]);
            let loss = objective.linearize(&w, &mut g).unwrap();
            let curvature = objective.curvature(&u).unwrap();
            objective.hessian_vector(&u, &mut product).unwrap();
            found.push([vec![loss, curvature], g, product].concat());
        }
        for (one, other) in found[0].iter().zip(&found[1]) {
            assert!((one - other).abs() < 1e-13, "{one} {other}");
        }
    }
    // Some parts alone keep what is shared.
    parts.select(Some(&[2, 0])).unwrap();
    check(&mut parts);
    let wrong = parts.replace(examples(1.0, BATCH / 2).with_shared(Vec::new())).unwrap_err();
    assert!(wrong.to_string().starts_with("fields: expected [6, 2, 1]"), "{wrong}");
}

/// No frame is kept for each node of a chain, be it of elementwise steps or of products whose gradients are summed.
#[test]
fn long_chains_are_planned_on_a_small_stack() {
    const STEPS: usize = 500;
    let work = || {
        let mut g = Graph::new();
        let w = g.input(Shape::new(&[2, 2]));
        let mut x = g.filled(0.5, Shape::new(&[1, 2])).unwrap();
        for _ in 0..STEPS {
            let product = g.matmul(x, w).unwrap();
            x = g.tanh(product).unwrap();
        }
        for _ in 0..STEPS {
            let sine = g.sin(x).unwrap();
            x = g.scale(sine, 1.001).unwrap();
        }
        let sum = g.sum(x, &[0, 1]).unwrap();
        let losses = g.reshape(sum, Shape::new(&[1])).unwrap();
        let loss =
            LossGraph { graph: g, parameters: vec![w], fields: vec![], outputs: losses, losses, metrics: vec![] };
        let mut objective = DataObjective::<f64>::whole(loss, vec![], 0.0, options()).unwrap();
        // Far from the bounds of tanh, so that the derivatives do not vanish along the chain.
        let (w, u, mut gradient, mut product) = ([0.9, 0.2, 0.3, 0.8], numbers(4, 2.0), [0.0; 4], [0.0; 4]);
        objective.linearize(&w, &mut gradient).unwrap();
        objective.hessian_vector(&u, &mut product).unwrap();
        let (curvature, along) = (objective.curvature(&u).unwrap(), vector::dot(&u, &product));
        assert!(curvature != 0.0 && (curvature - along).abs() < 1e-10 * along.abs(), "{curvature} {along}");
    };
    std::thread::Builder::new().stack_size(128 << 10).spawn(work).unwrap().join().unwrap();
}

/// A network whose steps are large enough to be cut into pieces: a convolution, its batch norm, pooling, a dense layer and softmax.
fn large() -> (LossGraph, Vec<Arc<Vec<f32>>>, usize) {
    const IMAGES: usize = 32;
    const CHANNELS: usize = 32;
    let mut g = Graph::new();
    let x = g.input(Shape::new(&[IMAGES, 12, 12, CHANNELS]));
    let labels = g.input(Shape::new(&[IMAGES]));
    let sizes = [vec![3, 3, CHANNELS, CHANNELS], vec![CHANNELS], vec![6 * 6 * CHANNELS, 600], vec![600, 50]];
    let parameters: Vec<NodeId> = sizes.iter().map(|size| g.input(Shape::new(size))).collect();
    let window = Window::new([12, 12], 3);
    let y = g.conv2d(x, parameters[0], Window { padding: [1, 1], ..window }).unwrap();
    let shape = g.shape(y).clone();
    let count = (shape.size() / CHANNELS) as f64;
    let mean = g.sum(y, &[0, 1, 2]).unwrap();
    let mean = g.scale(mean, 1.0 / count).unwrap();
    let mean = g.broadcast(mean, shape.clone(), &[0, 1, 2]).unwrap();
    let centred = g.sub(y, mean).unwrap();
    let square = g.mul(centred, centred).unwrap();
    let variance = g.sum(square, &[0, 1, 2]).unwrap();
    let variance = g.scale(variance, 1.0 / count).unwrap();
    let deviation = g.sqrt(variance).unwrap();
    let gain = g.div(parameters[1], deviation).unwrap();
    let gain = g.broadcast(gain, shape, &[0, 1, 2]).unwrap();
    let y = g.mul(centred, gain).unwrap();
    let y = g.tanh(y).unwrap();
    let seen = g.patches(y, Window { stride: [2, 2], ..Window::new([12, 12], 2) }).unwrap();
    let seen = g.reshape(seen, Shape::new(&[IMAGES * 36, 4, CHANNELS])).unwrap();
    let y = g.reduce_max(seen, 1).unwrap();
    let y = g.reshape(y, Shape::new(&[IMAGES, 36 * CHANNELS])).unwrap();
    let y = g.matmul(y, parameters[2]).unwrap();
    let y = g.tanh(y).unwrap();
    let y = g.matmul(y, parameters[3]).unwrap();
    let all = g.logsumexp(y).unwrap();
    let own = g.pick(y, labels).unwrap();
    let losses = g.sub(all, own).unwrap();
    let sum = g.sum(losses, &[0]).unwrap();
    let losses = g.reshape(sum, Shape::new(&[1])).unwrap();
    let dim = parameters.iter().map(|&id| g.shape(id).size()).sum();
    let fields = vec![x, labels];
    let loss = LossGraph { graph: g, parameters, fields, outputs: losses, losses, metrics: Vec::new() };
    let images = Arc::new((0..IMAGES * 144 * CHANNELS).map(|i| (i as f32 * 0.37).sin()).collect());
    let labels = Arc::new((0..IMAGES).map(|i| (i * 7 % 50) as f32).collect());
    (loss, vec![images, labels], dim)
}

/// Loss, curvature, gradient and both products.
fn everything<T: Element>(mut objective: DataObjective<T>, dim: usize) -> Vec<f64> {
    let wave = |step: f64| (0..dim).map(|i| T::from_f64(0.05 * (i as f64 * step).cos())).collect::<Vec<T>>();
    let (w, u, mut g, mut product, mut part) = (wave(0.7), wave(1.3), wave(0.0), wave(0.0), wave(0.0));
    let loss = objective.linearize(&w, &mut g).unwrap();
    let curvature = objective.curvature(&u).unwrap();
    objective.hessian_vector(&u, &mut product).unwrap();
    objective.gauss_newton_vector(&u, &mut part).unwrap();
    let vectors = [g, product, part].concat().into_iter().map(T::to_f64);
    [loss, curvature].into_iter().chain(vectors).collect()
}

/// Attention of 8 heads on 4 texts of 64 places, with layer norm: products by batch, permutations, sums of rows.
fn attention() -> (LossGraph, Vec<Arc<Vec<f32>>>, usize) {
    const TEXTS: usize = 4;
    const PLACES: usize = 64;
    const HEADS: usize = 8;
    const DEPTH: usize = 24;
    const WIDTH: usize = HEADS * DEPTH;
    let mut g = Graph::new();
    let x = g.input(Shape::new(&[TEXTS * PLACES, WIDTH]));
    let parameters: Vec<NodeId> = (0..3).map(|_| g.input(Shape::new(&[WIDTH, WIDTH]))).collect();
    let heads = |g: &mut Graph, w: NodeId| {
        let y = g.matmul(x, w).unwrap();
        let y = g.reshape(y, Shape::new(&[TEXTS, PLACES, HEADS, DEPTH])).unwrap();
        let y = g.permute(y, &[0, 2, 1, 3]).unwrap();
        g.reshape(y, Shape::new(&[TEXTS * HEADS, PLACES, DEPTH])).unwrap()
    };
    let [q, k, v] = [0, 1, 2].map(|i| heads(&mut g, parameters[i]));
    let scores = g.matmul_with(q, k, Matmul { left: false, right: true }).unwrap();
    let shares = g.softmax(scores).unwrap();
    let y = g.matmul(shares, v).unwrap();
    let y = g.reshape(y, Shape::new(&[TEXTS * HEADS * PLACES, DEPTH])).unwrap();
    let shape = g.shape(y).clone();
    let mean = g.sum(y, &[1]).unwrap();
    let mean = g.scale(mean, 1.0 / DEPTH as f64).unwrap();
    let mean = g.broadcast(mean, shape.clone(), &[1]).unwrap();
    let centred = g.sub(y, mean).unwrap();
    let square = g.mul(centred, centred).unwrap();
    let variance = g.sum(square, &[1]).unwrap();
    let floor = g.filled_like(0.1, variance).unwrap();
    let variance = g.add(variance, floor).unwrap();
    let variance = g.broadcast(variance, shape, &[1]).unwrap();
    let y = g.div(square, variance).unwrap();
    let sum = g.sum(y, &[0, 1]).unwrap();
    let sine = g.sin(y).unwrap();
    let other = g.sum(sine, &[0, 1]).unwrap();
    let sum = g.add(sum, other).unwrap();
    let sum = g.scale(sum, 1e-3).unwrap();
    let losses = g.reshape(sum, Shape::new(&[1])).unwrap();
    let loss = LossGraph { graph: g, parameters, fields: vec![x], outputs: losses, losses, metrics: Vec::new() };
    (loss, vec![Arc::new((0..TEXTS * PLACES * WIDTH).map(|i| (i as f32 * 0.37).sin()).collect())], 3 * WIDTH * WIDTH)
}

/// The pieces of a step follow from its sizes, not from the number of threads.
#[test]
fn threads_share_the_steps_of_a_whole_batch_and_change_no_bit() {
    for (loss, fields, dim) in [large(), attention()] {
        the_same_for_any_threads(&loss, &fields, dim);
    }
}

fn the_same_for_any_threads(loss: &LossGraph, fields: &[Arc<Vec<f32>>], dim: usize) {
    let with = |threads: usize, memory_bytes: u64| {
        let options = Options { threads, memory_bytes, ..options() };
        everything(DataObjective::<f32>::whole(loss.clone(), fields.to_vec(), 0.01, options).unwrap(), dim)
    };
    let one = with(1, 1 << 30);
    for (threads, memory) in [(2, 1 << 30), (3, 1 << 30), (5, 0)] {
        assert!(one == with(threads, memory), "{threads} threads");
    }
}

/// Values have one place, however many threads there are.
#[test]
fn threads_of_a_whole_batch_need_little_memory_of_their_own() {
    let bytes = |threads: usize| {
        let (loss, fields, _) = large();
        DataObjective::whole(loss, fields, 0.0, Options { threads, ..options() }).unwrap().memory_bytes()
    };
    let (one, nine) = (bytes(1), bytes(9));
    assert!(nine > one && nine < 2 * one, "{one} {nine}");
}

/// The batch twice, as two parts, is computed without pieces.
#[test]
fn pieces_add_up_to_the_whole() {
    for (loss, fields, dim) in [large(), attention()] {
        the_same_as_parts(loss, &fields, dim);
    }
}

fn the_same_as_parts(loss: LossGraph, fields: &[Arc<Vec<f32>>], dim: usize) {
    let fields: Vec<Vec<f64>> = fields.iter().map(|field| field.iter().map(|x| f64::from(*x)).collect()).collect();
    let whole = fields.iter().map(|field| field.clone().into()).collect();
    let twice = fields.iter().map(|field| Field { width: field.len(), values: field.repeat(2).into() }).collect();
    let whole = DataObjective::whole(loss.clone(), whole, 0.01, options()).unwrap();
    let parts = DataObjective::parts(loss, Examples::new(2, twice).unwrap(), 0.01, options()).unwrap();
    let (whole, parts) = (everything(whole, dim), everything(parts, dim));
    let scale = parts.iter().map(|x| x.abs()).fold(0.0, f64::max);
    for (one, other) in whole.iter().zip(&parts) {
        assert!((one - other).abs() < 1e-13 * scale, "{one} {other}");
    }
}
