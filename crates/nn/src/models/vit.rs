use onedge_graph::Shape;
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::images::{Images, channels_last};
use super::preset::sizes;
use crate::layers::{Bias, Block, BlockSizes, Conv, Dense, Norm, Over, Sight};
use crate::{Error, Init, Io, Model, Parameters, activations, inits};

/// Vision transformer.
pub static ENTRY: Entry<Build> = Entry {
    name: "vit",
    summary: "vision transformer on patches, with a class token",
    doc: "Patches are embedded by a convolution, a class token is put before them and learned positions are added; then \
          transformer blocks with the norms first, layer norm, and a dense layer on the class token. Sizes patch, width, \
          depth, heads, mlp: `small` 4, 128, 4, 4, 512; `ti-32` 32, 192, 12, 3, 768 (the paper's). Class token zero, positions \
          normal with deviation 0.02, biases zero. Source: Dosovitskiy et al. 2020, arXiv 2010.11929.",
    settings: &[
        setting("preset", Kind::Text, Default::Is("small"), "sizes: `small` or `ti-32`"),
        setting("patch", Kind::Integer, Default::Absent, "pixels on a side of a patch; the preset's if absent"),
        setting("width", Kind::Integer, Default::Absent, "channels of a patch; the preset's if absent"),
        setting("depth", Kind::Integer, Default::Absent, "blocks; the preset's if absent"),
        setting(
            "heads",
            Kind::Integer,
            Default::Absent,
            "attention heads, a divisor of the width; the preset's if absent",
        ),
        setting("mlp", Kind::Integer, Default::Absent, "hidden width of the dense layers; the preset's if absent"),
        setting("activation", Kind::Text, Default::Is("gelu"), "within the dense layers"),
        setting("init", Kind::Text, Default::Is("glorot"), "first values of the weights"),
        setting(
            "embed_init",
            Kind::Text,
            Default::Absent,
            "first values of the patches' convolution; those of `init` if absent",
        ),
        setting("last_init", Kind::Text, Default::Is("lecun"), "first values of the last layer's weight"),
    ],
    build,
};

const KEYS: [&str; 5] = ["patch", "width", "depth", "heads", "mlp"];
const PRESETS: &[(&str, [usize; 5])] = &[("small", [4, 128, 4, 4, 512]), ("ti-32", [32, 192, 12, 3, 768])];

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let images = Images::of(io, ENTRY.name)?;
    let [patch, width, depth, heads, hidden] = sizes(settings, KEYS, PRESETS)?;
    let activation = activations::find(settings.text("activation"))?;
    let (init, last_init) = (inits::find(settings.text("init"))?, inits::find(settings.text("last_init"))?);

    let embed_init = settings.optional_text("embed_init").map_or(Ok(init), inits::find)?;

    let mut parameters = Parameters::new();
    let window = images.patches(ENTRY.name, patch)?;
    let embed = Conv::new(&mut parameters, "embed", [images.channels, width], window, embed_init, Bias::Zeros)?;
    let patches = embed.output()[0] * embed.output()[1];
    let class = parameters.add("class".to_owned(), &[width], Init::Zeros)?;
    let places = parameters.add("positions".to_owned(), &[patches + 1, width], Init::Normal { std: 0.02 })?;
    let mut blocks = Vec::new();
    for i in 0..depth {
        let sizes = BlockSizes { width, inner: width, heads, hidden };
        blocks.push(Block::new(&mut parameters, &format!("blocks.{i}"), sizes, Sight::Full, activation, init)?);
    }
    let norm = Norm::new(&mut parameters, "norm", width, Over::Last)?;
    let last = last_init(width, io.outputs());
    let head = Dense::new(&mut parameters, "head", [width, io.outputs()], last, Bias::Zeros)?;
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let images = channels_last(g, x)?;
        let embedded = embed.apply(g, parameters, images)?;
        let n = g.shape(embedded)[0];
        let tokens = g.reshape(embedded, Shape::new(&[n, patches, width]))?;
        let class = g.broadcast(parameters[class], Shape::new(&[n, 1, width]), &[0, 1])?;
        let tokens = g.concat(class, tokens, 1)?;
        let places = g.broadcast(parameters[places], g.shape(tokens).clone(), &[0])?;
        let mut x = g.add(tokens, places)?;
        for block in &blocks {
            x = block.apply(g, parameters, x)?;
        }
        // Only the class token goes on: the norm is by position, so it may come after.
        let first = g.slice_axis(x, 1, 0, 1)?;
        let first = g.reshape(first, Shape::new(&[n, width]))?;
        let normal = norm.apply(g, parameters, first)?;
        head.apply(g, parameters, normal)
    }))
}
