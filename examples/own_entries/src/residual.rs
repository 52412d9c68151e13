//! A model: residual blocks with learned scales, written as a formula.

use onedge::nn::{Error, Init, Io, Model, models};
use onedge::registry::{Default, Entry, Kind, Settings, setting};

pub static ENTRY: Entry<models::Build> = Entry {
    name: "scaled-residual",
    summary: "dense residual blocks, each with a learned scale",
    doc: "h_0 = tanh(x W_0 + b_0), h_l = h_(l-1) + s_l tanh(h_(l-1) W_l + b_l), outputs h_L W + b. The scales s_l start at `scale`.",
    settings: &[
        setting("width", Kind::Integer, Default::Is("32"), "units of each block, 1 or more"),
        setting("blocks", Kind::Integer, Default::Is("2"), "how many blocks"),
        setting("scale", Kind::Number, Default::Is("0.5"), "what the scales are at first"),
    ],
    build,
};

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let (blocks, outputs) = (settings.count("blocks")?, io.outputs());
    let width = match settings.count("width")? {
        0 => return Err(settings.out_of_range("width", "1 or more").into()),
        width => width,
    };
    let scale = settings.number("scale");
    Model::build(io, move |layers, x| {
        let mut h = layers.dense(x, width).tanh();
        for block in 0..blocks {
            let s = layers.parameter(&format!("scales.{block}"), &[], Init::Constant(scale));
            h = h + s * layers.dense(h, width).tanh();
        }
        layers.dense(h, outputs)
    })
}
