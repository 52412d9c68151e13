use onedge_graph::{Error as GraphError, Graph, NodeId, Window};
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use super::images::{Images, channels_last};
use crate::activations::Activation;
use crate::inits::Scheme;
use crate::layers::{Bias, Conv, Dense, Norm, Over};
use crate::{Error, Io, Model, Parameters, activations, inits};

/// Residual networks.
pub static ENTRY: Entry<Build> = Entry {
    name: "resnet",
    summary: "residual network of any depth, with or without normalisation",
    doc: "Stages of residual blocks, activation(norm(conv(activation(norm(conv(x))))) + x), the first block of every later stage at \
          half the resolution and twice the width, its shortcut a convolution of one pixel; then the mean over pixels and a \
          dense layer. `resnet20`: 3 stages of 3 blocks from 16 channels; `resnet34`: 3, 4, 6, 3 blocks from 64; `resnet50`: the same \
          with bottlenecks (1 x 1, 3 x 3, 1 x 1 to four times the width). `stem` `small`: one 3 x 3 convolution; `large`: 7 x 7 at \
          stride 2, then the largest of each 3 x 3 at stride 2. `norm`: `none` (the paper's resnet34), `layer` (the paper's \
          resnet50, over channels), `group` (8 groups). Convolutions have a bias where there is no norm. Batch norm is \
          left out: it would tie examples together. Source: He et al. 2015, arXiv 1512.03385.",
    settings: &[
        setting("preset", Kind::Text, Default::Is("resnet20"), "`resnet20`, `resnet34` or `resnet50`"),
        setting("norm", Kind::Text, Default::Is("group"), "`none`, `layer` or `group`"),
        setting("stem", Kind::Text, Default::Absent, "`small` or `large`; large from 64 pixels on if absent"),
        setting("blocks", Kind::Integers, Default::Absent, "blocks of each stage; the preset's if absent"),
        setting("width", Kind::Integer, Default::Absent, "channels of the first stage; the preset's if absent"),
        setting("activation", Kind::Text, Default::Is("relu"), "after each convolution"),
        setting("init", Kind::Text, Default::Is("he"), "first values of the convolutions' weights"),
        setting("last_init", Kind::Text, Default::Is("lecun"), "first values of the last layer's weight"),
    ],
    build,
};

/// Neighbouring channels share statistics in so many groups.
const GROUPS: usize = 8;

struct Preset {
    blocks: &'static [usize],
    width: usize,
    /// Output channels of a block over its inner ones; 1 without bottleneck.
    expansion: usize,
}

fn preset(settings: &Settings) -> Result<Preset, Error> {
    Ok(match settings.text("preset") {
        "resnet20" => Preset { blocks: &[3, 3, 3], width: 16, expansion: 1 },
        "resnet34" => Preset { blocks: &[3, 4, 6, 3], width: 64, expansion: 1 },
        "resnet50" => Preset { blocks: &[3, 4, 6, 3], width: 64, expansion: 4 },
        _ => return Err(settings.out_of_range("preset", "`resnet20`, `resnet34` or `resnet50`").into()),
    })
}

/// What all convolutions of a network have in common.
struct Style {
    norm: Option<Over>,
    activation: Activation,
    init: Scheme,
}

fn build(settings: &Settings, io: &Io) -> Result<Model, Error> {
    let images = Images::of(io, ENTRY.name)?;
    let preset = preset(settings)?;
    let width = match settings.optional_count("width")? {
        Some(0) => return Err(settings.out_of_range("width", "a whole number, 1 or more").into()),
        given => given.unwrap_or(preset.width),
    };
    let counts = match settings.optional_counts("blocks")? {
        Some(counts) if counts.is_empty() || counts.len() > 8 || counts.contains(&0) => {
            return Err(settings.out_of_range("blocks", "between 1 and 8 counts of at least 1").into());
        }
        given => given.unwrap_or_else(|| preset.blocks.to_vec()),
    };
    let style = Style {
        norm: match settings.text("norm") {
            "none" => None,
            "layer" => Some(Over::Last),
            "group" => Some(Over::Groups(GROUPS)),
            _ => return Err(settings.out_of_range("norm", "`none`, `layer` or `group`").into()),
        },
        activation: activations::find(settings.text("activation"))?,
        init: inits::find(settings.text("init"))?,
    };
    let large = match settings.optional_text("stem") {
        None => images.size.iter().all(|&side| side >= 64),
        Some("small") => false,
        Some("large") => true,
        Some(_) => return Err(settings.out_of_range("stem", "`small` or `large`").into()),
    };
    let last_init = inits::find(settings.text("last_init"))?;

    let mut parameters = Parameters::new();
    let stem = match large {
        true => Window::new(images.size, 7).padding(3).stride(2),
        false => Window::new(images.size, 3).padding(1),
    };
    let stem = Unit::new(&mut parameters, "stem", [images.channels, width], stem, &style)?;
    let mut size = stem.conv.output();
    let pool = large.then(|| Window::new(size, 3).padding(1).stride(2));
    if let Some(window) = pool {
        size = window.output().ok_or(Error::Window {
            name: "stem".to_owned(),
            window: Box::new(window),
            channels: [width; 2],
        })?;
    }
    let (mut blocks, mut channels) = (Vec::new(), width);
    for (stage, &count) in counts.iter().enumerate() {
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let inner = width << stage;
            let name = format!("stages.{stage}.{block}");
            let sizes = [channels, inner, inner * preset.expansion];
            let made = Residual::new(&mut parameters, &name, size, sizes, stride, &style)?;
            (size, channels) = (made.output(), inner * preset.expansion);
            blocks.push(made);
        }
    }
    let last = last_init(channels, io.outputs());
    let head = Dense::new(&mut parameters, "head", [channels, io.outputs()], last, Bias::Zeros)?;
    let activation = style.activation;
    Ok(Model::new(io, parameters, move |g, parameters, x| {
        let x = channels_last(g, x)?;
        let x = stem.apply(g, parameters, x)?;
        let mut x = activation(g, x)?;
        if let Some(window) = pool {
            x = largest(g, x, window)?;
        }
        for block in &blocks {
            x = block.apply(g, parameters, x, activation)?;
        }
        let mean = g.mean(x, &[1, 2])?;
        head.apply(g, parameters, mean)
    }))
}

/// The largest pixel under a window. After an activation the zeros of the padding are harmless where it is relu; for
/// others they count as pixels.
fn largest(g: &mut Graph, x: NodeId, window: Window) -> Result<NodeId, GraphError> {
    let patches = g.patches(x, window)?;
    g.reduce_max(patches, 3)
}

/// A convolution and its norm.
struct Unit {
    conv: Conv,
    norm: Option<Norm>,
}

impl Unit {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        channels: [usize; 2],
        window: Window,
        style: &Style,
    ) -> Result<Self, Error> {
        let bias = if style.norm.is_some() { Bias::None } else { Bias::Zeros };
        let conv = Conv::new(parameters, &format!("{name}.conv"), channels, window, style.init, bias)?;
        let norm = match style.norm {
            Some(over) => Some(Norm::new(parameters, &format!("{name}.norm"), channels[1], over)?),
            None => None,
        };
        Ok(Self { conv, norm })
    }

    fn apply(&self, g: &mut Graph, parameters: &[NodeId], x: NodeId) -> Result<NodeId, GraphError> {
        let y = self.conv.apply(g, parameters, x)?;
        match &self.norm {
            Some(norm) => norm.apply(g, parameters, y),
            None => Ok(y),
        }
    }
}

/// A residual block: two units, or three with a bottleneck, and the shortcut's where sizes differ.
struct Residual {
    units: Vec<Unit>,
    shortcut: Option<Unit>,
}

impl Residual {
    /// `sizes`: channels that come in, of the inner convolutions, that go out.
    fn new(
        parameters: &mut Parameters,
        name: &str,
        size: [usize; 2],
        [inputs, inner, outputs]: [usize; 3],
        stride: usize,
        style: &Style,
    ) -> Result<Self, Error> {
        let mut unit = |part: &str, channels: [usize; 2], window: Window| {
            Unit::new(parameters, &format!("{name}.{part}"), channels, window, style)
        };
        let three = |size: [usize; 2]| Window::new(size, 3).padding(1);
        let units = if inner == outputs {
            let first = unit("0", [inputs, inner], three(size).stride(stride))?;
            let second = unit("1", [inner, outputs], three(first.conv.output()))?;
            vec![first, second]
        } else {
            let first = unit("0", [inputs, inner], Window::new(size, 1))?;
            let second = unit("1", [inner, inner], three(size).stride(stride))?;
            let third = unit("2", [inner, outputs], Window::new(second.conv.output(), 1))?;
            vec![first, second, third]
        };
        let same = stride == 1 && inputs == outputs;
        let shortcut = match same {
            true => None,
            false => Some(unit("shortcut", [inputs, outputs], Window::new(size, 1).stride(stride))?),
        };
        Ok(Self { units, shortcut })
    }

    fn output(&self) -> [usize; 2] {
        self.units[self.units.len() - 1].conv.output()
    }

    fn apply(
        &self,
        g: &mut Graph,
        parameters: &[NodeId],
        x: NodeId,
        activation: Activation,
    ) -> Result<NodeId, GraphError> {
        let mut y = x;
        for (i, unit) in self.units.iter().enumerate() {
            if i > 0 {
                y = activation(g, y)?;
            }
            y = unit.apply(g, parameters, y)?;
        }
        let straight = match &self.shortcut {
            Some(unit) => unit.apply(g, parameters, x)?,
            None => x,
        };
        let sum = g.add(y, straight)?;
        activation(g, sum)
    }
}
