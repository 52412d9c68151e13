//! A loss from elsewhere, trained by the rules of a spec: in memory, or as a run with a folder.

use std::path::Path;

use onedge_registry::Value;
use onedge_spec::Spec;
use onedge_train::{Element, Layout, Problem, Trained, Watch, Workload};

use crate::own::{Earlier, OwnRun};
use crate::prepare::prepare_for;
use crate::{Error, Interrupt};

/// A loss that only its owner knows, as one that another program describes, with all that training needs.
pub struct Given<'a, T: Element> {
    /// Steps, optimizer, tuner, diagnostics, evaluations and when to stop; its sections `data`, `model`, `loss` and `engine` count for nothing.
    pub spec: &'a Spec,
    /// The tensors that the parameters are.
    pub layouts: Vec<Layout>,
    /// The loss.
    pub train: Box<dyn Workload<T>>,
    /// Another one, to be evaluated along the way.
    pub test: Option<Box<dyn Workload<T>>>,
    /// The parameters to begin with.
    pub start: Vec<T>,
    /// What is to be said of data, model and loss, by dotted keys: `data.name`, `loss.l2`.
    pub described: Vec<(String, Value)>,
    /// What identifies its data, where that is known: a run does not continue on others.
    pub content: Option<String>,
}

impl<T: Element> Given<'_, T> {
    /// Trains in memory.
    ///
    /// # Errors
    /// A setting out of its range; parameters that do not fit. What happens in training is in the
    /// [`Outcome`](onedge_train::Outcome).
    pub fn train(self, watch: &mut Watch<'_, T>, interrupt: &dyn Interrupt) -> Result<Trained<T>, Error> {
        Ok(self.own_run()?.prepared.train(false, watch, &|| interrupt.is_set())?)
    }

    /// Trains with everything left in `folder`, as [`RunIn`](crate::RunIn) does.
    ///
    /// # Errors
    /// Those of [`train`](Self::train) and of [`run_in`](crate::RunIn::run_in); a folder that is not empty, unless an
    /// `earlier` run in it goes on.
    pub fn train_in(
        self,
        folder: &Path,
        earlier: Earlier,
        watch: &mut Watch<'_, T>,
        interrupt: &dyn Interrupt,
    ) -> Result<Trained<T>, Error> {
        self.own_run()?.train_in(folder, earlier, watch, interrupt)
    }

    fn own_run(self) -> Result<OwnRun<T>, Error> {
        let Self { spec, layouts, train, test, start, described: own, content } = self;
        let parameters = start.len();
        let prepared = prepare_for(spec, |_| Ok(Problem::given(layouts, train, test, start)?))?;
        let whole = |number: usize| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let about = |key: &str| key != "name" && !["data", "model", "loss", "engine"].contains(&section(key));
        let mut described: Vec<(String, Value)> = spec.settings().into_iter().filter(|(key, _)| about(key)).collect();
        described.push(("model.name".to_owned(), Value::Text("own".to_owned())));
        described.push(("model.parameters".to_owned(), whole(parameters)));
        described.extend(own);
        Ok(OwnRun { described, prepared, content, checkpoints: spec.checkpoints, is_fresh: false })
    }
}

fn section(key: &str) -> &str {
    key.split_once('.').map_or("", |(section, _)| section)
}
