use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::flatten::flatten;
use crate::layers::{Bias, Dense};
use crate::{Error, Io, Model, Parameters, inits};

/// A linear model.
pub static ENTRY: Entry<Build> = Entry {
    name: "linear",
    summary: "one dense layer: logistic or linear regression",
    doc: "outputs = x W + b, with x the flattened input; the bias starts at zero. With the usual losses a convex problem. \
          Parameters: `layers.0.weight` [in, out], `layers.0.bias` [out].",
    settings: &[
        setting("bias", Kind::Flag, Default::Is("true"), "whether there is a bias"),
        setting("init", Kind::Text, Default::Is("lecun"), "first values of the weight"),
    ],
    build,
};

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let (features, outputs) = (io.features(), io.outputs());
    let bias = if settings.flag("bias") { Bias::Zeros } else { Bias::None };
    let init = inits::find(settings.text("init"))?(features, outputs);
    let mut parameters = Parameters::new();
    let layer = Dense::new(&mut parameters, "layers.0", [features, outputs], init, bias)?;
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let flat = flatten(g, x, features)?;
        layer.apply(g, parameters, flat)
    }))
}
