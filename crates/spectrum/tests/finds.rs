//! What the eigenvalues find on spectra that are hard to tell: repeated values, clusters, large conditions, null spaces. The table in
//! `docs/DIAGNOSTICS.md` is what `cargo test -p onedge-spectrum --test finds -- --nocapture` prints.

use onedge_objective::{Real, vector};
use onedge_spectrum::{
    Error, Lanczos, LinearOperator, PowerIteration, Subspace, SubspaceTracker, Until, Wanted, lanczos, power_iteration,
};

const DIM: usize = 300;
const RUNS: u64 = 10;

/// `R diag(values) R` with a reflection R, in the precision of T: rounding is that of a real product.
struct Reflected<T> {
    values: Vec<T>,
    x: Vec<T>,
    scale: f64,
}

impl<T: Real> Reflected<T> {
    fn new(values: &[f64]) -> Self {
        let x: Vec<T> = (0..values.len()).map(|i| T::from_f64(1.0 + (1.7 * i as f64).sin())).collect();
        let scale = 2.0 / vector::dot(&x, &x);
        Self { values: values.iter().map(|&value| T::from_f64(value)).collect(), x, scale }
    }
}

impl<T: Real> LinearOperator<T> for Reflected<T> {
    fn dim(&self) -> usize {
        self.values.len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        out.copy_from_slice(v);
        vector::axpy(-self.scale * vector::dot(&self.x, v), &self.x, out);
        out.iter_mut().zip(&self.values).for_each(|(out, value)| *out *= *value);
        let along = vector::dot(&self.x, out);
        vector::axpy(-self.scale * along, &self.x, out);
        Ok(())
    }
}

struct Case {
    name: &'static str,
    k: usize,
    wanted: Wanted,
    values: Vec<f64>,
}

/// `top`, and the rest falls from 0.7.
fn over_bulk(top: &[f64]) -> Vec<f64> {
    let bulk = |i: usize| 0.7 * (-0.02 * i as f64).exp();
    (0..DIM).map(|i| top.get(i).copied().unwrap_or_else(|| bulk(i - top.len()))).collect()
}

fn null(rank: usize) -> Vec<f64> {
    (0..DIM).map(|i| if i < rank { 9.0 / (1.0 + 0.4 * i as f64) } else { 0.0 }).collect()
}

fn cases() -> Vec<Case> {
    let case = |name, k, values| Case { name, k, wanted: Wanted::Algebraic, values };
    let repeated = |count: usize| over_bulk(&vec![11.44; count]);
    let cluster = |gap: f64| over_bulk(&(0..5).map(|i| 10.0 * (1.0 - gap * f64::from(i))).collect::<Vec<_>>());
    let condition = |count: usize| (0..count).map(|i| 1e12_f64.powf(1.0 - i as f64 / (count - 1) as f64)).collect();
    let mut inner = vec![20.0];
    inner.extend([8.0; 5]);
    let negative = over_bulk(&[-9.0, -9.0, -9.0, -9.0, -9.0, 5.0, 5.0]);
    vec![
        case("largest twice", 3, repeated(2)),
        case("largest five times", 3, repeated(5)),
        case("largest five times", 6, repeated(5)),
        case("largest ten times", 3, repeated(10)),
        case("largest ten times", 11, repeated(10)),
        case("second five times", 7, over_bulk(&inner)),
        Case { name: "-9 five times, 5 twice", k: 6, wanted: Wanted::Both, values: negative },
        case("cluster of five, gaps 1e-3", 3, cluster(1e-3)),
        case("cluster of five, gaps 1e-3", 6, cluster(1e-3)),
        case("cluster of five, gaps 1e-6", 3, cluster(1e-6)),
        case("cluster of five, gaps 1e-6", 6, cluster(1e-6)),
        case("condition 1e12", 5, condition(DIM)),
        case("condition 1e12, all 12 values", 12, condition(12)),
        case("null space of 50 %", 5, null(DIM / 2)),
        case("null space of 90 %", 5, null(DIM / 10)),
        case("null space of 99 %", 5, null(DIM / 100)),
        case("null space of 99 %", 2, null(DIM / 100)),
    ]
}

/// What one measurement says: values with bounds of their residuals, whether each is known to the tolerance, products.
struct Said {
    values: Vec<f64>,
    residuals: Vec<f64>,
    converged: Vec<bool>,
    exact: Vec<f64>,
    products: usize,
}

#[derive(Default)]
struct Account {
    claimed: usize,
    of: usize,
    wrong: usize,
    worst: f64,
    products: usize,
}

impl Account {
    fn count(&mut self, said: &Said, spectrum: &[f64], tolerance: f64, what: &str) {
        self.products += said.products;
        for (i, (&value, &exact)) in said.values.iter().zip(&said.exact).enumerate() {
            let error = (value - exact).abs();
            self.of += 1;
            if said.converged[i] {
                self.claimed += 1;
                self.worst = self.worst.max(error / exact.abs());
                self.wrong += usize::from(error > tolerance * value.abs());
            }
            // Converged or not, an eigenvalue is as near as the residual says.
            let nearest = spectrum.iter().map(|x| (x - value).abs()).fold(f64::INFINITY, f64::min);
            assert!(nearest <= said.residuals[i], "{what}: {value} is {nearest} off, within {}", said.residuals[i]);
        }
    }

    fn row(&self, case: &Case, precision: &str, method: &str) -> String {
        let share = format!("{} of {}", self.claimed, self.of);
        let worst = if self.claimed > 0 { format!("{:.0e}", self.worst) } else { "-".to_owned() };
        let products = self.products as f64 / RUNS as f64;
        let (name, k, wrong) = (case.name, case.k, self.wrong);
        format!("| {name} | {k} | {precision} | {method} | {share} | {wrong} | {worst} | {products:.0} |")
    }
}

fn by_lanczos<T: Real>(case: &Case, sorted: &[f64], seed: u64) -> Said {
    let options = Lanczos { wanted: case.wanted, ..Lanczos::top(case.k, 1000 + seed) };
    let found = lanczos(&mut Reflected::<T>::new(&case.values), &options, None).unwrap();
    let mut outer = sorted.to_vec();
    outer.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
    let algebraic = found.algebraic().zip(sorted);
    let magnitude = found.magnitude().zip(&outer);
    let pairs: Vec<_> = algebraic.chain(magnitude).collect();
    Said {
        values: pairs.iter().map(|(pair, _)| pair.value).collect(),
        residuals: pairs.iter().map(|(pair, _)| pair.residual_bound).collect(),
        converged: pairs.iter().map(|(pair, _)| pair.converged).collect(),
        exact: pairs.iter().map(|(_, exact)| **exact).collect(),
        products: found.products,
    }
}

/// The second measurement of a tracker that has seen the largest values elsewhere.
fn by_subspace<T: Real>(case: &Case, sorted: &[f64], seed: u64) -> Said {
    let options = Subspace { tolerance: 1e-2, ..Subspace::top(case.k, seed) };
    let mut tracker = SubspaceTracker::new(options, case.values.len()).unwrap();
    let mut before = case.values.clone();
    before.reverse();
    tracker.measure(&mut Reflected::<T>::new(&before), None).unwrap();
    let found = tracker.measure(&mut Reflected::<T>::new(&case.values), None).unwrap();
    let converged = vec![found.converged; found.values.len()];
    Said {
        values: found.values,
        residuals: found.residuals,
        converged,
        exact: sorted.to_vec(),
        products: found.products,
    }
}

fn rows<T: Real>(precision: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for case in cases() {
        let mut sorted: Vec<f64> = case.values.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let mut one = Account::default();
        for seed in 0..RUNS {
            let said = by_lanczos::<T>(&case, &sorted, seed);
            one.count(&said, &sorted, 1e-3, case.name);
        }
        rows.push(one.row(&case, precision, "Lanczos"));
        if case.wanted == Wanted::Algebraic {
            let mut two = Account::default();
            for seed in 0..RUNS {
                let said = by_subspace::<T>(&case, &sorted, seed);
                two.count(&said, &sorted, 1e-2, case.name);
            }
            rows.push(two.row(&case, precision, "`top`"));
        }
    }
    rows
}

/// All columns but the last two, which may differ from machine to machine.
fn told(row: &str) -> String {
    row.split('|').take(7).collect::<Vec<_>>().join("|")
}

fn compare(rows: &[String]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DIAGNOSTICS.md");
    let document = std::fs::read_to_string(path).unwrap();
    for row in rows {
        println!("{row}");
        assert!(row.contains(" | 0 | "), "wrong and said to have converged: {row}");
    }
    let known: Vec<String> = document.lines().map(told).collect();
    for row in rows {
        assert!(known.contains(&told(row)), "docs/DIAGNOSTICS.md lacks {row}");
    }
}

#[test]
fn no_wrong_value_has_converged_in_double_precision() {
    compare(&rows::<f64>("f64"));
}

#[test]
fn no_wrong_value_has_converged_in_single_precision() {
    compare(&rows::<f32>("f32"));
}

#[test]
fn power_iteration_knows_of_rounding() {
    let values = over_bulk(&[11.44]);
    for seed in 0..20 {
        let options = PowerIteration { until: Until::Residual(1e-5), ..PowerIteration::paper(seed) };
        let power = power_iteration(&mut Reflected::<f32>::new(&values), &options, None).unwrap();
        assert!(
            (power.value - 11.44).abs() <= power.residual && power.residual >= 16.0 * 11.0 * f64::from(f32::EPSILON)
        );
        let options = PowerIteration { until: Until::Residual(1e-7), max_products: 50, seed };
        assert!(!power_iteration(&mut Reflected::<f32>::new(&values), &options, None).unwrap().converged);
    }
}
