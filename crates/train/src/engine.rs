//! The engine as a workload.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_data::{Dataset, Targets};
use onedge_engine::{BuildLoss, DataObjective, Element, Examples, Field, Options, Rehearsal, Report};
use onedge_nn::{Loss, Model, Target, loss_graph};
use onedge_objective::{Error as ObjectiveError, Probe, by_precision};
use onedge_registry::{Error as RegistryError, Settings};

use crate::Error;
use crate::{Placement, Workload};

/// The loss of `model` on the examples of `set`, run by the engine.
///
/// # Errors
/// A loss that does not suit the targets; options that no engine takes.
pub fn objective<T: Element>(
    model: &Arc<Model>,
    loss: &Arc<Loss>,
    target: Target,
    set: &Dataset,
    l2: f64,
    options: Options,
) -> Result<DataObjective<T>, Error> {
    Ok(DataObjective::new(build(model, loss, target), examples(set)?, l2, options)?)
}

/// The same, computed elsewhere.
///
/// # Errors
/// As for [`objective`], and those of the place.
pub(crate) fn placed<T: Element>(
    place: &dyn Placement,
    (model, loss, target): (&Arc<Model>, &Arc<Loss>, Target),
    set: &Dataset,
    l2: f64,
    options: &Options,
) -> Result<Box<dyn Workload<T>>, Error> {
    let build = || build(model, loss, target);
    let single = || place.single(build(), examples(set)?, l2, options.clone());
    let double = || place.double(build(), examples(set)?, l2, options.clone());
    Ok(by_precision::<T, _, _, _, _>(single, double)?)
}

fn build(model: &Arc<Model>, loss: &Arc<Loss>, target: Target) -> Box<BuildLoss> {
    let (model, loss) = (Arc::clone(model), Arc::clone(loss));
    Box::new(move |batch: usize| Ok(loss_graph(&model, &loss, target, batch)?))
}

/// The options that the section `engine` of a spec gives.
///
/// # Errors
/// A number out of range.
pub fn options(settings: &Settings) -> Result<Options, RegistryError> {
    let positive = |key: &str| match settings.optional_count(key)? {
        Some(0) => Err(settings.out_of_range(key, "1 or more")),
        count => Ok(count),
    };
    let machine = Options::for_this_machine();
    let threads = match settings.count("threads")? {
        0 => machine.threads,
        threads => threads,
    };
    let memory_bytes = (settings.count("memory_mib")? as u64).saturating_mul(1 << 20);
    Ok(Options { threads, lanes: positive("lanes")?.unwrap_or(machine.lanes), chunk: positive("chunk")?, memory_bytes })
}

impl<T: Element> Workload<T> for DataObjective<T> {
    fn select_with(
        &mut self,
        indices: &[usize],
        change: &mut dyn FnMut(usize, &mut [T]),
    ) -> Result<(), ObjectiveError> {
        DataObjective::select_with(self, indices, change).map_err(|error| ObjectiveError::Other(Box::new(error)))
    }

    fn metrics(&mut self, w: &[T]) -> Result<BTreeMap<String, f64>, ObjectiveError> {
        let means = DataObjective::metrics(self, w)?;
        ObjectiveError::require_finite(Probe::Loss, means.loss)?;
        for (_, mean) in &means.metrics {
            ObjectiveError::require_finite(Probe::Metric, *mean)?;
        }
        let named = means.metrics.into_iter().map(|(name, mean)| (name.to_owned(), mean));
        Ok(named.chain([("loss".to_owned(), means.loss)]).collect())
    }

    fn metric_names(&self) -> Vec<String> {
        let mut names: Vec<String> = DataObjective::metric_names(self).iter().map(|name| (*name).to_owned()).collect();
        names.push("loss".to_owned());
        names.sort();
        names
    }

    fn report(&mut self, w: &[T], u: &[T]) -> Result<Report, ObjectiveError> {
        // The first pass warms the caches.
        DataObjective::report(self, w, u, 3)
    }

    fn rehearse(
        &mut self,
        (lanes, members): (usize, usize),
        w: &[T],
        u: &[T],
        seconds: f64,
    ) -> Result<Rehearsal, ObjectiveError> {
        DataObjective::rehearse(self, (lanes, members), w, u, seconds)
    }
}

fn examples<T: Element>(set: &Dataset) -> Result<Examples<T>, onedge_engine::Error> {
    let inputs = Field { width: set.features(), values: set.inputs().shared(T::from_f64) };
    let targets = match set.targets() {
        Targets::Classes { labels, .. } => {
            Field { width: 1, values: Arc::new(labels.iter().map(|&label| T::from_f64(f64::from(label))).collect()) }
        }
        Targets::Tokens { tokens, length, .. } => Field {
            width: *length,
            values: Arc::new(tokens.iter().map(|&token| T::from_f64(f64::from(token))).collect()),
        },
        Targets::Values { values, width } => {
            Field { width: *width, values: Arc::new(values.iter().map(|&value| T::from_f64(value)).collect()) }
        }
    };
    Examples::new(set.examples(), vec![inputs, targets])
}
