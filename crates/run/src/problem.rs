use std::sync::Arc;

use onedge_data::Split;
use onedge_nn::{Io, Model, Target};
use onedge_registry::find;
use onedge_spec::Spec;
use onedge_train::{Element, Layout, Problem, engine, layouts, target};

use crate::{DataSets, Error};

/// The problem that the sections `data`, `model`, `loss` and `engine` of a spec describe.
///
/// # Errors
/// A setting out of its range, data that cannot be read, a loss that does not suit the targets.
pub fn build_problem<T: Element>(spec: &Spec, data_sets: &mut DataSets) -> Result<Problem<T>, Error> {
    let in_spec = onedge_spec::Error::spec(&spec.origin);
    let in_network = onedge_train::Error::network(&spec.origin);
    let l2 = spec.loss.settings.number_where("l2", "a finite number, zero or more", |x| x >= 0.0 && x.is_finite());
    let l2 = l2.map_err(&in_spec)?;
    let options = engine::options(&spec.engine).map_err(&in_spec)?;
    let loss = (find("loss", spec.catalogue.losses(), &spec.loss.name).map_err(&in_spec)?.build)(&spec.loss.settings);
    let loss = Arc::new(loss.map_err(&in_network)?);
    let split = data_sets.get(spec, options.threads)?;
    let (model, _) = network(spec, &split)?;
    Ok(Problem::of(&spec.origin, Arc::new(model), &loss, split, l2, options, data_sets.place())?)
}

/// How the parameters of a spec's model lie. Nothing is computed, and no rank gets any examples.
///
/// # Errors
/// As for [`network`], and what is wrong with the data.
pub(crate) fn layouts_of(spec: &Spec, data_sets: &mut DataSets) -> Result<Vec<Layout>, Error> {
    let threads = engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?.threads;
    let split = data_sets.get(spec, threads)?;
    let (model, _) = network(spec, &split)?;
    Ok(layouts(&model))
}

/// The model of a spec for a data set, and what it is to predict.
///
/// # Errors
/// A setting out of its range, a model that does not take such inputs.
pub fn network(spec: &Spec, split: &Split) -> Result<(Model, Target), Error> {
    let target = target(&split.train);
    Ok((model(spec, split.train.input_shape(), target)?, target))
}

/// The model of a spec for inputs of a shape, which is to predict `target`.
///
/// # Errors
/// A setting out of its range, a model that does not take such inputs.
pub(crate) fn model(spec: &Spec, input_shape: &[usize], target: Target) -> Result<Model, Error> {
    let in_network = onedge_train::Error::network(&spec.origin);
    let io = Io::new(input_shape, target.outputs()).map_err(&in_network)?;
    let entry =
        find("model", spec.catalogue.models(), &spec.model.name).map_err(onedge_spec::Error::spec(&spec.origin))?;
    Ok((entry.build)(&spec.model.settings, &io).map_err(&in_network)?)
}
