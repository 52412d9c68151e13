use onedge_graph::Window;
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::flatten::flatten;
use super::images::{Images, channels_last};
use crate::layers::{Bias, Conv, Dense};
use crate::{Error, Io, Model, Parameters, activations, inits};

/// A plain convolutional network.
pub static ENTRY: Entry<Build> = Entry {
    name: "convnet",
    summary: "convolutions with an activation each, every one after the first at half the resolution",
    doc: "x_l = activation(conv(x_(l-1)) + b_l), windows 3 x 3 (setting `kernel`) padded to keep the size; the first at \
          stride 1, the others at stride 2; then a dense layer on all pixels, or on their mean if `pool`. Biases start at zero. \
          Parameters: `convs.0.weight` [kernel, kernel, in, out], `convs.0.bias`, ..., `head.weight`, `head.bias`.",
    settings: &[
        setting("channels", Kind::Integers, Default::Is("[32, 64, 128]"), "of each convolution, input side first"),
        setting("kernel", Kind::Integer, Default::Is("3"), "height and width of the windows, odd"),
        setting("activation", Kind::Text, Default::Is("gelu"), "what follows each convolution"),
        setting("pool", Kind::Flag, Default::Is("false"), "take the mean over pixels before the dense layer"),
        setting("init", Kind::Text, Default::Is("he"), "first values of the convolutions' weights"),
        setting("last_init", Kind::Text, Default::Is("lecun"), "first values of the last layer's weight"),
    ],
    build,
};

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let images = Images::of(io, ENTRY.name)?;
    let channels = settings.counts("channels")?;
    if channels.is_empty() || channels.contains(&0) {
        return Err(settings.out_of_range("channels", "at least one width of at least 1").into());
    }
    let kernel = settings.count("kernel")?;
    if kernel.is_multiple_of(2) {
        return Err(settings.out_of_range("kernel", "an odd whole number").into());
    }
    let activation = activations::find(settings.text("activation"))?;
    let (init, last_init) = (inits::find(settings.text("init"))?, inits::find(settings.text("last_init"))?);
    let pool = settings.flag("pool");

    let mut parameters = Parameters::new();
    let (mut convs, mut size, mut inputs) = (Vec::<Conv>::new(), images.size, images.channels);
    for (i, &outputs) in channels.iter().enumerate() {
        let window = Window::new(size, kernel).padding(kernel / 2).stride(if i == 0 { 1 } else { 2 });
        let conv = Conv::new(&mut parameters, &format!("convs.{i}"), [inputs, outputs], window, init, Bias::Zeros)?;
        (size, inputs) = (conv.output(), outputs);
        convs.push(conv);
    }
    let features = if pool { inputs } else { inputs * size[0] * size[1] };
    let last = last_init(features, io.outputs());
    let head = Dense::new(&mut parameters, "head", [features, io.outputs()], last, Bias::Zeros)?;
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let mut h = channels_last(g, x)?;
        for conv in &convs {
            h = conv.apply(g, parameters, h)?;
            h = activation(g, h)?;
        }
        let flat = if pool { g.mean(h, &[1, 2])? } else { flatten(g, h, features)? };
        head.apply(g, parameters, flat)
    }))
}
