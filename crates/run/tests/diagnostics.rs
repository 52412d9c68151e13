//! Every diagnostic of a run against the dense Hessian in f64: exact ones to 1e-8, sampled ones to 3 standard errors.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use onedge_objective::vector;
use onedge_record::Record;
use onedge_run::{DataSets, build_problem, plan};
use onedge_spec::{Document, Spec};
use onedge_spectrum::diagnostics;
use onedge_train::{Instruments, Problem, train};

const SPECS: [(&str, &str); 3] = [
    (
        "mlp",
        "[data]\nname = 'digits'\nfirst = 24\nside = 4\n[model]\nname = 'mlp'\nhidden = [8]\nactivation = 'tanh'\n[loss]\nl2 = 0.01",
    ),
    (
        "convnet",
        "[data]\nname = 'digits'\nfirst = 20\nside = 4\n[model]\nname = 'convnet'\nchannels = [3]\nactivation = 'gelu'",
    ),
    (
        "nanolm",
        "[data]\nname = 'cicero'\ncontext = 4\nfirst = 10\n[model]\nname = 'nanolm'\ndepth = 1\nwidth = 4\nheads = 2\nqkv = 4\nmlp = 4",
    ),
];

const DIAGNOSTICS: &str = "
steps = 1
batch = BATCH
precision = 'f64'
DATA
[optimizer]
name = 'gd'
[tuner]
name = 'constant'
rate = 0.05
[diagnostics]
sharpness_every = 1
hessian = true
tolerance = 1e-7
max_products = 400
top_every = 1
top_count = 3
top_error = 1e-11
top_products = 2000
gauss_newton_every = 1
gauss_newton_error = 1e-6
gauss_newton_products = 400
trace_every = 1
trace_samples = 400
frobenius_every = 1
frobenius_samples = 400
density_every = 1
density_steps = 20
layers_every = 1
layers_error = 1e-6
layers_products = 400
step_sharpness_every = 1
critical_sharpness_every = 1
critical_sharpness_error = 1e-7
edge_against_greedy_every = 1
batch_sharpness_every = 1
batch_sharpness_batch = 1
batch_sharpness_samples = 400
update_batch_sharpness_every = 1
update_batch_sharpness_batch = 1
update_batch_sharpness_samples = 400
noise_scale_every = 1
noise_scale_batch = 1
noise_scale_samples = 400
sharpening_every = 1
";

/// A symmetric matrix.
type Matrix = Vec<Vec<f64>>;

/// The matrix of a product, column by column.
fn dense(dim: usize, mut product: impl FnMut(&[f64], &mut [f64])) -> Matrix {
    let mut columns = vec![vec![0.0; dim]; dim];
    for (i, column) in columns.iter_mut().enumerate() {
        let mut unit = vec![0.0; dim];
        unit[i] = 1.0;
        product(&unit, column);
    }
    columns
}

/// The eigenvalues of a symmetric matrix by Householder's reduction and bisection on Sturm counts: nothing of the library.
struct Spectrum {
    diagonal: Vec<f64>,
    off: Vec<f64>,
}

impl Spectrum {
    fn new(mut a: Matrix) -> Self {
        let n = a.len();
        let mut off = Vec::new();
        for k in 0..n.saturating_sub(1) {
            let mut v: Vec<f64> = (k + 1..n).map(|i| a[i][k]).collect();
            let alpha = -vector::norm(&v).copysign(v[0]);
            v[0] -= alpha;
            let square = vector::dot(&v, &v);
            off.push(alpha);
            if square == 0.0 {
                continue;
            }
            // A <- (I - 2 v v' / v.v) A (I - 2 v v' / v.v) on the rows and columns beyond k.
            let p: Vec<f64> = (k + 1..n).map(|i| 2.0 / square * vector::dot(&a[i][k + 1..], &v)).collect();
            let share = vector::dot(&p, &v) / square;
            let q: Vec<f64> = p.iter().zip(&v).map(|(p, v)| p - share * v).collect();
            for (i, row) in a[k + 1..].iter_mut().enumerate() {
                for (j, x) in row[k + 1..].iter_mut().enumerate() {
                    *x -= v[i] * q[j] + q[i] * v[j];
                }
            }
        }
        Self { diagonal: (0..n).map(|i| a[i][i]).collect(), off }
    }

    /// How many eigenvalues are less than `x`.
    fn below(&self, x: f64) -> usize {
        let (mut count, mut pivot) = (0, 1.0_f64);
        for (i, diagonal) in self.diagonal.iter().enumerate() {
            let off = if i == 0 { 0.0 } else { self.off[i - 1] };
            pivot = diagonal - x - off * off / if pivot == 0.0 { f64::MIN_POSITIVE } else { pivot };
            count += usize::from(pivot < 0.0);
        }
        count
    }

    /// Eigenvalue `k`, counted from the smallest.
    fn value(&self, k: usize) -> f64 {
        let bound = 2.0 * (vector::norm(&self.diagonal) + vector::norm(&self.off)) + f64::MIN_POSITIVE;
        let (mut low, mut high) = (-bound, bound);
        for _ in 0..120 {
            let middle = 0.5 * (low + high);
            if self.below(middle) > k { high = middle } else { low = middle }
        }
        0.5 * (low + high)
    }

    fn largest(&self, i: usize) -> f64 {
        self.value(self.diagonal.len() - i)
    }
}

fn block(a: &Matrix, range: std::ops::Range<usize>) -> Matrix {
    a[range.clone()].iter().map(|row| row[range.clone()].to_vec()).collect()
}

fn quadratic(a: &Matrix, u: &[f64]) -> f64 {
    a.iter().zip(u).map(|(row, x)| x * vector::dot(row, u)).sum()
}

fn setup(spec: &Spec) -> diagnostics::Setup {
    diagnostics::Setup { seed: 7, threads: 1, batch_size: spec.batch }
}

struct Measured {
    spec: Spec,
    problem: Problem<f64>,
    /// The point that the record is of.
    w: Vec<f64>,
    record: Record,
}

/// One step with everything measured.
fn measured(data: &str) -> Measured {
    let text = DIAGNOSTICS.replace("batch = BATCH\n", "").replace("DATA", data);
    let spec = Spec::resolve(&Document::parse("test", &text).unwrap()).unwrap();
    let mut problem = build_problem::<f64>(&spec, &mut DataSets::new(None)).unwrap();
    // A generic point: at the initial one, layers of four units have variances next to nothing, and curvatures without end.
    let w: Vec<f64> = problem.initial(3).iter().enumerate().map(|(i, w)| w + 0.4 * (i as f64 * 1.7).sin()).collect();
    let mut instruments =
        Instruments::new(diagnostics::ALL, &spec.diagnostics, &problem.layouts, setup(&spec)).unwrap();
    let mut records = Vec::new();
    let mut record = |record: &Record| {
        records.push(record.clone());
        ControlFlow::Continue(())
    };
    let method = (spec.build_optimizer().unwrap(), spec.build_tuner().unwrap());
    let plan = plan(&spec).unwrap();
    train(&plan, &mut *problem.train, &mut w.clone(), method, &mut instruments, &mut record).unwrap();
    Measured { spec, problem, w, record: records.remove(0) }
}

#[test]
fn agree_with_the_dense_hessian() {
    let mut worst = BTreeMap::new();
    for (name, data) in SPECS {
        let Measured { spec, mut problem, w, record } = measured(data);
        let (dim, examples) = (w.len(), problem.train.examples());
        assert!(dim < 2000, "{name}: {:?}", problem.layouts);
        let train = &mut *problem.train;
        let mut gradient = vec![0.0; dim];
        let loss = train.linearize(&w, &mut gradient).unwrap();
        let hessian = dense(dim, |v, out| train.hessian_vector(v, out).unwrap());
        let gauss_newton = dense(dim, |v, out| train.gauss_newton_vector(v, out).unwrap());
        let residual: Matrix =
            hessian.iter().zip(&gauss_newton).map(|(h, g)| h.iter().zip(g).map(|(h, g)| h - g).collect()).collect();
        let values = Spectrum::new(hessian.clone());
        let trace: f64 = (0..dim).map(|i| hessian[i][i]).sum();
        let update: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let (slope, curvature) = (-vector::dot(&gradient, &gradient), quadratic(&hessian, &update));

        let mut exact = |what: &str, got: f64, expected: f64| {
            // What is zero by a symmetry of the model is rounding here and there.
            let floor = if what == "/curvature" { curvature } else { values.largest(1) };
            let error = (got - expected).abs() / expected.abs().max(1e-7 * floor.abs());
            assert!(error < 1e-8, "{name}: {what}: {got} for {expected}");
            let worst = worst.entry(what.split('/').next_back().unwrap_or(what).to_owned()).or_insert(0.0_f64);
            *worst = worst.max(error);
        };
        let read = |what: &str| record.measured.get(what).copied().unwrap_or_else(|| panic!("{name}: no {what}"));
        exact("sharpness", record.sharpness.unwrap(), values.largest(1));
        for i in 1..=3 {
            exact(&format!("top_{i}"), read(&format!("top_{i}")), values.largest(i));
        }
        exact("gauss_newton_sharpness", read("gauss_newton_sharpness"), Spectrum::new(gauss_newton).largest(1));
        let ends = Spectrum::new(residual);
        let (low, high) = (ends.value(0), ends.largest(1));
        let end = if high > -low { high } else { low };
        exact("residual_sharpness", read("residual_sharpness"), end);
        exact("step_sharpness", read("step_sharpness"), curvature / -slope);
        exact("step_ratio", read("step_ratio"), 0.05 * curvature / -slope);
        let mut start = 0;
        for layout in &problem.layouts {
            let range = start..start + layout.shape.iter().product::<usize>();
            start = range.end;
            let part = block(&hessian, range.clone());
            exact("/curvature", read(&format!("{}/curvature", layout.name)), quadratic(&part, &update[range]));
            let top = Spectrum::new(part).largest(1);
            exact("/sharpness", read(&format!("{}/sharpness", layout.name)), top);
        }
        assert!(!record.measured.contains_key("sharpening"));

        // The critical rate is where the loss crosses that at w.
        let rate = 2.0 / read("critical_sharpness");
        let mut along = |rate: f64| {
            let mut trial = w.clone();
            vector::axpy(rate, &update, &mut trial);
            train.loss(&trial).unwrap()
        };
        assert!(along(rate) > loss && along(rate * (1.0 - 2e-7)) <= loss, "{name}: {rate}");

        let greedy = -slope / curvature.abs();
        let (got, expected) = (read("edge_against_greedy"), along(2.0 * greedy) - along(greedy));
        assert!((got - expected).abs() < 1e-10 * loss, "{name}: {got} for {expected}");

        // Of single examples, every batch can be counted.
        let (mut n, mut d, mut spread) = (0.0, 0.0, 0.0);
        for i in 0..examples {
            let mut own = vec![0.0; dim];
            train.select(Some(&[i])).unwrap();
            train.linearize(&w, &mut own).unwrap();
            n += train.curvature(&own).unwrap();
            d += vector::dot(&own, &own);
            vector::axpy(-1.0, &gradient, &mut own);
            spread += vector::dot(&own, &own) / examples as f64;
        }
        let sampled = [
            ("trace", trace),
            ("frobenius", hessian.iter().map(|row| vector::dot(row, row)).sum::<f64>().sqrt()),
            ("batch_sharpness", n / d),
            ("update_batch_sharpness", n / d),
            ("noise_scale", spread / -slope),
        ];
        for (what, expected) in sampled {
            let (got, error) = (read(what), read(&format!("{what}_error")));
            println!("{name}: {what} {got:.4} ± {error:.4}, exactly {expected:.4}");
            assert!((got - expected).abs() <= 3.0 * error, "{name}: {what}: {got} ± {error} for {expected}");
        }

        let weights: f64 = record.density.iter().map(|(_, weight)| weight).sum();
        assert!((weights - 1.0).abs() < 1e-12);
        let slack = 1e-9 * values.largest(1);
        for (value, _) in &record.density {
            assert!(*value >= values.value(0) - slack && *value <= values.largest(1) + slack, "{name}: {value}");
        }
        let every = |entry: &&&onedge_registry::Entry<diagnostics::Make>| {
            spec.diagnostics.count(entry.settings[0].key).unwrap() == 1
        };
        assert_eq!(diagnostics::ALL.iter().filter(every).count(), diagnostics::ALL.len(), "a diagnostic is not tested");
        assert!(read("diagnostics_cost") > 0.0);
        // Each reading is known to be its diagnostic's, and each diagnostic has one.
        let names = record.measured.keys().filter(|name| *name != "diagnostics_cost");
        let by: BTreeSet<&str> = names.map(|name| diagnostics::of_reading(name).expect(name).name).collect();
        let silent = ["sharpening"].map(|name| diagnostics::of_reading(name).unwrap().name);
        assert_eq!(by.len() + silent.len(), diagnostics::ALL.len(), "{by:?}");
    }
    println!("{worst:?}");
}

#[test]
fn readings_follow_the_seed_and_leave_the_run_alone() {
    let (first, second) = (measured(SPECS[0].1).record, measured(SPECS[0].1).record);
    assert_eq!(Record { seconds: 0.0, ..first.clone() }, Record { seconds: 0.0, ..second });
    let quiet = "steps = 3\nbatch = 5\nprecision = 'f64'\n[tuner]\nname = 'cdat'\n[diagnostics]\nsharpness_every = 0\n";
    let loud =
        format!("{quiet}noise_scale_every = 1\nbatch_sharpness_every = 2\ntrace_every = 1\nsharpening_every = 1\n");
    let losses = |text: &str| {
        let spec = Spec::resolve(&Document::parse("test", text).unwrap()).unwrap();
        let mut problem = build_problem::<f64>(&spec, &mut DataSets::new(None)).unwrap();
        let mut instruments =
            Instruments::new(diagnostics::ALL, &spec.diagnostics, &problem.layouts, setup(&spec)).unwrap();
        let mut records = Vec::new();
        let mut record = |record: &Record| {
            records.push(record.clone());
            ControlFlow::Continue(())
        };
        let method = (spec.build_optimizer().unwrap(), spec.build_tuner().unwrap());
        let mut w = problem.initial(1);
        train(&plan(&spec).unwrap(), &mut *problem.train, &mut w, method, &mut instruments, &mut record).unwrap();
        records
    };
    let (quiet, loud) = (losses(quiet), losses(&loud));
    let bits =
        |records: &[Record]| records.iter().map(|r| (r.loss.to_bits(), r.learning_rate.to_bits())).collect::<Vec<_>>();
    assert_eq!(bits(&quiet), bits(&loud));
    assert!(loud[1].measured.contains_key("noise_scale") && loud[1].measured.contains_key("sharpening"));
    assert!(loud[2].measured.contains_key("batch_sharpness") && !loud[1].measured.contains_key("batch_sharpness"));
}
