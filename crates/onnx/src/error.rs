/// Why a model has no ONNX file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An op that ONNX has no operator for.
    #[error(
        "onnx: the op `{op}` has no counterpart, expected one of forward passes, got it in the model; try a model without it"
    )]
    NoCounterpart {
        /// Its name.
        op: &'static str,
    },
    /// A value whose size is no multiple of the batch size, or an op that depends on it in another way.
    #[error(
        "onnx: `{op}` depends on the number of examples, expected an extent that is a multiple of it, got {got}; try a model that treats each example alike"
    )]
    Batch {
        /// The op.
        op: &'static str,
        /// What its size or its attributes are for two and for three examples.
        got: String,
    },
    /// Another number of parameters than the model has.
    #[error("onnx: {got} parameters, expected {expected}; try those of this model")]
    Parameters {
        /// What the model has.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// Another scaling than of the model's inputs.
    #[error("onnx: {} means and {} deviations, expected {expected} of each; try those of this model's inputs", got[0], got[1])]
    Scaling {
        /// The inputs of an example.
        expected: usize,
        /// The means and the deviations.
        got: [usize; 2],
    },
    /// More than a file of protocol buffers may hold.
    #[error(
        "onnx: {bytes} bytes of parameters, expected less than 2 GB, as an ONNX file may have; try a smaller model"
    )]
    TooLarge {
        /// The parameters' bytes.
        bytes: usize,
    },
    /// The model cannot be built.
    #[error(transparent)]
    Graph(#[from] onedge_graph::Error),
}
