use onedge_engine::{BuildLoss, Error, Examples, Options};

use crate::Workload;

/// Where losses over many examples are computed, if not by this process alone.
pub trait Placement {
    /// How many of `lanes` are computed by this process.
    fn own_lanes(&self, lanes: usize) -> usize;

    /// The mean loss over `examples` in single precision; see [`DataObjective::new`](onedge_engine::DataObjective::new).
    ///
    /// # Errors
    /// Those of [`DataObjective::new`](onedge_engine::DataObjective::new), and of the place.
    fn single(
        &self,
        build: Box<BuildLoss>,
        examples: Examples<f32>,
        l2: f64,
        options: Options,
    ) -> Result<Box<dyn Workload<f32>>, Error>;

    /// The same in double precision.
    ///
    /// # Errors
    /// As for [`single`](Self::single).
    fn double(
        &self,
        build: Box<BuildLoss>,
        examples: Examples<f64>,
        l2: f64,
        options: Options,
    ) -> Result<Box<dyn Workload<f64>>, Error>;
}
