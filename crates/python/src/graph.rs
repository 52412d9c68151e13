//! Graphs under construction.

use std::collections::HashMap;

use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Attributes, Graph as Inner, LossGraph, Margins, Matmul, NodeId, Op, Scan, Shape, Window, ops};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::argument;

/// A graph under construction. Its values are named by whole numbers, in the order in which they were made.
#[pyclass(module = "onedge._core")]
#[derive(Default)]
pub struct Graph {
    graph: Inner,
    ids: Vec<NodeId>,
}

#[pymethods]
impl Graph {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// A value given from outside.
    fn input(&mut self, shape: Vec<usize>) -> usize {
        let id = self.graph.input(Shape::new(&shape));
        self.keep(id)
    }

    /// The value of the op `name` of other values.
    #[pyo3(signature = (name, inputs, attributes=None))]
    fn op(&mut self, name: &str, inputs: Vec<usize>, attributes: Option<&Bound<'_, PyDict>>) -> PyResult<usize> {
        let op = ops::ALL.iter().find(|op| op.name == name);
        let op = op.ok_or_else(|| argument(format!("expected an op of onedge, got `{name}`")))?;
        let attributes = match attributes {
            Some(given) => read_attributes(op, given)?,
            None => Attributes::None,
        };
        let inputs = inputs.into_iter().map(|input| self.id(input)).collect::<PyResult<Vec<NodeId>>>()?;
        let id = self.graph.apply(op, attributes, &inputs).map_err(argument)?;
        Ok(self.keep(id))
    }

    /// The shape of a value.
    fn shape(&self, value: usize) -> PyResult<Vec<usize>> {
        Ok(self.graph.shape(self.id(value)?).to_vec())
    }

    fn __len__(&self) -> usize {
        self.graph.nodes().len()
    }

    /// A value by the plain evaluator in double precision, given those of the inputs, row-major: for tests.
    fn evaluate(&self, value: usize, inputs: HashMap<usize, Vec<f64>>) -> PyResult<Vec<f64>> {
        let mut given = HashMap::new();
        for (input, data) in inputs {
            let id = self.id(input)?;
            let shape = self.graph.shape(id).clone();
            if shape.size() != data.len() {
                return Err(argument(format!("input {input}: expected {} numbers, got {}", shape.size(), data.len())));
            }
            given.insert(id, Tensor::new(shape, data));
        }
        Ok(evaluate(&self.graph, &given, &[self.id(value)?]).remove(0).data)
    }
}

impl Graph {
    fn keep(&mut self, id: NodeId) -> usize {
        self.ids.push(id);
        self.ids.len() - 1
    }

    fn id(&self, value: usize) -> PyResult<NodeId> {
        let known = self.ids.get(value).copied();
        known.ok_or_else(|| {
            argument(format!("expected a value of this graph, of which there are {}, got {value}", self.ids.len()))
        })
    }

    /// The loss `losses` of these parameters and fields, and what it has of the model's `outputs`, if they are told.
    ///
    /// Outputs that the loss does not depend on the parameters through alone are refused: there is no Gauss-Newton matrix of them.
    pub fn loss(
        &self,
        parameters: &[usize],
        fields: &[usize],
        losses: usize,
        outputs: Option<usize>,
    ) -> PyResult<LossGraph> {
        let ids = |values: &[usize]| values.iter().map(|&value| self.id(value)).collect::<PyResult<Vec<NodeId>>>();
        let losses = self.id(losses)?;
        let outputs = outputs.map(|outputs| self.id(outputs)).transpose()?;
        let parameters = ids(parameters)?;
        if let Some(outputs) = outputs {
            onedge_graph::read_through(&self.graph, losses, outputs, &parameters).map_err(argument)?;
        }
        Ok(LossGraph {
            graph: self.graph.clone(),
            parameters,
            fields: ids(fields)?,
            outputs: outputs.unwrap_or(losses),
            losses,
            metrics: Vec::new(),
        })
    }
}

/// One attribute of an op.
fn get<'py, T: for<'a> FromPyObject<'a, 'py>>(op: &Op, given: &Bound<'py, PyDict>, key: &str) -> PyResult<T> {
    let value = given.get_item(key)?.ok_or_else(|| argument(format!("{}: expected the attribute `{key}`", op.name)))?;
    value.extract::<T>().map_err(|_| argument(format!("{}: the attribute `{key}` cannot be {value}", op.name)))
}

fn read_attributes(op: &Op, given: &Bound<'_, PyDict>) -> PyResult<Attributes> {
    let shape = |key| get::<Vec<usize>>(op, given, key).map(Shape::from);
    let number = |key| get::<f64>(op, given, key).map(f64::to_bits);
    Ok(match op.name {
        "scale" => Attributes::Scalar(number("factor")?),
        "power" => Attributes::Scalar(number("exponent")?),
        "constant" => Attributes::Filled(number("value")?, shape("shape")?),
        "reshape" => Attributes::Shape(shape("shape")?),
        "broadcast" => Attributes::Broadcast(shape("shape")?, get(op, given, "axes")?),
        "permute" | "sum" | "variance" | "reduce_max" | "first_largest" | "concat" => {
            Attributes::Axes(get(op, given, "axes")?)
        }
        "one_hot" => Attributes::Classes(get(op, given, "classes")?),
        "put_add" => Attributes::Rows(get(op, given, "rows")?),
        "iota" => Attributes::Along(shape("shape")?, get(op, given, "axis")?),
        "cumsum" => Attributes::Scan(Scan { axis: get(op, given, "axis")?, reverse: get(op, given, "reverse")? }),
        "matmul" => Attributes::Matmul(Matmul { left: get(op, given, "left")?, right: get(op, given, "right")? }),
        "pad" | "slice" => Attributes::Margins(Margins {
            before: get(op, given, "before")?,
            after: get(op, given, "after")?,
            fill: number("fill")?,
        }),
        "conv2d" | "conv2d_input" | "conv2d_weight" | "patches" | "fold" => Attributes::Window(Window {
            image: get(op, given, "image")?,
            kernel: get(op, given, "kernel")?,
            stride: get(op, given, "stride")?,
            padding: get(op, given, "padding")?,
            dilation: get(op, given, "dilation")?,
            groups: get(op, given, "groups")?,
        }),
        other => return Err(argument(format!("{other}: expected no attributes"))),
    })
}
