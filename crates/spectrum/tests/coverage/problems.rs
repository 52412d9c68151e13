//! Four problems on which the truth is known: for each example its gradient and its Hessian at one point.

use onedge_objective::{Error as ObjectiveError, Objective, Sampled, vector};

/// A mean over examples, at one point.
pub struct Stored {
    pub name: &'static str,
    gradients: Vec<Vec<f64>>,
    hessians: Vec<Vec<f64>>,
    /// The mean Hessian, by rows.
    pub hessian: Vec<Vec<f64>>,
    pub gradient: Vec<f64>,
    selected: Option<Vec<usize>>,
}

/// Numbers between -1 and 1, by a linear congruence.
pub struct Draws(pub u64);

impl Draws {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    pub fn below(&mut self, count: usize) -> usize {
        (((self.next() + 1.0) / 2.0 * count as f64) as usize).min(count - 1)
    }
}

impl Stored {
    fn new(name: &'static str, examples: Vec<(Vec<f64>, Vec<f64>)>) -> Self {
        let (gradients, hessians): (Vec<_>, Vec<_>) = examples.into_iter().unzip();
        let (count, dim) = (gradients.len() as f64, gradients[0].len());
        let (mut gradient, mut all) = (vec![0.0; dim], vec![0.0; dim * dim]);
        gradients.iter().for_each(|g| vector::axpy(1.0 / count, g, &mut gradient));
        hessians.iter().for_each(|h| vector::axpy(1.0 / count, h, &mut all));
        let hessian = all.chunks(dim).map(<[f64]>::to_vec).collect();
        Self { name, gradients, hessians, hessian, gradient, selected: None }
    }

    pub fn dimension(&self) -> usize {
        self.gradient.len()
    }

    /// The gradient of some examples.
    pub fn gradient_of(&self, batch: &[usize]) -> Vec<f64> {
        let mut mean = vec![0.0; self.dimension()];
        batch.iter().for_each(|&i| vector::axpy(1.0 / batch.len() as f64, &self.gradients[i], &mut mean));
        mean
    }

    /// The product with the Hessian of some examples.
    pub fn product_of(&self, batch: &[usize], v: &[f64]) -> Vec<f64> {
        let (mut out, dim) = (vec![0.0; v.len()], v.len());
        for &i in batch {
            for (out, row) in out.iter_mut().zip(self.hessians[i].chunks(dim)) {
                *out += vector::dot(row, v) / batch.len() as f64;
            }
        }
        out
    }

    /// `tr(Sigma) / |g|^2`
    pub fn noise_scale(&self) -> f64 {
        let away = |g: &Vec<f64>| g.iter().zip(&self.gradient).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let covariance = self.gradients.iter().map(away).sum::<f64>() / self.gradients.len() as f64;
        covariance / vector::dot(&self.gradient, &self.gradient)
    }
}

impl Objective<f64> for Stored {
    fn dim(&self) -> usize {
        self.dimension()
    }

    fn linearize(&mut self, _: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
        match &self.selected {
            None => gradient.copy_from_slice(&self.gradient),
            Some(batch) => gradient.copy_from_slice(&self.gradient_of(batch)),
        }
        Ok(1.0)
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        match &self.selected {
            None => out.iter_mut().zip(&self.hessian).for_each(|(out, row)| *out = vector::dot(row, v)),
            Some(batch) => out.copy_from_slice(&self.product_of(batch, v)),
        }
        Ok(())
    }

    fn loss(&mut self, _: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(1.0)
    }
}

impl Sampled<f64> for Stored {
    fn examples(&self) -> usize {
        self.gradients.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), ObjectiveError> {
        self.selected = indices.map(<[usize]>::to_vec);
        Ok(())
    }
}

/// Least squares with as many rows as there are targets: `(a_i . w - b_i)^2 / 2` at `w`.
fn least_squares(name: &'static str, rows: &[Vec<f64>], targets: &[f64], w: &[f64]) -> Stored {
    let example = |(a, b): (&Vec<f64>, &f64)| {
        let residual = vector::dot(a, w) - b;
        let gradient = a.iter().map(|a| a * residual).collect();
        (gradient, a.iter().flat_map(|x| a.iter().map(move |y| x * y)).collect())
    };
    Stored::new(name, rows.iter().zip(targets).map(example).collect())
}

/// Rows whose elements fade, about a mean of 0.3, as inputs that were not centred.
fn rows(count: usize, dim: usize, draws: &mut Draws) -> Vec<Vec<f64>> {
    let element = |j: usize, draws: &mut Draws| (0.3 + draws.next()) / (1.0 + 0.1 * j as f64);
    (0..count).map(|_| (0..dim).map(|j| element(j, draws)).collect()).collect()
}

/// Least squares far from its minimum.
pub fn convex() -> Stored {
    let mut draws = Draws(1);
    let rows = rows(160, 40, &mut draws);
    let targets: Vec<f64> = rows.iter().map(|_| draws.next()).collect();
    least_squares("convex", &rows, &targets, &vec![0.4; 40])
}

/// Fewer rows than parameters, half of them there twice: three quarters of the eigenvalues are 0.
pub fn singular() -> Stored {
    let mut draws = Draws(2);
    let mut rows = rows(10, 40, &mut draws);
    rows.extend(rows.clone());
    let targets: Vec<f64> = (0..20).map(|_| draws.next()).collect();
    least_squares("singular", &rows, &targets, &vec![0.1; 40])
}

/// A network `tanh(V x + b)` of 5 units, with 3 logits of them, on 4 inputs.
const INPUTS: usize = 4;
const UNITS: usize = 5;
const CLASSES: usize = 3;
const PARAMETERS: usize = (INPUTS + 1) * UNITS + (UNITS + 1) * CLASSES;

/// The gradient of the cross-entropy of one example, with `decay / 2 |w|^2` beside it.
fn network_gradient(w: &[f64], x: &[f64], class: usize, decay: f64) -> Vec<f64> {
    let (first, second) = w.split_at((INPUTS + 1) * UNITS);
    let units: Vec<f64> =
        first.chunks(INPUTS + 1).map(|row| (vector::dot(&row[..INPUTS], x) + row[INPUTS]).tanh()).collect();
    let logits: Vec<f64> =
        second.chunks(UNITS + 1).map(|row| vector::dot(&row[..UNITS], &units) + row[UNITS]).collect();
    let largest = logits.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    let residual = |k: usize| (logits[k] - largest).exp() / sum - f64::from(u8::from(k == class));
    let mut gradient: Vec<f64> = w.iter().map(|w| decay * w).collect();
    let (to_first, to_second) = gradient.split_at_mut((INPUTS + 1) * UNITS);
    let mut back = vec![0.0; UNITS];
    for (k, (row, weights)) in to_second.chunks_mut(UNITS + 1).zip(second.chunks(UNITS + 1)).enumerate() {
        vector::axpy(residual(k), &units, &mut row[..UNITS]);
        row[UNITS] += residual(k);
        vector::axpy(residual(k), &weights[..UNITS], &mut back);
    }
    for ((row, unit), back) in to_first.chunks_mut(INPUTS + 1).zip(&units).zip(&back) {
        let slope = back * (1.0 - unit * unit);
        vector::axpy(slope, x, &mut row[..INPUTS]);
        row[INPUTS] += slope;
    }
    gradient
}

/// The network after so many steps of gradient descent; Hessians by central differences of its gradients.
fn network(name: &'static str, steps: usize, decay: f64) -> Stored {
    let mut draws = Draws(3);
    let inputs: Vec<Vec<f64>> = (0..96).map(|_| (0..INPUTS).map(|_| 1.5 * draws.next()).collect()).collect();
    let class = |x: &Vec<f64>, noise: f64| match x[0] * x[1] + 0.5 * x[2] + 0.6 * noise {
        score if score < -0.3 => 0,
        score if score < 0.4 => 1,
        _ => 2,
    };
    let classes: Vec<usize> = inputs.iter().map(|x| class(x, draws.next())).collect();
    let mut w: Vec<f64> = (0..PARAMETERS).map(|_| 0.8 * draws.next()).collect();
    for _ in 0..steps {
        let mut gradient = vec![0.0; PARAMETERS];
        for (x, &class) in inputs.iter().zip(&classes) {
            vector::axpy(1.0 / inputs.len() as f64, &network_gradient(&w, x, class, decay), &mut gradient);
        }
        vector::axpy(-0.5, &gradient, &mut w);
    }
    let example = |(x, &class): (&Vec<f64>, &usize)| {
        const H: f64 = 1e-5;
        let column = |j: usize| {
            let at = |shift: f64| {
                let mut moved = w.clone();
                moved[j] += shift;
                network_gradient(&moved, x, class, decay)
            };
            let (plus, minus) = (at(H), at(-H));
            plus.iter().zip(&minus).map(|(p, m)| (p - m) / (2.0 * H)).collect::<Vec<f64>>()
        };
        (network_gradient(&w, x, class, decay), (0..PARAMETERS).flat_map(column).collect())
    };
    Stored::new(name, inputs.iter().zip(&classes).map(example).collect())
}

/// A network trained for some hundred steps, whose Hessian has negative eigenvalues.
pub fn trained() -> Stored {
    network("trained network", 300, 0.0)
}

/// The same, with decay, close to a minimum.
pub fn minimum() -> Stored {
    network("at a minimum", 4000, 0.02)
}
