use onedge_graph::{Shape, Window};

use crate::{Range, Target};

/// What can be wrong with a model, a loss or the two together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An unknown name or a setting out of its range.
    #[error(transparent)]
    Setting(#[from] onedge_registry::Error),
    /// Shapes that do not fit.
    #[error(transparent)]
    Graph(#[from] onedge_graph::Error),
    /// A mistake in a description of a model, with the place of the call that made it.
    #[error("{place}: {source}")]
    At {
        /// File, line and column.
        place: String,
        /// The mistake.
        source: Box<Error>,
    },
    /// Examples without features, or more of them than can be addressed.
    #[error("model: unusable input shape, expected between 1 and {limit} features, got {got:?}; try other data")]
    Input {
        /// The largest number of features.
        limit: usize,
        /// The shape of one example.
        got: Vec<usize>,
    },
    /// A model without outputs.
    #[error("model: nothing to predict, expected at least one output, got 0; try other data")]
    NoOutputs,
    /// More parameters than are supported.
    #[error("{name}: too large, expected at most {limit} parameters in all, got shape {got:?}; try smaller widths")]
    TooManyParameters {
        /// The parameter that passes the limit.
        name: String,
        /// The largest number of elements of all parameters together.
        limit: usize,
        /// Its shape.
        got: Vec<usize>,
    },
    /// Two parameters of one name.
    #[error("{name}: expected another name, got one that an earlier parameter has; try numbering them")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A chunk without examples, or too large to be addressed.
    #[error("loss graph: unusable chunk, expected between 1 and {limit} examples, got {got}; try another batch size")]
    Chunk {
        /// The largest number of examples.
        limit: usize,
        /// The number asked for.
        got: usize,
    },
    /// A loss that does not suit its targets or the model.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// Examples that a model does not take.
    #[error("{model}: expected examples of shape {expected}, got {got:?}; try other data or another model")]
    InputShape {
        /// The model.
        model: &'static str,
        /// What it takes.
        expected: &'static str,
        /// The shape of one example.
        got: Vec<usize>,
    },
    /// A window that does not fit its images, or groups that do not divide the channels.
    #[error(
        "{name}: expected a window that fits images of {} x {} and groups that divide {channels:?} channels, got {window:?}; \
         try larger images or a smaller model",
        window.image[0],
        window.image[1]
    )]
    Window {
        /// The layer.
        name: String,
        /// The window.
        window: Box<Window>,
        /// Channels before and after.
        channels: [usize; 2],
    },
    /// Groups of a normalisation that do not divide its width.
    #[error(
        "{name}: expected a number of groups that divides {width} channels, got {groups}; try another width or norm"
    )]
    Groups {
        /// The layer.
        name: String,
        /// The groups.
        groups: usize,
        /// The channels.
        width: usize,
    },
    /// Heads that do not divide the width of an attention layer.
    #[error(
        "{name}: expected a number of heads that divides the width {width}, got {heads}; try another number of heads"
    )]
    Heads {
        /// The layer.
        name: String,
        /// The heads.
        heads: usize,
        /// Queries of all heads together.
        width: usize,
    },
    /// Patches that do not tile the images.
    #[error("{model}: expected a patch that divides images of {height} x {width}, got {patch}; try another patch size")]
    Patch {
        /// The model.
        model: &'static str,
        /// Height of the images.
        height: usize,
        /// Width of the images.
        width: usize,
        /// The patch.
        patch: usize,
    },
}

/// What can be wrong between a loss, its targets and the outputs of a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LossError {
    /// Targets of a kind that the loss does not take.
    #[error("{loss}: expected {expected} as targets, got {got}; try the loss `{instead}`")]
    TargetKind {
        /// The loss.
        loss: &'static str,
        /// The kind that it takes.
        expected: &'static str,
        /// The targets.
        got: Target,
        /// A loss that takes them.
        instead: &'static str,
    },
    /// A real target that the loss does not take.
    #[error(
        "{loss}: target {output} of example {example}: expected {expected}, got {got}; try other targets or another loss"
    )]
    TargetValue {
        /// The loss.
        loss: &'static str,
        /// The example, from 0.
        example: usize,
        /// Its output, from 0.
        output: usize,
        /// What it takes.
        expected: Range,
        /// The target.
        got: f64,
    },
    /// Too many or too few weights.
    #[error("{setting}: expected one weight for each of {target}, got {got}; try a list of {} numbers or `balanced`", target.outputs())]
    WeightCount {
        /// The setting, with the loss.
        setting: String,
        /// The targets.
        target: Target,
        /// The weights given.
        got: usize,
    },
    /// Balanced weights of classes without examples.
    #[error(
        "{setting}: expected training examples of {} to balance, got {}; try a list of weights",
        if *both { "both classes" } else { "every class" },
        if *both { format!("one alone in output {class}") } else { format!("none of class {class}") }
    )]
    Unbalanced {
        /// The setting, with the loss.
        setting: String,
        /// The class, or the output that has two.
        class: usize,
        /// Whether each output has two classes.
        both: bool,
    },
    /// Balanced weights before there are targets to balance.
    #[error("{setting}: expected the training targets before the graph, got none; try calling `Loss::balanced` first")]
    NotBalanced {
        /// The setting, with the loss.
        setting: String,
    },
    /// A model with too many or too few outputs for its targets.
    #[error(
        "loss graph: expected one output of the model for each of {target}, got shape {got}; try {}",
        match target {
            Target::Tokens { .. } => "a model of tokens, as nanolm".to_owned(),
            _ => format!("a model with {} outputs", target.outputs()),
        }
    )]
    Outputs {
        /// The targets.
        target: Target,
        /// The shape of the outputs for a chunk.
        got: Shape,
    },
}

impl Error {
    /// The same, made at `place`.
    pub(crate) fn at(self, place: &std::panic::Location) -> Self {
        Self::At { place: place.to_string(), source: Box::new(self) }
    }
}
