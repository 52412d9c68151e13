use std::sync::Arc;

use onedge_engine::{BuildLoss, Element, Error, Examples, Options};
use onedge_train::{Placement, Workload};

use crate::{Ranks, Spread};

/// All ranks of a job, as where a problem is computed.
pub struct Place(pub Arc<Ranks>);

impl Placement for Place {
    fn own_lanes(&self, lanes: usize) -> usize {
        self.0.lanes_of(self.0.rank(), lanes).len()
    }

    fn single(
        &self,
        build: Box<BuildLoss>,
        examples: Examples<f32>,
        l2: f64,
        options: Options,
    ) -> Result<Box<dyn Workload<f32>>, Error> {
        self.spread(build, examples, l2, options)
    }

    fn double(
        &self,
        build: Box<BuildLoss>,
        examples: Examples<f64>,
        l2: f64,
        options: Options,
    ) -> Result<Box<dyn Workload<f64>>, Error> {
        self.spread(build, examples, l2, options)
    }
}

impl Place {
    fn spread<T: Element>(
        &self,
        build: Box<BuildLoss>,
        examples: Examples<T>,
        l2: f64,
        options: Options,
    ) -> Result<Box<dyn Workload<T>>, Error> {
        Ok(Box::new(Spread::new(&self.0, build, examples, l2, options)?))
    }
}
