//! What models of images share.

use onedge_graph::{Error as GraphError, Graph, NodeId, Window};

use crate::{Error, Io};

/// Images as a model sees them.
#[derive(Debug, Clone, Copy)]
pub struct Images {
    /// Channels.
    pub channels: usize,
    /// Height and width.
    pub size: [usize; 2],
}

impl Images {
    /// The images that `io` says the examples are.
    ///
    /// # Errors
    /// [`Error::InputShape`] if they are something else.
    pub fn of(io: &Io, model: &'static str) -> Result<Self, Error> {
        match *io.input_shape() {
            [channels, height, width] => Ok(Self { channels, size: [height, width] }),
            _ => {
                let (expected, got) = ("[channels, height, width]", io.input_shape().to_vec());
                Err(Error::InputShape { model, expected, got })
            }
        }
    }

    /// The window that cuts them into square patches side by side.
    ///
    /// # Errors
    /// [`Error::Patch`] if the patch does not divide height and width.
    pub fn patches(&self, model: &'static str, patch: usize) -> Result<Window, Error> {
        let window = Window { stride: [patch; 2], ..Window::new(self.size, patch) };
        let [height, width] = self.size;
        if patch > 0 && window.tiles() { Ok(window) } else { Err(Error::Patch { model, height, width, patch }) }
    }
}

/// Images `[n, channels, height, width]` as `[n, height, width, channels]`.
pub fn channels_last(g: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
    g.permute(x, &[0, 2, 3, 1])
}
