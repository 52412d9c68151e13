use onedge_graph::{Graph, NodeId, Shape};
use onedge_nn::Model;

use crate::Error;
use crate::extents::{self, Extent};
use crate::lower::Lowering;
use crate::proto::{self, Element};

/// What the input of a model is called.
pub const INPUT: &str = "input";

/// What the output of a model is called.
pub const OUTPUT: &str = "output";

/// What is done to the inputs of an example before the model sees them: `(x - mean) / deviation`, in double precision and
/// rounded once.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// What is subtracted from each.
    pub means: Vec<f64>,
    /// What each is divided by then.
    pub deviations: Vec<f64>,
    /// Whether the file's input is in double precision, as some numbers lose too much in single.
    pub double: bool,
}

/// The most bytes of parameters: a message of protocol buffers ends at 2 GB, and the graph needs some, too.
const LIMIT: usize = (1 << 31) - (1 << 26);

/// A model with the parameters `w`, and what is done to its inputs before, as the bytes of an ONNX file of opset 17, in single precision.
///
/// Its input `input` is `[batch, ..]`, its output `output` `[batch, outputs]` (of a language model for each place of an example), for any number of examples.
/// Inputs that are tokens are whole numbers (`int64`). Parameters keep their names.
///
/// # Errors
/// [`Error::NoCounterpart`], [`Error::Batch`], [`Error::Parameters`], [`Error::Scaling`], [`Error::TooLarge`].
pub fn of_model(
    name: &str,
    model: &Model,
    w: &[f32],
    scaling: Option<&Scaling>,
    metadata: &[(String, String)],
) -> Result<Vec<u8>, Error> {
    let features = model.io().features();
    if let Some(got) = scaling.map(|scaling| [scaling.means.len(), scaling.deviations.len()])
        && got != [features; 2]
    {
        return Err(Error::Scaling { expected: features, got });
    }
    if w.len() != model.dim() {
        return Err(Error::Parameters { expected: model.dim(), got: w.len() });
    }
    if size_of_val(w) > LIMIT {
        return Err(Error::TooLarge { bytes: size_of_val(w) });
    }
    let build = |batch: usize| {
        let mut graph = Graph::new();
        let parameters: Vec<NodeId> = model.parameters().iter().map(|p| graph.input(p.shape.clone())).collect();
        let input = graph.input(Shape::new(&[&[batch], model.io().input_shape()].concat()));
        let output = model.outputs(&mut graph, &parameters, input)?;
        Ok::<_, Error>((graph, parameters, input, output))
    };
    let (graph, parameters, input, output) = build(2)?;
    let extents = extents::compare(&graph, &build(3)?.0)?;
    if !matches!(extents[output.index()].first(), Some(Extent::Batch(_))) {
        let got = format!("{:?} for two examples", graph.shape(output));
        return Err(Error::Batch { op: "the output", got });
    }
    let mut lowering = Lowering::new(&graph, extents);
    let mut start = 0;
    for (parameter, &id) in model.parameters().iter().zip(&parameters) {
        let size = parameter.shape.size();
        lowering.initializer(id, &parameter.name, &w[start..start + size]);
        start += size;
    }
    let element = match scaling {
        Some(Scaling { double: true, .. }) => Element::Double,
        Some(_) => Element::Float,
        None => element_of(&graph, input, output),
    };
    lowering.input(input, INPUT, element);
    if let Some(Scaling { means, deviations, .. }) = scaling {
        lowering.scaled(input, means, deviations);
    }
    let parts = lowering.finish(output, OUTPUT)?;
    Ok(proto::model(name, &parts, metadata).into_bytes())
}

/// One value of a graph of fixed sizes as the bytes of an ONNX file: `inputs` are called `input_0`, `input_1` and so on.
///
/// # Errors
/// [`Error::NoCounterpart`].
pub fn of_graph(name: &str, graph: &Graph, inputs: &[NodeId], output: NodeId) -> Result<Vec<u8>, Error> {
    graph.require("onnx", inputs.iter().chain([&output]).copied())?;
    let mut lowering = Lowering::new(graph, extents::fixed(graph));
    for (place, &id) in inputs.iter().enumerate() {
        lowering.input(id, &format!("input_{place}"), Element::Float);
    }
    let parts = lowering.finish(output, OUTPUT)?;
    Ok(proto::model(name, &parts, &[]).into_bytes())
}

/// Whole numbers if the input is read as indices alone, as tokens are.
fn element_of(graph: &Graph, input: NodeId, output: NodeId) -> Element {
    let needed = graph.needed_by(&[output]);
    let mut uses = graph.nodes().iter().zip(&needed).filter(|(_, needed)| **needed).flat_map(|(node, _)| {
        let reads = node.inputs.iter().zip(node.op.arguments).filter(|(id, _)| **id == input);
        reads.map(|(_, argument)| matches!(argument, onedge_graph::Argument::Index(_)))
    });
    let mut any = false;
    let all = uses.all(|index| {
        any = true;
        index
    });
    if any && all && input != output { Element::Int64 } else { Element::Float }
}

#[cfg(test)]
mod tests {
    use onedge_nn::{Init, Io, Parameters};

    use super::*;

    fn model(forward: fn(&mut Graph, NodeId, NodeId) -> Result<NodeId, onedge_graph::Error>) -> Model {
        let mut parameters = Parameters::new();
        let place = parameters.add("w".to_owned(), &[3, 2], Init::Zeros).unwrap();
        Model::new(&Io::new(&[3], 2).unwrap(), parameters, move |g, parameters, x| forward(g, parameters[place], x))
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let product = model(|g, w, x| g.matmul(x, w));
        assert_eq!(
            of_model("m", &product, &[0.0; 5], None, &[]).unwrap_err().to_string(),
            "onnx: 5 parameters, expected 6; try those of this model"
        );
        let mut graph = Graph::new();
        let (values, rows) = (graph.input(Shape::new(&[3, 2])), graph.input(Shape::new(&[3])));
        let scattered = graph.put_add(values, rows, 4).unwrap();
        assert_eq!(
            of_graph("m", &graph, &[values, rows], scattered).unwrap_err().to_string(),
            "onnx: the op `put_add` has no counterpart, expected one of forward passes, got it in the model; try a model \
             without it"
        );
        let short = Scaling { means: vec![0.0; 3], deviations: vec![1.0; 2], double: false };
        assert_eq!(
            of_model("m", &product, &[0.0; 6], Some(&short), &[]).unwrap_err().to_string(),
            "onnx: 3 means and 2 deviations, expected 3 of each; try those of this model's inputs"
        );
        let mean = model(|g, w, x| {
            let y = g.matmul(x, w)?;
            let examples = g.shape(y)[0];
            g.scale(y, 1.0 / examples as f64)
        });
        let error = of_model("m", &mean, &[0.0; 6], None, &[]).unwrap_err().to_string();
        assert!(error.starts_with("onnx: `scale` depends on the number of examples"), "{error}");
    }

    /// The parts of the file that name things can be read in its bytes.
    #[test]
    fn a_file_names_its_parts() {
        let scaling = Scaling { means: vec![0.5; 3], deviations: vec![2.0; 3], double: false };
        let metadata = [("a".to_owned(), "b".to_owned())];
        let bytes = of_model("m", &model(|g, w, x| g.matmul(x, w)), &[1.5; 6], Some(&scaling), &metadata);
        let bytes = bytes.unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(has(b"MatMul") && has(b"\x01w") && has(b"\x05input") && has(b"\x06output") && has(b"\x05batch"));
        assert!(has(&[0, 0, 0xc0, 0x3f].repeat(6)));
        // 0.5 and 2 in double precision.
        assert!(has(&[0, 0, 0, 0, 0, 0, 0xe0, 0x3f].repeat(3)) && has(&[0, 0, 0, 0, 0, 0, 0, 0x40].repeat(3)));
        // IR version 8, then the producer.
        assert_eq!(bytes[..10], *b"\x08\x08\x12\x06onedge");
    }
}
