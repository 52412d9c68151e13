use onedge_registry::{Default, Entry, Kind, setting};

use super::{Make, rate};
use crate::{Error, Events, Line, State, Tuner};

/// The same rate at every step. Looks at nothing, so no event ever happens.
#[derive(Debug, Clone)]
pub struct Constant {
    rate: f64,
    events: Events,
}

impl Constant {
    /// The rate `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate, events: Events::default() }
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "constant",
    summary: "the same rate at every step",
    doc: "eta = rate. Looks at nothing: non-descent directions and negative curvature go unnoticed.",
    settings: &[setting("rate", Kind::Number, Default::Required, "the learning rate")],
    build: |settings| Ok(Box::new(Constant::new(rate(settings)?))),
};

impl Tuner for Constant {
    fn learning_rate(&mut self, _: &mut dyn Line) -> Result<f64, Error> {
        Ok(self.rate)
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn state(&self) -> State<f64> {
        self.events.state()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("constant");
        self.events = Events::read(&mut reader)?;
        reader.finish()
    }
}
