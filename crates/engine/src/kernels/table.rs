use std::sync::Arc;

use onedge_graph::{Attributes, Margins, Node, Scan, Shape};

use super::binary::Binary;
use super::boxes::{Boxed, cut, iota, paste, put_add, take};
use super::conv2d::{Conv2d, Role, fold_patches, patches};
use super::dispatch::zip;
use super::functions::{
    exp, expm1, larger, log, log1p, normal_cdf, normal_pdf, power, sigmoid, sign, smaller, softplus, tanh,
};
use super::rows::{cumsum, first_largest, logsumexp, one_hot, pick, reduce_max, softmax};
use super::spread::Spread;
use super::sum::{Sum, variance};
use super::unary::Unary;
use super::{Element, Elementwise, Gemm, Product, Whole};

/// What the engine knows of an op.
pub struct Entry<T: 'static> {
    /// The op's name.
    pub op: &'static str,
    /// How a plan deals with it.
    pub kind: Kind,
    /// How the kernel of a node is made.
    pub maker: Maker<T>,
}

/// How a plan deals with an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Given from outside: nothing is computed.
    Input,
    /// The elements of its operand in the same order: plans see through it.
    View,
    /// One number everywhere: a tile filled beforehand.
    Constant,
    /// A smaller value repeated, which a fused step reads from memory.
    Broadcast,
    /// Element by element, in a fused step.
    Elementwise(Cost),
    /// A sum over axes, in the fused step of its operand or by itself; may add to a lane's sum.
    Sum,
    /// A product, which may add to what is there.
    Product,
    /// Reductions and movements of whole values, each a step of its own.
    Whole,
}

/// What an elementwise op costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Nothing,
    /// Less than to store the result: computed again wherever it is read.
    Less,
    /// About as much as an addition.
    Step,
    /// As much as a function of several steps.
    Function,
}

/// How the kernel of a node is made.
#[derive(Clone)]
pub enum Maker<T> {
    /// It has none.
    None,
    /// Elementwise, from the attributes.
    Elementwise(fn(&Attributes) -> Elementwise<T>),
    /// This function of one tile.
    Map(fn(&[T], &mut [T])),
    /// This function of two tiles.
    Zip(fn(&[T], &[T], &mut [T])),
    /// From the node and the shapes of its operands; the last argument asks for a result that is written transposed,
    /// which is asked of `matmul` alone.
    Product(MakeProduct<T>),
    /// From the node and the shapes of its operands.
    Whole(fn(&Node, &[&Shape]) -> Whole<T>),
}

/// From a node, the shapes of its operands and whether the result is written transposed.
type MakeProduct<T> = fn(&Node, [&Shape; 2], bool) -> Arc<dyn Product<T>>;

impl<T> Entry<T> {
    /// The kernel of an elementwise op with these attributes; `None` if it is none.
    pub fn elementwise(&self, attributes: &Attributes) -> Option<Elementwise<T>> {
        match self.maker {
            Maker::Elementwise(make) => Some(make(attributes)),
            Maker::Map(kernel) => Some(Elementwise::Map(kernel)),
            Maker::Zip(kernel) => Some(Elementwise::Zip(kernel)),
            _ => None,
        }
    }
}

impl Cost {
    /// In steps.
    pub fn steps(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Less | Self::Step => 1,
            Self::Function => 5,
        }
    }
}

impl Kind {
    /// What it costs in a fused step; `None` if it is not elementwise work.
    pub fn cost(self) -> Option<Cost> {
        match self {
            Self::Constant => Some(Cost::Nothing),
            Self::Broadcast => Some(Cost::Less),
            Self::Elementwise(cost) => Some(cost),
            _ => None,
        }
    }
}

/// What the engine knows of the op of this name; `None` if it has no kernel.
pub fn entry<T: Element>(op: &str) -> Option<&'static Entry<T>> {
    table::<T>().iter().find(|entry| entry.op == op)
}

/// Every op: a line each.
fn table<T: Element>() -> &'static [Entry<T>] {
    use Cost::{Function, Less, Step};
    const {
        &[
            bare("input", Kind::Input),
            bare("reshape", Kind::View),
            bare("constant", Kind::Constant),
            bare("broadcast", Kind::Broadcast),
            inlined("neg", Less, |_| Elementwise::Unary(Unary::Neg)),
            inlined("step", Less, |_| Elementwise::Unary(Unary::Step)),
            inlined("relu", Step, |_| Elementwise::Unary(Unary::Relu)),
            inlined("sqrt", Step, |_| Elementwise::Unary(Unary::Sqrt)),
            inlined("reciprocal", Step, |_| Elementwise::Unary(Unary::Reciprocal)),
            inlined("add", Step, |_| Elementwise::Binary(Binary::Add)),
            inlined("sub", Step, |_| Elementwise::Binary(Binary::Sub)),
            inlined("mul", Step, |_| Elementwise::Binary(Binary::Mul)),
            inlined("div", Step, |_| Elementwise::Binary(Binary::Div)),
            inlined("greater", Less, |_| Elementwise::Binary(Binary::Greater)),
            inlined("select", Step, |_| Elementwise::Select),
            inlined("scale", Less, |attributes| Elementwise::Scale(T::from_f64(attributes.scalar()))),
            of_two("equal", Less, |a, b, out| zip(a, b, out, |a, b| if a == b { T::ONE } else { T::ZERO })),
            of_two("maximum", Step, |a, b, out| zip(a, b, out, larger)),
            of_two("minimum", Step, |a, b, out| zip(a, b, out, smaller)),
            of_one("exp", Function, exp),
            of_one("expm1", Function, expm1),
            of_one("log", Function, log),
            of_one("log1p", Function, log1p),
            of_one("abs", Less, |x, out| T::each(x, out, f32::abs, f64::abs)),
            of_one("sign", Less, sign),
            of_one("floor", Less, |x, out| T::each(x, out, f32::floor, f64::floor)),
            of_one("round", Less, |x, out| T::each(x, out, f32::round_ties_even, f64::round_ties_even)),
            of_one("detach", Less, |x, out| out.copy_from_slice(x)),
            inlined("power", Function, |attributes| Elementwise::MapWith(power, T::from_f64(attributes.scalar()))),
            of_one("tanh", Function, tanh),
            of_one("sin", Function, |x, out| T::each(x, out, f32::sin, f64::sin)),
            of_one("cos", Function, |x, out| T::each(x, out, f32::cos, f64::cos)),
            of_one("sigmoid", Function, sigmoid),
            of_one("softplus", Function, softplus),
            of_one("normal_cdf", Function, normal_cdf),
            of_one("normal_pdf", Function, normal_pdf),
            bare("sum", Kind::Sum),
            product("matmul", |node, [a, b], turned| {
                Arc::new(Gemm { column_major: turned, ..Gemm::new(a, b, node.attributes.matmul()) })
            }),
            product("conv2d", |node, [x, w], _| convolution(Role::Output, node, x, w)),
            product("conv2d_input", |node, [_, w], _| convolution(Role::Image, node, &node.shape, w)),
            product("conv2d_weight", |node, [x, _], _| convolution(Role::Kernel, node, x, &node.shape)),
            whole("variance", |node, shapes| {
                let spec = Sum::new(shapes[0], node.attributes.axes());
                Whole::with_scratch(node.shape.size(), move |x, out, means| variance(&spec, x[0], out, means))
            }),
            whole("cumsum", |node, shapes| {
                let Scan { axis, reverse } = node.attributes.scan();
                let (extent, inner) = along(shapes[0], axis);
                Whole::by(extent * inner, move |x, start, out| {
                    cumsum(extent, inner, reverse, under(x[0], start, out), out)
                })
            }),
            whole("reduce_max", |node, shapes| {
                let (extent, inner) = along(shapes[0], node.attributes.axes()[0]);
                Whole::by(inner, move |x, start, out| {
                    let x = &x[0][start * extent..][..out.len() * extent];
                    reduce_max(extent, inner, x, out);
                })
            }),
            whole("first_largest", |node, shapes| {
                let (extent, inner) = along(shapes[0], node.attributes.axes()[0]);
                Whole::by(extent * inner, move |x, start, out| {
                    first_largest(extent, inner, under(x[0], start, out), out)
                })
            }),
            whole("logsumexp", |_, shapes| {
                let columns = columns(shapes[0]);
                Whole::by(1, move |x, start, out| {
                    let x = &x[0][start * columns..][..out.len() * columns];
                    logsumexp(columns, x, out);
                })
            }),
            whole("softmax", |_, shapes| {
                let columns = columns(shapes[0]);
                Whole::within(columns, move |x, start, out| softmax(columns, under(x[0], start, out), out))
            }),
            whole("one_hot", |node, _| {
                let classes = node.attributes.classes();
                Whole::new(move |labels, out| one_hot(classes, labels[0], out))
            }),
            whole("pick", |_, shapes| {
                let columns = columns(shapes[0]);
                Whole::new(move |x, out| pick(columns, x[0], x[1], out))
            }),
            whole("take", |_, shapes| {
                let width = columns(shapes[0]);
                Whole::new(move |x, out| take(width, x[0], x[1], out))
            }),
            whole("put_add", |_, shapes| {
                let width = columns(shapes[0]);
                Whole::new(move |x, out| put_add(width, x[0], x[1], out))
            }),
            whole("iota", |node, _| {
                let axis = node.attributes.axis();
                let (extent, within) = (node.shape[axis], node.shape.strides()[axis]);
                Whole::new(move |_, out| iota(extent, within, out))
            }),
            whole("permute", |node, shapes| {
                let spec = Spread::permuted(shapes[0], node.attributes.axes());
                Whole::by(spec.unit(), move |x, start, out| spec.load(x[0], start, out))
            }),
            whole("pad", |node, _| {
                let margins = node.attributes.margins();
                let (fill, inner) = (T::from_f64(margins.value()), Boxed::new(&node.shape, margins));
                Whole::new(move |x, out| {
                    out.fill(fill);
                    paste(&inner, x[0], out);
                })
            }),
            whole("slice", |node, shapes| {
                let inner = Boxed::new(shapes[0], node.attributes.margins());
                Whole::new(move |x, out| cut(&inner, x[0], out))
            }),
            whole("concat", |node, shapes| {
                let (axis, rank) = (node.attributes.axes()[0], node.shape.rank());
                let (first, other) = (shapes[0][axis], shapes[1][axis]);
                let part = |before, after| Boxed::new(&node.shape, &Margins::along(rank, axis, before, after));
                let parts = [part(0, other), part(first, 0)];
                Whole::new(move |x, out| parts.iter().zip(x).for_each(|(part, x)| paste(part, x, out)))
            }),
            whole("patches", |node, shapes| {
                let spec = Conv2d::window(node.attributes.window(), shapes[0]);
                let (image, seen) = spec.image_lens();
                Whole::by(seen, move |x, start, out| {
                    let images = out.len() / seen.max(1);
                    let x = &x[0][start / seen.max(1) * image..][..images * image];
                    patches(&Conv2d { images, ..spec }, x, out);
                })
            }),
            whole("fold", |node, _| {
                let spec = Conv2d::window(node.attributes.window(), &node.shape);
                let (image, seen) = spec.image_lens();
                Whole::by(image, move |x, start, out| {
                    let images = out.len() / image.max(1);
                    let x = &x[0][start / image.max(1) * seen..][..images * seen];
                    fold_patches(&Conv2d { images, ..spec }, x, out);
                })
            }),
        ]
    }
}

const fn bare<T>(op: &'static str, kind: Kind) -> Entry<T> {
    Entry { op, kind, maker: Maker::None }
}

const fn elementwise<T>(op: &'static str, cost: Cost, maker: Maker<T>) -> Entry<T> {
    Entry { op, kind: Kind::Elementwise(cost), maker }
}

/// Compiled into the fused step: what is short and frequent.
const fn inlined<T>(op: &'static str, cost: Cost, make: fn(&Attributes) -> Elementwise<T>) -> Entry<T> {
    elementwise(op, cost, Maker::Elementwise(make))
}

/// Called by the fused step.
const fn of_one<T>(op: &'static str, cost: Cost, kernel: fn(&[T], &mut [T])) -> Entry<T> {
    elementwise(op, cost, Maker::Map(kernel))
}

/// Called by the fused step.
const fn of_two<T>(op: &'static str, cost: Cost, kernel: fn(&[T], &[T], &mut [T])) -> Entry<T> {
    elementwise(op, cost, Maker::Zip(kernel))
}

const fn product<T>(op: &'static str, make: MakeProduct<T>) -> Entry<T> {
    Entry { op, kind: Kind::Product, maker: Maker::Product(make) }
}

const fn whole<T>(op: &'static str, make: fn(&Node, &[&Shape]) -> Whole<T>) -> Entry<T> {
    Entry { op, kind: Kind::Whole, maker: Maker::Whole(make) }
}

fn convolution<T: Element>(role: Role, node: &Node, x: &Shape, w: &Shape) -> Arc<dyn Product<T>> {
    Arc::new(Conv2d::new(role, node.attributes.window(), x, w))
}

/// What lies under the part of a result that begins at `start`.
fn under<'a, T>(x: &'a [T], start: usize, out: &[T]) -> &'a [T] {
    &x[start..start + out.len()]
}

/// The extent of an axis, and of all axes within it.
fn along(shape: &Shape, axis: usize) -> (usize, usize) {
    (shape[axis], shape[axis + 1..].iter().product())
}

/// The extent of the last axis.
fn columns(shape: &Shape) -> usize {
    shape.last().copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use onedge_graph::{Class, ops};

    use super::*;

    /// Every op has one line, every line an op, and plans deal with an op as its class says.
    #[test]
    fn ops_and_lines_agree() {
        let lines: HashSet<&str> = table::<f32>().iter().map(|entry| entry.op).collect();
        assert_eq!(lines.len(), table::<f32>().len());
        assert_eq!(lines, ops::ALL.iter().map(|op| op.name).collect());
        for op in ops::ALL {
            let kind = entry::<f32>(op.name).unwrap().kind;
            assert_eq!(matches!(kind, Kind::Elementwise(_)), op.class == Class::Elementwise, "{}", op.name);
            assert_eq!(kind == Kind::Product, op.class == Class::Product, "{}", op.name);
        }
        assert!(entry::<f64>("none").is_none());
    }
}
