//! What takes long to compile, compiled here, once for each precision.
//!
//! The compiler makes generic code anew in every crate that calls it, and plans and kernels are most of what there is to make: whoever trains or
//! measures would have all of them again. The methods here are of known types, so other crates link to them instead.

use std::sync::atomic::AtomicBool;

use onedge_graph::Graph;

use crate::areas::Areas;
use crate::lanes::{Team, Workers};
use crate::plan::{self, Plan, Stage, Step, Transposed, Uses};
use crate::{run, team};

/// A float whose plans are made and run by code of this crate.
pub trait Precision: Sized {
    /// [`plan::build`]
    fn plan(graph: &Graph, uses: &Uses, stage: &Stage) -> Plan<Self>;
    /// [`run::run`]
    fn run(plan: &Plan<Self>, areas: &mut Areas<'_, Self>, stop: &AtomicBool);
    /// [`run::run_step`]
    fn run_step(step: &Step<Self>, areas: &mut Areas<'_, Self>);
    /// [`team::run`]
    fn run_in_pieces(plan: &Plan<Self>, areas: &mut Areas<'_, Self>, stop: &AtomicBool, team: &Team<'_, Self>);
    /// [`Workers::reduce`]
    fn reduce(
        workers: &Workers<Self>,
        outputs: &[&[Self]],
        transposed: &[Transposed],
        scale_and_shift: (f64, f64),
        x: &[Self],
        out: &mut [Self],
    );
}

macro_rules! compiled_here {
    ($float:ty) => {
        impl Precision for $float {
            fn plan(graph: &Graph, uses: &Uses, stage: &Stage) -> Plan<Self> {
                plan::build(graph, uses, stage)
            }
            fn run(plan: &Plan<Self>, areas: &mut Areas<'_, Self>, stop: &AtomicBool) {
                run::run(plan, areas, stop);
            }
            fn run_step(step: &Step<Self>, areas: &mut Areas<'_, Self>) {
                run::run_step(step, areas);
            }
            fn run_in_pieces(plan: &Plan<Self>, areas: &mut Areas<'_, Self>, stop: &AtomicBool, team: &Team<'_, Self>) {
                team::run(plan, areas, stop, team);
            }
            fn reduce(
                workers: &Workers<Self>,
                outputs: &[&[Self]],
                transposed: &[Transposed],
                (scale, shift): (f64, f64),
                x: &[Self],
                out: &mut [Self],
            ) {
                workers.reduce(outputs, transposed, scale, shift, x, out);
            }
        }
    };
}

compiled_here!(f32);
compiled_here!(f64);
