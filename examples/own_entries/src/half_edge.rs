//! A tuner: a share of the edge along the update.

use onedge::registry::{Default, Entry, Kind, setting};
use onedge::tune::{Error, Events, Line, State, Tuner, tuners};

/// `share` times the edge `-2 g.u / |u.Hu|`; the last rate where the curvature vanishes or the update does not descend.
struct HalfEdge {
    share: f64,
    last: f64,
    events: Events,
}

pub static ENTRY: Entry<tuners::Make> = Entry {
    name: "half-edge",
    summary: "a share of the edge along the update",
    doc: "eta = share (-2 g.u / |u.Hu|). Where u.Hu is 0 or u does not descend, the rate of the step before.",
    settings: &[setting("share", Kind::Number, Default::Is("0.5"), "share of the edge, above 0, at most 1")],
    build: |settings| {
        let share =
            settings.number_where("share", "a number above 0, at most 1", |share| share > 0.0 && share <= 1.0)?;
        Ok(Box::new(HalfEdge { share, last: 0.0, events: Events::default() }))
    },
};

impl Tuner for HalfEdge {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        let (slope, curvature) = (line.slope()?, line.curvature()?);
        if slope < 0.0 && curvature != 0.0 {
            self.last = self.share * -2.0 * slope / curvature.abs();
        }
        Ok(self.last)
    }

    fn events(&self) -> &Events {
        &self.events
    }

    // A resumed run has the bits of one that never stopped only if this is all that the next rate depends on.
    fn state(&self) -> State<f64> {
        self.events.state().with_scalar("last", self.last)
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        let mut reader = state.reader("half-edge");
        self.events = Events::read(&mut reader)?;
        self.last = reader.scalar("last")?;
        Ok(reader.finish()?)
    }
}
