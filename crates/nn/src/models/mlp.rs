use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::flatten::flatten;
use crate::layers::{Bias, Dense};
use crate::{Error, Io, Model, Parameters, activations, inits};

/// A multilayer perceptron.
pub static ENTRY: Entry<Build> = Entry {
    name: "mlp",
    summary: "dense hidden layers of any widths and one activation",
    doc: "h_0 = the flattened input, h_l = activation(h_(l-1) W_l + b_l), outputs = h_(L-1) W_L + b_L; biases start at \
          zero. Parameters: `layers.0.weight` [in, out], `layers.0.bias` [out], `layers.1.weight` and so on. In the \
          paper: 256-256-256 (figure 15) and 1024 (figure 16), both relu.",
    settings: &[
        setting("hidden", Kind::Integers, Default::Is("[256, 256]"), "widths of the hidden layers, input side first"),
        setting("activation", Kind::Text, Default::Is("relu"), "what follows each hidden layer"),
        setting("bias", Kind::Flag, Default::Is("true"), "whether layers have a bias"),
        setting("init", Kind::Text, Default::Is("he"), "first values of the hidden layers' weights"),
        setting("last_init", Kind::Text, Default::Is("lecun"), "first values of the last layer's weight"),
    ],
    build,
};

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let hidden = settings.counts("hidden")?;
    if hidden.contains(&0) {
        return Err(settings.out_of_range("hidden", "widths of at least 1").into());
    }
    let activation = activations::find(settings.text("activation"))?;
    let bias = if settings.flag("bias") { Bias::Zeros } else { Bias::None };
    let (init, last_init) = (inits::find(settings.text("init"))?, inits::find(settings.text("last_init"))?);

    let widths = [&[io.features()], &hidden[..], &[io.outputs()]].concat();
    let mut parameters = Parameters::new();
    let mut layers = Vec::new();
    for (i, pair) in widths.windows(2).enumerate() {
        let scheme = if i == hidden.len() { last_init } else { init };
        let (inputs, outputs) = (pair[0], pair[1]);
        let name = format!("layers.{i}");
        layers.push(Dense::new(&mut parameters, &name, [inputs, outputs], scheme(inputs, outputs), bias)?);
    }
    let features = io.features();
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let mut h = flatten(g, x, features)?;
        for (i, layer) in layers.iter().enumerate() {
            if i > 0 {
                h = activation(g, h)?;
            }
            h = layer.apply(g, parameters, h)?;
        }
        Ok(h)
    }))
}
