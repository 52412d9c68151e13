use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::preset::sizes;
use crate::layers::{Bias, Block, BlockSizes, Dense, Norm, Over, Sight};
use crate::{Error, Io, Model, Parameters, activations, inits};

/// A small language model.
pub static ENTRY: Entry<Build> = Entry {
    name: "nanolm",
    summary: "a causal transformer on tokens",
    doc: "Token embedding plus learned positions, transformer blocks with the norms first and causal attention, layer norm, and a \
          dense layer to the logits of the next token at every position. Sizes depth, width, heads, qkv (queries of all heads \
          together), mlp: `small` 4, 128, 4, 128, 512; `paper` 6, 256, 8, 32, 1024. Embedding and positions normal, with \
          deviation 0.02 or in `paper` 1 / sqrt(width), biases zero, no dropout. `paper` starts all tensors as Flax's layers do, in which the paper's \
          model is written. Context: that of the data.",
    settings: &[
        setting("preset", Kind::Text, Default::Is("small"), "sizes and first values: `small` or `paper`"),
        setting("depth", Kind::Integer, Default::Absent, "blocks; the preset's if absent"),
        setting("width", Kind::Integer, Default::Absent, "of a token; the preset's if absent"),
        setting("heads", Kind::Integer, Default::Absent, "attention heads, a divisor of qkv; the preset's if absent"),
        setting("qkv", Kind::Integer, Default::Absent, "queries of all heads together; the preset's if absent"),
        setting("mlp", Kind::Integer, Default::Absent, "hidden width of the dense layers; the preset's if absent"),
        setting("activation", Kind::Text, Default::Is("relu"), "within the dense layers"),
        setting("init", Kind::Text, FLAX, "first values of the weights"),
        setting("last_init", Kind::Text, FLAX, "first values of the last layer's weight"),
        setting(
            "embed_init",
            Kind::Text,
            Default::Presets(&[("paper", "lecun")]),
            "first values of tokens and positions, whose fan-in is the width; `gpt` if absent",
        ),
    ],
    build,
};

const FLAX: Default = Default::Presets(&[("small", "lecun"), ("paper", "lecun-truncated")]);

const KEYS: [&str; 5] = ["depth", "width", "heads", "qkv", "mlp"];
const PRESETS: &[(&str, [usize; 5])] = &[("small", [4, 128, 4, 128, 512]), ("paper", [6, 256, 8, 32, 1024])];

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let &[context] = io.input_shape() else {
        let (expected, got) = ("[context], the tokens of a text", io.input_shape().to_vec());
        return Err(Error::InputShape { model: ENTRY.name, expected, got });
    };
    let [depth, width, heads, inner, hidden] = sizes(settings, KEYS, PRESETS)?;
    let activation = activations::find(settings.text("activation"))?;
    let (init, last_init) = (inits::find(settings.text("init"))?, inits::find(settings.text("last_init"))?);

    let mut parameters = Parameters::new();
    let embed = inits::find(settings.optional_text("embed_init").unwrap_or("gpt"))?;
    // As Flax counts: a row is scaled like the weights of one output of so many inputs, to a length of about 1.
    let table = parameters.add("tokens".to_owned(), &[io.outputs(), width], embed(width, io.outputs()))?;
    let places = parameters.add("positions".to_owned(), &[context, width], embed(width, context))?;
    let mut blocks = Vec::new();
    for i in 0..depth {
        let sizes = BlockSizes { width, inner, heads, hidden };
        blocks.push(Block::new(&mut parameters, &format!("blocks.{i}"), sizes, Sight::Causal, activation, init)?);
    }
    let norm = Norm::new(&mut parameters, "norm", width, Over::Last)?;
    let last = last_init(width, io.outputs());
    let head = Dense::new(&mut parameters, "head", [width, io.outputs()], last, Bias::Zeros)?;
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let tokens = g.take(parameters[table], x)?;
        let places = g.broadcast(parameters[places], g.shape(tokens).clone(), &[0])?;
        let mut x = g.add(tokens, places)?;
        for block in &blocks {
            x = block.apply(g, parameters, x)?;
        }
        let x = norm.apply(g, parameters, x)?;
        head.apply(g, parameters, x)
    }))
}
