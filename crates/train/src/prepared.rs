use onedge_tune::{Optimizer, Tuner};

use crate::{Element, Evaluator, Instruments, Plan, Problem};

/// All that training needs but parameters and a place to leave them.
pub struct Prepared<T: Element> {
    /// What the loop does.
    pub plan: Plan,
    /// What is trained.
    pub problem: Problem<T>,
    /// Optimizer and tuner, told the layers.
    pub method: (Box<dyn Optimizer<T>>, Box<dyn Tuner>),
    /// What measures along the way.
    pub instruments: Instruments<T>,
    /// What evaluates the test examples along the way, if anything does.
    pub evaluator: Option<Evaluator<T>>,
}
