//! The messages of ONNX: field numbers are those of `onnx.proto3`, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>.

use onedge_protobuf::Message;

use crate::extents::Extent;

/// The version of the format, and of the operators: that of ONNX 1.12, of 2022.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    Float,
    Int64,
    Bool,
    Double,
}

impl Element {
    pub fn code(self) -> i64 {
        match self {
            Self::Float => 1,
            Self::Int64 => 7,
            Self::Bool => 9,
            Self::Double => 11,
        }
    }
}

/// An attribute of a node.
#[derive(Debug, Clone)]
pub enum Attribute {
    Integer(i64),
    Integers(Vec<i64>),
}

/// `AttributeProto`
fn attribute(name: &str, value: &Attribute) -> Message {
    let mut message = Message::new();
    message.bytes(1, name.as_bytes());
    match value {
        Attribute::Integer(value) => {
            message.integer(3, *value);
            message.integer(20, 2);
        }
        Attribute::Integers(values) => {
            values.iter().for_each(|&value| message.integer(8, value));
            message.integer(20, 7);
        }
    }
    message
}

/// `NodeProto`
pub fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) -> Message {
    let mut message = Message::new();
    inputs.iter().for_each(|input| message.bytes(1, input.as_bytes()));
    message.bytes(2, output.as_bytes());
    message.bytes(3, output.as_bytes());
    message.bytes(4, operator.as_bytes());
    attributes.iter().for_each(|(name, value)| message.message(5, &attribute(name, value)));
    message
}

/// `TensorProto`
pub fn floats(name: &str, shape: &[usize], values: &[f32]) -> Message {
    tensor(name, shape, Element::Float, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// The same in double precision.
pub fn doubles(name: &str, shape: &[usize], values: &[f64]) -> Message {
    tensor(name, shape, Element::Double, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// The same of whole numbers.
pub fn integers(name: &str, shape: &[usize], values: &[i64]) -> Message {
    tensor(name, shape, Element::Int64, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn tensor(name: &str, shape: &[usize], element: Element, bytes: &[u8]) -> Message {
    let mut message = Message::new();
    shape.iter().for_each(|&extent| message.integer(1, extent as i64));
    message.integer(2, element.code());
    message.bytes(8, name.as_bytes());
    message.bytes(9, bytes);
    message
}

/// `ValueInfoProto`
pub fn value_info(name: &str, element: Element, extents: &[Extent]) -> Message {
    let mut shape = Message::new();
    for extent in extents {
        let mut dimension = Message::new();
        match extent {
            Extent::Fixed(extent) => dimension.integer(1, *extent as i64),
            Extent::Batch(1) => dimension.bytes(2, b"batch"),
            Extent::Batch(times) => dimension.bytes(2, format!("{times} * batch").as_bytes()),
        }
        shape.message(1, &dimension);
    }
    let mut tensor = Message::new();
    tensor.integer(1, element.code());
    tensor.message(2, &shape);
    let mut kind = Message::new();
    kind.message(1, &tensor);
    let mut message = Message::new();
    message.bytes(1, name.as_bytes());
    message.message(2, &kind);
    message
}

/// What a `GraphProto` consists of.
#[derive(Debug, Default)]
pub struct GraphParts {
    pub nodes: Vec<Message>,
    pub initializers: Vec<Message>,
    pub inputs: Vec<Message>,
    pub outputs: Vec<Message>,
}

/// `ModelProto`
pub fn model(name: &str, parts: &GraphParts, metadata: &[(String, String)]) -> Message {
    let mut graph = Message::new();
    parts.nodes.iter().for_each(|node| graph.message(1, node));
    graph.bytes(2, name.as_bytes());
    parts.initializers.iter().for_each(|tensor| graph.message(5, tensor));
    parts.inputs.iter().for_each(|input| graph.message(11, input));
    parts.outputs.iter().for_each(|output| graph.message(12, output));
    let mut opset = Message::new();
    opset.bytes(1, b"");
    opset.integer(2, OPSET);
    let mut message = Message::new();
    message.integer(1, IR_VERSION);
    message.bytes(2, b"onedge");
    message.bytes(3, env!("CARGO_PKG_VERSION").as_bytes());
    message.message(7, &graph);
    message.message(8, &opset);
    for (key, value) in metadata {
        let mut entry = Message::new();
        entry.bytes(1, key.as_bytes());
        entry.bytes(2, value.as_bytes());
        message.message(14, &entry);
    }
    message
}
