//! From the nodes of a graph to those of ONNX.

use std::collections::HashMap;

use onedge_graph::{Graph, Node, NodeId};

use crate::Error;
use crate::extents::Extent;
use crate::ops;
use crate::proto::{self, Attribute, Element, GraphParts};

/// A value in ONNX.
#[derive(Debug, Clone)]
pub struct Value {
    pub name: String,
    /// Its extents in ONNX: along some axes it may be 1, or lack the first ones, where the graph's value is broadcast. Elementwise
    /// operators broadcast by themselves, so that is done only where another operator needs it.
    pub extents: Vec<Extent>,
    pub element: Element,
}

/// A graph on the way to ONNX.
pub struct Lowering<'a> {
    graph: &'a Graph,
    extents: Vec<Vec<Extent>>,
    values: Vec<Option<Value>>,
    /// The values that were broadcast to their whole extents.
    whole: HashMap<NodeId, String>,
    constants: HashMap<(Vec<usize>, Vec<i64>), String>,
    shapes: HashMap<Vec<Extent>, String>,
    /// The name of the input whose first extent is the number of examples.
    batch: Option<String>,
    parts: GraphParts,
    names: usize,
}

impl<'a> Lowering<'a> {
    pub fn new(graph: &'a Graph, extents: Vec<Vec<Extent>>) -> Self {
        Self {
            graph,
            extents,
            values: vec![None; graph.nodes().len()],
            whole: HashMap::new(),
            constants: HashMap::new(),
            shapes: HashMap::new(),
            batch: None,
            parts: GraphParts::default(),
            names: 0,
        }
    }

    /// A parameter.
    pub fn initializer(&mut self, id: NodeId, name: &str, values: &[f32]) {
        self.parts.initializers.push(proto::floats(name, self.graph.shape(id), values));
        self.values[id.index()] =
            Some(Value { name: name.to_owned(), extents: self.extents_of(id), element: Element::Float });
    }

    /// A value from outside.
    pub fn input(&mut self, id: NodeId, name: &str, element: Element) {
        let extents = self.extents_of(id);
        self.parts.inputs.push(proto::value_info(name, element, &extents));
        if extents.first() == Some(&Extent::Batch(1)) {
            self.batch = Some(name.to_owned());
        }
        self.values[id.index()] = Some(Value { name: name.to_owned(), extents, element });
    }

    /// The value of an input as the model sees it: less the means, over the deviations, in double precision and rounded once.
    pub fn scaled(&mut self, id: NodeId, means: &[f64], deviations: &[f64]) {
        let value = self.value(id);
        let shape: Vec<usize> = self.graph.shape(id)[1..].to_vec();
        let constant = |this: &mut Self, values: &[f64]| {
            let name = this.name();
            this.parts.initializers.push(proto::doubles(&name, &shape, values));
            name
        };
        let (means, deviations) = (constant(self, means), constant(self, deviations));
        let wide = if value.element == Element::Double { value.name } else { self.cast(&value.name, Element::Double) };
        let centred = self.emit("Sub", &[&wide, &means], &[]);
        let scaled = self.emit("Div", &[&centred, &deviations], &[]);
        let name = self.cast(&scaled, Element::Float);
        self.values[id.index()] = Some(Value { name, extents: value.extents, element: Element::Float });
    }

    /// All nodes that `output` needs, which is called `name`.
    pub fn finish(mut self, output: NodeId, name: &str) -> Result<GraphParts, Error> {
        let needed = self.graph.needed_by(&[output]);
        for id in self.graph.ids() {
            if needed[id.index()] && self.values[id.index()].is_none() {
                let node = self.graph.node(id).clone();
                let value = ops::lower(&mut self, id, &node)?;
                self.values[id.index()] = Some(value);
            }
        }
        let whole = self.whole(output)?;
        self.parts.nodes.push(proto::node("Identity", &[&whole], name, &[]));
        self.parts.outputs.push(proto::value_info(name, Element::Float, &self.extents_of(output)));
        Ok(self.parts)
    }

    /// The extents of the graph's value.
    pub fn extents_of(&self, id: NodeId) -> Vec<Extent> {
        self.extents[id.index()].clone()
    }

    /// The value of an earlier node, which may have to be broadcast.
    pub fn value(&self, id: NodeId) -> Value {
        self.values[id.index()].clone().expect("nodes come after their inputs")
    }

    /// The name of a value with all of its extents.
    pub fn whole(&mut self, id: NodeId) -> Result<String, Error> {
        let (value, extents) = (self.value(id), self.extents_of(id));
        if value.extents == extents {
            return Ok(value.name);
        }
        if let Some(name) = self.whole.get(&id) {
            return Ok(name.clone());
        }
        let shape = self.shape(&extents, self.graph.node(id))?;
        let name = self.emit("Expand", &[&value.name, &shape], &[]);
        self.whole.insert(id, name.clone());
        Ok(name)
    }

    /// The same as whole numbers.
    pub fn indices(&mut self, id: NodeId) -> Result<String, Error> {
        let name = self.whole(id)?;
        match self.value(id).element {
            Element::Int64 => Ok(name),
            _ => Ok(self.cast(&name, Element::Int64)),
        }
    }

    /// A node of ONNX; the name of what it gives.
    pub fn emit(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let name = self.name();
        self.parts.nodes.push(proto::node(operator, inputs, &name, attributes));
        name
    }

    pub fn cast(&mut self, name: &str, to: Element) -> String {
        self.emit("Cast", &[name], &[("to", Attribute::Integer(to.code()))])
    }

    /// A constant of whole numbers.
    pub fn integers(&mut self, shape: &[usize], values: &[i64]) -> String {
        let key = (shape.to_vec(), values.to_vec());
        if let Some(name) = self.constants.get(&key) {
            return name.clone();
        }
        let name = self.name();
        self.parts.initializers.push(proto::integers(&name, shape, values));
        self.constants.insert(key, name.clone());
        name
    }

    /// A constant of numbers.
    pub fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = self.name();
        self.parts.initializers.push(proto::floats(&name, shape, values));
        name
    }

    pub fn number(&mut self, value: f64) -> String {
        self.floats(&[], &[value as f32])
    }

    /// Extents as a tensor, computed from the input where they depend on the number of examples; `node` needs them.
    pub fn shape(&mut self, extents: &[Extent], node: &Node) -> Result<String, Error> {
        let fixed: Vec<i64> = extents.iter().filter_map(|extent| fixed(*extent)).map(|extent| extent as i64).collect();
        if fixed.len() == extents.len() {
            return Ok(self.integers(&[fixed.len()], &fixed));
        }
        if let Some(name) = self.shapes.get(extents) {
            return Ok(name.clone());
        }
        let Some(input) = self.batch.clone() else {
            return Err(Error::Batch { op: node.op.name, got: "an input without examples".to_owned() });
        };
        let shape = self.emit("Shape", &[&input], &[]);
        let zero = self.integers(&[1], &[0]);
        let batch = self.emit("Gather", &[&shape, &zero], &[("axis", Attribute::Integer(0))]);
        let mut parts = Vec::new();
        for extent in extents {
            parts.push(match extent {
                Extent::Fixed(extent) => self.integers(&[1], &[*extent as i64]),
                Extent::Batch(1) => batch.clone(),
                Extent::Batch(times) => {
                    let times = self.integers(&[1], &[*times as i64]);
                    self.emit("Mul", &[&batch, &times], &[])
                }
            });
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let name = self.emit("Concat", &parts, &[("axis", Attribute::Integer(0))]);
        self.shapes.insert(extents.to_vec(), name.clone());
        Ok(name)
    }

    /// A tensor for `Reshape`, which finds one unknown extent by itself.
    pub fn new_shape(&mut self, extents: &[Extent], node: &Node) -> Result<String, Error> {
        let unknown = extents.iter().filter(|extent| fixed(**extent).is_none()).count();
        if unknown != 1 || extents.contains(&Extent::Fixed(0)) {
            return self.shape(extents, node);
        }
        let values: Vec<i64> = extents.iter().map(|extent| fixed(*extent).map_or(-1, |extent| extent as i64)).collect();
        Ok(self.integers(&[values.len()], &values))
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("onnx.{}", self.names)
    }
}

/// An extent that does not depend on the number of examples.
pub fn fixed(extent: Extent) -> Option<usize> {
    match extent {
        Extent::Fixed(extent) => Some(extent),
        Extent::Batch(_) => None,
    }
}

/// What elementwise operators make of values with these extents.
pub fn joined(values: &[Value]) -> Vec<Extent> {
    let rank = values.iter().map(|value| value.extents.len()).max().unwrap_or(0);
    let along = |from_end: usize| {
        let mut extents = values.iter().filter_map(|value| {
            let place = value.extents.len().checked_sub(from_end + 1)?;
            Some(value.extents[place])
        });
        let one = Extent::Fixed(1);
        extents.clone().find(|extent| *extent != one).or(extents.next()).unwrap_or(one)
    };
    (0..rank).rev().map(along).collect()
}
