//! What each op is in ONNX.

use onedge_graph::{Node, NodeId, Window};

use crate::Error;
use crate::extents::Extent;
use crate::lower::{Lowering, Value, fixed, joined};
use crate::proto::{Attribute, Element};

/// Ops that are one operator, elementwise.
const SAME: &[(&str, &str)] = &[
    ("add", "Add"),
    ("sub", "Sub"),
    ("mul", "Mul"),
    ("div", "Div"),
    ("neg", "Neg"),
    ("reciprocal", "Reciprocal"),
    ("sqrt", "Sqrt"),
    ("exp", "Exp"),
    ("log", "Log"),
    ("abs", "Abs"),
    ("sign", "Sign"),
    ("floor", "Floor"),
    ("round", "Round"),
    ("detach", "Identity"),
    ("tanh", "Tanh"),
    ("sin", "Sin"),
    ("cos", "Cos"),
    ("sigmoid", "Sigmoid"),
    ("softplus", "Softplus"),
    ("relu", "Relu"),
    ("maximum", "Max"),
    ("minimum", "Min"),
];

/// Ops of derivatives alone, for which ONNX has no operator, or none that says the same. Forward passes are free of them.
#[cfg(test)]
const WITHOUT: &[&str] = &["put_add", "first_largest", "fold", "conv2d_input", "conv2d_weight"];

/// The nodes of ONNX for one node of the graph.
pub fn lower(to: &mut Lowering<'_>, id: NodeId, node: &Node) -> Result<Value, Error> {
    let (name, inputs) = (node.op.name, &node.inputs);
    let float = |name: String, extents: Vec<Extent>| Ok(Value { name, extents, element: Element::Float });
    let extents = to.extents_of(id);
    if let Some((_, operator)) = SAME.iter().find(|(op, _)| *op == name) {
        let (names, extents) = operands(to, inputs);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return float(to.emit(operator, &names, &[]), extents);
    }
    let attributes = &node.attributes;
    let result = match name {
        "constant" => return float(to.number(attributes.scalar()), Vec::new()),
        "iota" => return iota(to, node, &extents),
        "scale" => {
            let factor = to.number(attributes.scalar());
            let (names, extents) = operands(to, inputs);
            return float(to.emit("Mul", &[&names[0], &factor], &[]), extents);
        }
        "power" => {
            let exponent = to.number(attributes.scalar());
            let (names, extents) = operands(to, inputs);
            return float(to.emit("Pow", &[&names[0], &exponent], &[]), extents);
        }
        "log1p" => {
            let one = to.number(1.0);
            let (names, extents) = operands(to, inputs);
            let sum = to.emit("Add", &[&names[0], &one], &[]);
            return float(to.emit("Log", &[&sum], &[]), extents);
        }
        "expm1" => {
            let one = to.number(1.0);
            let (names, extents) = operands(to, inputs);
            let exponential = to.emit("Exp", &[&names[0]], &[]);
            return float(to.emit("Sub", &[&exponential, &one], &[]), extents);
        }
        "step" => {
            let zero = to.number(0.0);
            let (names, extents) = operands(to, inputs);
            let above = to.emit("Greater", &[&names[0], &zero], &[]);
            return float(to.cast(&above, Element::Float), extents);
        }
        "greater" | "equal" => {
            let (names, extents) = operands(to, inputs);
            let operator = if name == "greater" { "Greater" } else { "Equal" };
            let holds = to.emit(operator, &[&names[0], &names[1]], &[]);
            return float(to.cast(&holds, Element::Float), extents);
        }
        "select" => {
            let (names, extents) = operands(to, inputs);
            let mask = to.cast(&names[0], Element::Bool);
            return float(to.emit("Where", &[&mask, &names[1], &names[2]], &[]), extents);
        }
        "normal_cdf" => {
            let (names, extents) = operands(to, inputs);
            let (root, one, half) = (to.number(std::f64::consts::FRAC_1_SQRT_2), to.number(1.0), to.number(0.5));
            let scaled = to.emit("Mul", &[&names[0], &root], &[]);
            let erf = to.emit("Erf", &[&scaled], &[]);
            let sum = to.emit("Add", &[&erf, &one], &[]);
            return float(to.emit("Mul", &[&sum, &half], &[]), extents);
        }
        "normal_pdf" => {
            let (names, extents) = operands(to, inputs);
            let (half, height) = (to.number(-0.5), to.number((2.0 * std::f64::consts::PI).sqrt().recip()));
            let square = to.emit("Mul", &[&names[0], &names[0]], &[]);
            let power = to.emit("Mul", &[&square, &half], &[]);
            let bell = to.emit("Exp", &[&power], &[]);
            return float(to.emit("Mul", &[&bell, &height], &[]), extents);
        }
        "broadcast" => return broadcast(to, node, &extents),
        "reshape" => {
            let x = to.whole(inputs[0])?;
            let shape = to.new_shape(&extents, node)?;
            to.emit("Reshape", &[&x, &shape], &[])
        }
        "permute" => {
            let x = to.whole(inputs[0])?;
            transpose(to, &x, attributes.axes())
        }
        "sum" => {
            let x = to.whole(inputs[0])?;
            let axes = integers(attributes.axes());
            let axes = to.integers(&[axes.len()], &axes);
            to.emit("ReduceSum", &[&x, &axes], &[("keepdims", Attribute::Integer(0))])
        }
        "variance" => {
            let x = to.whole(inputs[0])?;
            let mean = reduce(to, "ReduceMean", &x, attributes.axes(), 1);
            let distance = to.emit("Sub", &[&x, &mean], &[]);
            let square = to.emit("Mul", &[&distance, &distance], &[]);
            reduce(to, "ReduceMean", &square, attributes.axes(), 0)
        }
        "reduce_max" => {
            let x = to.whole(inputs[0])?;
            reduce(to, "ReduceMax", &x, attributes.axes(), 0)
        }
        "cumsum" => {
            let x = to.whole(inputs[0])?;
            let scan = attributes.scan();
            let axis = to.integers(&[], &[scan.axis as i64]);
            to.emit("CumSum", &[&x, &axis], &[("reverse", Attribute::Integer(i64::from(scan.reverse)))])
        }
        "logsumexp" => {
            let x = to.whole(inputs[0])?;
            let largest = reduce(to, "ReduceMax", &x, &[extents.len()], 1);
            let below = to.emit("Sub", &[&x, &largest], &[]);
            let exponentials = to.emit("Exp", &[&below], &[]);
            let axis = to.integers(&[1], &[extents.len() as i64]);
            let sum = to.emit("ReduceSum", &[&exponentials, &axis], &[("keepdims", Attribute::Integer(1))]);
            let log = to.emit("Log", &[&sum], &[]);
            let kept = to.emit("Add", &[&log, &largest], &[]);
            to.emit("Squeeze", &[&kept, &axis], &[])
        }
        "softmax" => {
            let x = to.whole(inputs[0])?;
            to.emit("Softmax", &[&x], &[("axis", Attribute::Integer(-1))])
        }
        "one_hot" => {
            let labels = to.indices(inputs[0])?;
            let depth = to.integers(&[], &[attributes.classes() as i64]);
            let values = to.floats(&[2], &[0.0, 1.0]);
            to.emit("OneHot", &[&labels, &depth, &values], &[("axis", Attribute::Integer(-1))])
        }
        "pick" => {
            let (x, labels) = (to.whole(inputs[0])?, to.indices(inputs[1])?);
            let axis = to.integers(&[1], &[extents.len() as i64]);
            let column = to.emit("Unsqueeze", &[&labels, &axis], &[]);
            let picked = to.emit("GatherElements", &[&x, &column], &[("axis", Attribute::Integer(-1))]);
            to.emit("Squeeze", &[&picked, &axis], &[])
        }
        "take" => {
            let (table, indices) = (to.whole(inputs[0])?, to.indices(inputs[1])?);
            to.emit("Gather", &[&table, &indices], &[("axis", Attribute::Integer(0))])
        }
        "matmul" => {
            let turned = attributes.matmul();
            let factors = factors(to, inputs)?;
            let mut names = Vec::new();
            for (factor, turned) in factors.into_iter().zip([turned.left, turned.right]) {
                let rank = factor.extents.len();
                let order: Vec<usize> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
                names.push(if turned { transpose(to, &factor.name, &order) } else { factor.name });
            }
            to.emit("MatMul", &[&names[0], &names[1]], &[])
        }
        "pad" => {
            let x = to.whole(inputs[0])?;
            let margins = attributes.margins();
            let pads = [integers(&margins.before), integers(&margins.after)].concat();
            let (pads, fill) = (to.integers(&[pads.len()], &pads), to.number(f64::from_bits(margins.fill)));
            to.emit("Pad", &[&x, &pads, &fill], &[])
        }
        "slice" => {
            let x = to.whole(inputs[0])?;
            let margins = attributes.margins();
            let starts = integers(&margins.before);
            // Counted from the end, wherever that is.
            let ends: Vec<i64> = margins.after.iter().map(|&n| if n == 0 { i64::MAX } else { -(n as i64) }).collect();
            let (starts, ends) = (to.integers(&[starts.len()], &starts), to.integers(&[ends.len()], &ends));
            to.emit("Slice", &[&x, &starts, &ends], &[])
        }
        "concat" => {
            let (a, b) = (to.whole(inputs[0])?, to.whole(inputs[1])?);
            to.emit("Concat", &[&a, &b], &[("axis", Attribute::Integer(attributes.axes()[0] as i64))])
        }
        "patches" => patches(to, node, &extents)?,
        "conv2d" => conv2d(to, node)?,
        _ => return Err(Error::NoCounterpart { op: name }),
    };
    float(result, extents)
}

/// The operands of an elementwise operator, and the extents of its result.
fn operands(to: &Lowering<'_>, inputs: &[NodeId]) -> (Vec<String>, Vec<Extent>) {
    let values: Vec<Value> = inputs.iter().map(|&input| to.value(input)).collect();
    let extents = joined(&values);
    (values.into_iter().map(|value| value.name).collect(), extents)
}

/// The index along an axis, as long as that axis alone.
fn iota(to: &mut Lowering<'_>, node: &Node, extents: &[Extent]) -> Result<Value, Error> {
    let axis = node.attributes.axis();
    let Some(length) = fixed(extents[axis]) else {
        let got = "the number of an example as a value".to_owned();
        return Err(Error::Batch { op: node.op.name, got });
    };
    let shape: Vec<usize> = (0..extents.len()).map(|other| if other == axis { length } else { 1 }).collect();
    let values: Vec<f32> = (0..length).map(|index| index as f32).collect();
    let extents = shape.iter().map(|&extent| Extent::Fixed(extent)).collect();
    Ok(Value { name: to.floats(&shape, &values), extents, element: Element::Float })
}

/// Axes of extent 1 where the value is repeated: whoever reads it broadcasts.
fn broadcast(to: &mut Lowering<'_>, node: &Node, extents: &[Extent]) -> Result<Value, Error> {
    let (value, axes) = (to.value(node.inputs[0]), node.attributes.axes());
    // The axes that the input has. The value in ONNX may lack the first of them, and readers add what comes before its first one.
    let had: Vec<usize> = (0..extents.len()).filter(|axis| !axes.contains(axis)).collect();
    let had = &had[had.len() - value.extents.len()..];
    let Some(&start) = had.first() else { return Ok(value) };
    let mut ones = vec![Extent::Fixed(1); extents.len()];
    had.iter().zip(&value.extents).for_each(|(&axis, &extent)| ones[axis] = extent);
    let added: Vec<i64> = axes.iter().filter(|&&axis| axis > start).map(|&axis| (axis - start) as i64).collect();
    let name = if added.is_empty() {
        value.name
    } else {
        let added = to.integers(&[added.len()], &added);
        to.emit("Unsqueeze", &[&value.name, &added], &[])
    };
    Ok(Value { name, extents: ones[start..].to_vec(), element: value.element })
}

/// The factors of a product: leading axes along which one is repeated are left to the operator.
fn factors(to: &mut Lowering<'_>, inputs: &[NodeId]) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for &input in inputs {
        let (value, whole) = (to.value(input), to.extents_of(input));
        let matrix = |extents: &[Extent]| extents.len().checked_sub(2).map(|at| extents[at..].to_vec());
        let others_are_whole =
            inputs.iter().all(|&other| other == input || to.value(other).extents == to.extents_of(other));
        all.push(if matrix(&value.extents) == matrix(&whole) && others_are_whole {
            value
        } else {
            Value { name: to.whole(input)?, extents: whole, element: value.element }
        });
    }
    Ok(all)
}

fn conv2d(to: &mut Lowering<'_>, node: &Node) -> Result<String, Error> {
    let (x, kernel) = (to.whole(node.inputs[0])?, to.whole(node.inputs[1])?);
    let x = transpose(to, &x, &[0, 3, 1, 2]);
    // [height, width, c / groups, o] becomes [o, c / groups, height, width].
    let kernel = transpose(to, &kernel, &[3, 2, 0, 1]);
    let y = convolve(to, &x, &kernel, &node.attributes.window(), node.attributes.window().groups);
    Ok(transpose(to, &y, &[0, 2, 3, 1]))
}

/// What a window sees: patches cut side by side are moved, others found by a convolution with kernels that are 1 at one place.
fn patches(to: &mut Lowering<'_>, node: &Node, extents: &[Extent]) -> Result<String, Error> {
    let window = node.attributes.window();
    let x = to.whole(node.inputs[0])?;
    let [height, width] = window.kernel;
    let (batch, rows, columns, taps, channels) = (extents[0], extents[1], extents[2], height * width, extents[4]);
    let size = Extent::Fixed;
    if window.tiles() {
        let cut = to.new_shape(&[batch, rows, size(height), columns, size(width), channels], node)?;
        let cut = to.emit("Reshape", &[&x, &cut], &[]);
        let moved = transpose(to, &cut, &[0, 1, 3, 2, 4, 5]);
        let shape = to.new_shape(extents, node)?;
        return Ok(to.emit("Reshape", &[&moved, &shape], &[]));
    }
    let Some(count) = fixed(channels) else {
        return Err(Error::Batch { op: node.op.name, got: "channels".to_owned() });
    };
    let kernel: Vec<f32> = (0..count * taps)
        .flat_map(|filter| (0..taps).map(move |tap| f32::from(u8::from(filter % taps == tap))))
        .collect();
    let kernel = to.floats(&[count * taps, 1, height, width], &kernel);
    let x = transpose(to, &x, &[0, 3, 1, 2]);
    let y = convolve(to, &x, &kernel, &window, count);
    // [n, c taps, .., ..] becomes [n, .., .., taps, c].
    let shape = to.new_shape(&[batch, channels, size(taps), rows, columns], node)?;
    let apart = to.emit("Reshape", &[&y, &shape], &[]);
    Ok(transpose(to, &apart, &[0, 3, 4, 2, 1]))
}

fn convolve(to: &mut Lowering<'_>, x: &str, kernel: &str, window: &Window, groups: usize) -> String {
    let list = |values: &[usize]| Attribute::Integers(integers(values));
    let [top, left] = window.padding;
    to.emit(
        "Conv",
        &[x, kernel],
        &[
            ("kernel_shape", list(&window.kernel)),
            ("strides", list(&window.stride)),
            ("dilations", list(&window.dilation)),
            ("pads", list(&[top, left, top, left])),
            ("group", Attribute::Integer(groups as i64)),
        ],
    )
}

fn transpose(to: &mut Lowering<'_>, x: &str, order: &[usize]) -> String {
    to.emit("Transpose", &[x], &[("perm", Attribute::Integers(integers(order)))])
}

fn reduce(to: &mut Lowering<'_>, operator: &str, x: &str, axes: &[usize], keep: i64) -> String {
    let attributes = [("axes", Attribute::Integers(integers(axes))), ("keepdims", Attribute::Integer(keep))];
    to.emit(operator, &[x], &attributes)
}

fn integers(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&value| value as i64).collect()
}

#[cfg(test)]
mod tests {
    use onedge_graph::{Graph, ops::ALL};

    use super::*;
    use crate::of_graph;

    /// Every op has operators or is known to have none; what they compute is compared in `tools/reference/check_onnx.py`.
    #[test]
    fn every_op_is_written_or_refused_by_name() {
        for op in ALL.iter().filter(|op| op.name != "input") {
            for case in (op.cases)() {
                let mut graph = Graph::new();
                let inputs: Vec<NodeId> = case.inputs.iter().map(|(shape, _)| graph.input(shape.clone())).collect();
                let output = graph.apply(op, case.attributes, &inputs).unwrap();
                match of_graph(op.name, &graph, &inputs, output) {
                    Ok(bytes) => assert!(!WITHOUT.contains(&op.name) && bytes.len() > 50, "{}", op.name),
                    Err(error) => {
                        assert!(WITHOUT.contains(&op.name), "{}: {error}", op.name);
                        assert_eq!(error, Error::NoCounterpart { op: op.name });
                    }
                }
            }
        }
    }
}
