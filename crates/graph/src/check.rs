//! Checks for tests, here and in crates that build graphs: the derivatives of one loss by every road there is, with
//! the [`reference`](mod@crate::reference) evaluator.

use std::collections::HashMap;

use crate::reference::{Tensor, evaluate};
use crate::{Domain, Graph, NodeId, Shape, Shifted, Tangents, curvature, gradient, hessian_vector, jvp};

/// Values in a domain: generic, and far enough from kinks and from each other. The same for the same arguments.
pub fn sample(shape: &Shape, domain: Domain, seed: usize) -> Tensor {
    let n = shape.size();
    let shuffled = |i: usize| (i * 7 + seed * 5 + 3) % n.max(1);
    let jitter = |i: usize| ((i * 37 + seed * 11) % 17) as f64 / 17.0 - 0.5;
    // n and 7 must be coprime for `shuffled` to be a permutation.
    let n_or_next = if n.is_multiple_of(7) { n + 1 } else { n };
    let spread = |i: usize, low: f64, high: f64| {
        let place = ((i * 7 + seed * 5 + 3) % n_or_next) as f64 + 0.5 + 0.3 * jitter(i);
        low + (high - low) * place / n_or_next as f64
    };
    let value = |i: usize| match domain {
        Domain::Real => {
            let x = spread(i, -1.5, 1.5);
            if x.abs() < 0.02 { x + 0.04 } else { x }
        }
        Domain::Positive => spread(i, 0.4, 2.0),
        Domain::Index(classes) => (shuffled(i) % classes) as f64,
        Domain::Mask => (shuffled(i) % 2) as f64,
    };
    Tensor::new(shape.clone(), (0..n).map(value).collect())
}

/// One loss with its derivatives as nodes, at `w + s u`: everything that is to agree.
#[derive(Debug)]
pub struct Subject {
    graph: Graph,
    values: HashMap<NodeId, Tensor>,
    parameters: Vec<NodeId>,
    directions: Vec<NodeId>,
    losses: NodeId,
    slopes: Option<NodeId>,
    jvp_of_jvp: Option<NodeId>,
    gradients: Vec<NodeId>,
    products: Vec<NodeId>,
    curvature_terms: Vec<NodeId>,
    polarised_terms: Vec<NodeId>,
    /// By parameter: its inputs for polarisation, their step, its direction.
    shifted: HashMap<NodeId, (Shifted, f64, NodeId)>,
}

impl Subject {
    /// Differentiates `losses` with respect to `parameters`; `values` are those of all inputs. `seed` chooses `u`.
    ///
    /// # Panics
    /// If `losses` is not a vector. Here and below: if an input has no value.
    pub fn new(
        mut graph: Graph,
        losses: NodeId,
        parameters: Vec<NodeId>,
        mut values: HashMap<NodeId, Tensor>,
        seed: usize,
    ) -> Self {
        let mut tangents = Tangents::new();
        let mut directions = Vec::new();
        for (i, &w) in parameters.iter().enumerate() {
            let shape = graph.shape(w).clone();
            let u = graph.input(shape.clone());
            values.insert(u, sample(&shape, Domain::Real, seed + 3 * i + 1));
            directions.push(u);
            tangents.insert(w, u);
        }
        let start = tangents.clone();
        let derived = gradient(&mut graph, losses, &parameters).expect("losses are a vector");
        let mut shifted = HashMap::new();
        for (i, (&w, &u)) in parameters.iter().zip(&directions).enumerate() {
            let inputs = Shifted::inputs(&mut graph, &values[&w].shape);
            let step = 0.5 + 0.25 * i as f64;
            let scalar = |x: f64| Tensor::new(Shape::new(&[]), vec![x]);
            values.insert(inputs.step, scalar(step));
            values.insert(inputs.half_inverse, scalar(0.5 / step));
            values.insert(inputs.inverse_square, scalar(1.0 / (step * step)));
            shifted.insert(w, (inputs, step, u));
        }
        let inputs = shifted.iter().map(|(&w, (inputs, ..))| (w, *inputs)).collect();
        let polarised = curvature(&mut graph, losses, &derived, &mut tangents.clone(), &inputs);
        let polarised_terms = polarised.expect("tangents fit");
        let plain = HashMap::new();
        let curvature_terms = curvature(&mut graph, losses, &derived, &mut tangents, &plain).expect("tangents fit");
        let products = hessian_vector(&mut graph, &derived, &mut tangents).expect("tangents fit");
        let slopes = tangents.get(&losses).copied();
        let jvp_of_jvp = slopes.and_then(|slopes| {
            let mut again = start.clone();
            jvp(&mut graph, &[slopes], &mut again).expect("tangents fit");
            again.get(&slopes).copied()
        });
        let gradients = derived.gradients;
        Self {
            graph,
            values,
            parameters,
            directions,
            losses,
            slopes,
            jvp_of_jvp,
            gradients,
            products,
            curvature_terms,
            polarised_terms,
            shifted,
        }
    }

    /// The same along `factor * u`: deep models bend too much for differences over longer steps.
    #[must_use]
    pub fn along(mut self, factor: f64) -> Self {
        for u in &self.directions {
            self.values.get_mut(u).unwrap().data.iter_mut().for_each(|t| *t *= factor);
        }
        self
    }

    /// `u` for each parameter.
    pub fn direction(&self) -> Vec<Tensor> {
        self.directions.iter().map(|u| self.values[u].clone()).collect()
    }

    /// Another vector of the same shape.
    pub fn other_direction(&self, seed: usize) -> Vec<Tensor> {
        self.parameters.iter().map(|w| sample(self.graph.shape(*w), Domain::Real, seed)).collect()
    }

    /// The values of `roots` at `w + s u`, the tangents of the parameters being `direction`.
    fn at(&self, s: f64, roots: &[NodeId], direction: &[Tensor]) -> Vec<Tensor> {
        let mut values = self.values.clone();
        for ((w, u), along) in self.parameters.iter().zip(&self.directions).zip(direction) {
            for (x, t) in values.get_mut(w).unwrap().data.iter_mut().zip(&self.values[u].data) {
                *x += s * t;
            }
            values.insert(*u, along.clone());
        }
        for (w, (inputs, step, u)) in &self.shifted {
            let moved = |step: f64| {
                let shifted = values[w].data.iter().zip(&values[u].data).map(|(w, u)| w + step * u).collect();
                Tensor::new(values[w].shape.clone(), shifted)
            };
            let (plus, minus) = (moved(*step), moved(-step));
            values.insert(inputs.plus, plus);
            values.insert(inputs.minus, minus);
        }
        evaluate(&self.graph, &values, roots)
    }

    fn total(&self, s: f64, roots: &[NodeId]) -> f64 {
        self.at(s, roots, &self.direction()).iter().flat_map(|t| &t.data).sum()
    }

    /// The sum of the losses at `w + s u`.
    pub fn loss(&self, s: f64) -> f64 {
        self.total(s, &[self.losses])
    }

    /// `g . u` at `w + s u`, by forward mode.
    pub fn forward_slope(&self, s: f64) -> f64 {
        self.total(s, self.slopes.as_slice())
    }

    /// `g . u` at `w + s u`, by reverse mode.
    pub fn reverse_slope(&self, s: f64) -> f64 {
        inner(&self.at(s, &self.gradients, &self.direction()), &self.direction())
    }

    /// `u . H u` by the adjoint sum.
    pub fn curvature(&self) -> f64 {
        self.total(0.0, &self.curvature_terms)
    }

    /// `u . H u` by the adjoint sum, products of parameters polarised.
    pub fn polarised(&self) -> f64 {
        self.total(0.0, &self.polarised_terms)
    }

    /// `u . H u` by forward mode twice.
    pub fn jvp_of_jvp(&self) -> f64 {
        self.total(0.0, self.jvp_of_jvp.as_slice())
    }

    /// `H v`
    pub fn hessian_vector(&self, v: &[Tensor]) -> Vec<Tensor> {
        self.at(0.0, &self.products, v)
    }

    /// Checks every difference to 1e-9 and every identity to 1e-12 (polarisation, which cancels, to 1e-11); `what` names the subject in failures.
    ///
    /// # Panics
    /// If two numbers that should agree do not.
    pub fn check(&self, what: &str) {
        let close = |name: &str, a: f64, b: f64, tolerance: f64| {
            let scale = a.abs().max(b.abs()).max(1.0);
            assert!((a - b).abs() <= tolerance * scale, "{what}: {name}: {a} and {b}");
        };
        let (u, v) = (self.direction(), self.other_direction(5));
        let (hu, hv) = (self.hessian_vector(&u), self.hessian_vector(&v));
        close("slope by loss differences", five_point(|s| self.loss(s)), self.reverse_slope(0.0), 1e-9);
        close("slope forward and reverse", self.forward_slope(0.0), self.reverse_slope(0.0), 1e-12);
        close("curvature by slope differences", five_point(|s| self.reverse_slope(s)), self.curvature(), 1e-9);
        close("curvature and jvp of jvp", self.jvp_of_jvp(), self.curvature(), 1e-12);
        close("curvature and polarised", self.polarised(), self.curvature(), 1e-11);
        close("curvature and u.(Hu)", inner(&u, &hu), self.curvature(), 1e-12);
        close("symmetry", inner(&v, &hu), inner(&u, &hv), 1e-12);
    }
}

/// The inner product of two vectors of tensors.
pub fn inner(a: &[Tensor], b: &[Tensor]) -> f64 {
    a.iter().zip(b).flat_map(|(a, b)| a.data.iter().zip(&b.data)).map(|(x, y)| x * y).sum()
}

/// The derivative of `f` at 0 by the five-point formula, exact to order h^4.
fn five_point(f: impl Fn(f64) -> f64) -> f64 {
    let h = 3e-4;
    (f(-2.0 * h) - 8.0 * f(-h) + 8.0 * f(h) - f(2.0 * h)) / (12.0 * h)
}
