use onedge_graph::{Error as GraphError, Graph, NodeId, Shape};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::images::{Images, channels_last};
use super::preset::sizes;
use crate::layers::{Bias, Conv, Dense, FeedForward, Norm, Over};
use crate::{Error, Io, Model, Parameters, activations, inits};

/// MLP-Mixer.
pub static ENTRY: Entry<Build> = Entry {
    name: "mixer",
    summary: "MLP-Mixer: dense layers across patches and across channels in turns",
    doc: "Patches are embedded by a convolution; each block adds token mixing, x + mlp(norm(x)^T)^T, and channel mixing, \
          x + mlp(norm(x)); then layer norm, the mean over patches and a dense layer. Sizes patch, width, depth, token_mlp, \
          channel_mlp: `small` 4, 128, 4, 64, 512; `ti-8` 8, 192, 12, 96, 768 (the paper's). Source: Tolstikhin et al. 2021, \
          arXiv 2105.01601; weights start as there (lecun), biases at zero.",
    settings: &[
        setting("preset", Kind::Text, Default::Is("small"), "sizes: `small` or `ti-8`"),
        setting("patch", Kind::Integer, Default::Absent, "pixels on a side of a patch; the preset's if absent"),
        setting("width", Kind::Integer, Default::Absent, "channels of a patch; the preset's if absent"),
        setting("depth", Kind::Integer, Default::Absent, "blocks; the preset's if absent"),
        setting("token_mlp", Kind::Integer, Default::Absent, "hidden width across patches; the preset's if absent"),
        setting("channel_mlp", Kind::Integer, Default::Absent, "hidden width across channels; the preset's if absent"),
        setting("activation", Kind::Text, Default::Is("gelu"), "within the dense blocks"),
        setting("init", Kind::Text, Default::Is("lecun"), "first values of the weights"),
        setting("last_init", Kind::Text, Default::Is("lecun"), "first values of the last layer's weight"),
    ],
    build,
};

const KEYS: [&str; 5] = ["patch", "width", "depth", "token_mlp", "channel_mlp"];
const PRESETS: &[(&str, [usize; 5])] = &[("small", [4, 128, 4, 64, 512]), ("ti-8", [8, 192, 12, 96, 768])];

struct Block {
    token_norm: Norm,
    tokens: FeedForward,
    channel_norm: Norm,
    channels: FeedForward,
}

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let images = Images::of(io, ENTRY.name)?;
    let [patch, width, depth, token_mlp, channel_mlp] = sizes(settings, KEYS, PRESETS)?;
    let activation = activations::find(settings.text("activation"))?;
    let (init, last_init) = (inits::find(settings.text("init"))?, inits::find(settings.text("last_init"))?);

    let mut parameters = Parameters::new();
    let window = images.patches(ENTRY.name, patch)?;
    let embed = Conv::new(&mut parameters, "embed", [images.channels, width], window, init, Bias::Zeros)?;
    let patches = embed.output()[0] * embed.output()[1];
    let mut blocks = Vec::new();
    for i in 0..depth {
        let name = |part: &str| format!("blocks.{i}.{part}");
        blocks.push(Block {
            token_norm: Norm::new(&mut parameters, &name("token_norm"), width, Over::Last)?,
            tokens: FeedForward::new(&mut parameters, &name("tokens"), [patches, token_mlp], activation, init)?,
            channel_norm: Norm::new(&mut parameters, &name("channel_norm"), width, Over::Last)?,
            channels: FeedForward::new(&mut parameters, &name("channels"), [width, channel_mlp], activation, init)?,
        });
    }
    let norm = Norm::new(&mut parameters, "norm", width, Over::Last)?;
    let last = last_init(width, io.outputs());
    let head = Dense::new(&mut parameters, "head", [width, io.outputs()], last, Bias::Zeros)?;
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let images = channels_last(g, x)?;
        let embedded = embed.apply(g, parameters, images)?;
        let n = g.shape(embedded)[0];
        let mut x = g.reshape(embedded, Shape::new(&[n, patches, width]))?;
        for block in &blocks {
            x = block.apply(g, parameters, x)?;
        }
        let x = norm.apply(g, parameters, x)?;
        let mean = g.mean(x, &[1])?;
        head.apply(g, parameters, mean)
    }))
}

impl Block {
    fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, GraphError> {
        let normal = self.token_norm.apply(g, parameters, x)?;
        let turned = g.permute(normal, &[0, 2, 1])?;
        let mixed = self.tokens.apply(g, parameters, turned)?;
        let back = g.permute(mixed, &[0, 2, 1])?;
        let x = g.add(x, back)?;
        let normal = self.channel_norm.apply(g, parameters, x)?;
        let mixed = self.channels.apply(g, parameters, normal)?;
        g.add(x, mixed)
    }
}
