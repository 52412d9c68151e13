//! `matmul(a, b)`: the product of the last two axes, any operand transposed; leading axes must agree.

use super::elementwise::no_simpler;
use crate::reference::Tensor;
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Matmul, Misfit, NodeId, Op, Shape};

/// Matrix product.
///
/// Shapes: `a: [.., m, k]` (`[.., k, m]` if transposed), `b: [.., k, n]` (`[.., n, k]`), result `[.., m, n]`.
pub static MATMUL: Op = Op {
    name: "matmul",
    source: include_str!("matmul.rs"),
    class: Class::Product,
    arguments: &[Argument::Linear(transpose_left), Argument::Linear(transpose_right)],
    simplify: no_simpler,
    shape,
    evaluate,
    flops: |attributes, inputs, shape| {
        let (_, inner) = extents(inputs[0], attributes.matmul().left);
        2.0 * shape.size() as f64 * inner as f64
    },
    cases: || {
        let case = |left: bool, right: bool, batch: &[usize]| {
            let operand = |rows: usize, columns: usize, flip: bool| {
                let extents = if flip { [columns, rows] } else { [rows, columns] };
                (Shape::new(&[batch, &extents].concat()), Domain::Real)
            };
            Case {
                attributes: Attributes::Matmul(Matmul { left, right }),
                inputs: vec![operand(4, 3, left), operand(3, 5, right)],
            }
        };
        vec![
            case(false, false, &[]),
            case(true, false, &[]),
            case(false, true, &[]),
            case(true, true, &[]),
            case(false, true, &[2]),
            case(true, false, &[2, 3]),
        ]
    },
};

impl Graph {
    /// `a b`
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Error> {
        self.matmul_with(a, b, Matmul { left: false, right: false })
    }

    /// The product of `a` and `b`, each transposed as `matmul` says.
    pub fn matmul_with(&mut self, a: NodeId, b: NodeId, matmul: Matmul) -> Result<NodeId, Error> {
        self.apply(&MATMUL, Attributes::Matmul(matmul), &[a, b])
    }
}

/// Rows and columns of an operand as it enters the product.
fn extents(shape: &Shape, flip: bool) -> (usize, usize) {
    let (rows, columns) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
    if flip { (columns, rows) } else { (rows, columns) }
}

fn shape(attributes: &Attributes, inputs: &[&Shape]) -> Result<Shape, Misfit> {
    let (a, b, Matmul { left, right }) = (inputs[0], inputs[1], attributes.matmul());
    let batch = a.rank().saturating_sub(2);
    if a.rank() >= 2 && a.rank() == b.rank() && a[..batch] == b[..batch] {
        let ((m, k), (inner, n)) = (extents(a, left), extents(b, right));
        if k == inner {
            return Ok([&a[..batch], &[m, n]].concat().into());
        }
    }
    let order = |flip: bool, plain: &'static str, flipped: &'static str| if flip { flipped } else { plain };
    let expected =
        format!("{} and {}", order(left, "[.., m, k]", "[.., k, m]"), order(right, "[.., k, n]", "[.., n, k]"));
    Err(Misfit::new(expected, "transposing one of them, or broadcasting the leading axes"))
}

fn evaluate(attributes: &Attributes, inputs: &[&Tensor], shape: &Shape) -> Vec<f64> {
    let (a, b, Matmul { left, right }) = (inputs[0], inputs[1], attributes.matmul());
    let ((m, k), (_, n)) = (extents(&a.shape, left), extents(&b.shape, right));
    let mut out = Vec::with_capacity(shape.size());
    for batch in 0..shape.size() / (m * n).max(1) {
        let (a, b) = (&a.data[batch * m * k..], &b.data[batch * k * n..]);
        let entry = |i: usize, j: usize| -> f64 {
            let left_at = |l: usize| if left { a[l * m + i] } else { a[i * k + l] };
            let right_at = |l: usize| if right { b[j * k + l] } else { b[l * n + j] };
            (0..k).map(|l| left_at(l) * right_at(l)).sum()
        };
        out.extend((0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| entry(i, j)));
    }
    out
}

/// For `y = A B` with `A = a` or its transpose: the cotangent of `A` is `ct B^T`.
fn transpose_left(g: &mut Graph, y: NodeId, ct: NodeId) -> Result<NodeId, Error> {
    let (b, Matmul { left, right }) = (g.operand(y, 1), g.node(y).attributes.matmul());
    if left {
        g.matmul_with(b, ct, Matmul { left: right, right: true })
    } else {
        g.matmul_with(ct, b, Matmul { left: false, right: !right })
    }
}

/// The cotangent of `B` is `A^T ct`.
fn transpose_right(g: &mut Graph, y: NodeId, ct: NodeId) -> Result<NodeId, Error> {
    let (a, Matmul { left, right }) = (g.operand(y, 0), g.node(y).attributes.matmul());
    if right {
        g.matmul_with(ct, a, Matmul { left: true, right: left })
    } else {
        g.matmul_with(a, ct, Matmul { left: !left, right: false })
    }
}
