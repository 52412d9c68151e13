//! The settings that belong to no entry.

use onedge_registry::{Default, Kind, Setting, setting};

/// The keys of a spec outside of any section.
pub const ROOT: &[Setting] = &[
    setting("name", Kind::Text, Default::Absent, "names the run and its folder; the tuner's name if absent"),
    setting(
        "seed",
        Kind::Integer,
        Default::Is("0"),
        "of the initial parameters, the order of mini-batches and random changes",
    ),
    setting("steps", Kind::Integer, Default::Is("200"), "how many steps to take"),
    setting("batch", Kind::Integer, Default::Absent, "examples per step; all of them if absent"),
    setting(
        "drop_last",
        Kind::Flag,
        Default::Is("true"),
        "what does not fill a batch sits an epoch out; else a smaller one",
    ),
    setting("crop", Kind::Integer, Default::Is("0"), "pad images of a batch by so many zeros, crop at a random place"),
    setting("flip", Kind::Flag, Default::Is("false"), "mirror images of a batch left to right, at random"),
    setting("precision", Kind::Text, Default::Is("f32"), "`f32` or `f64`"),
    setting("target_loss", Kind::Number, Default::Absent, "stop once the loss is this small"),
    setting(
        "diverge_factor",
        Kind::Number,
        Default::Is("1000.0"),
        "stop once the loss is this many times the larger of the first and that of all parameters zero",
    ),
    setting(
        "checkpoint_every",
        Kind::Integer,
        Default::Is("0"),
        "write a checkpoint, to resume and to fork from, every so many steps; 0: not by steps",
    ),
    setting(
        "checkpoint_minutes",
        Kind::Number,
        Default::Is("5.0"),
        "write one after so many minutes, too; 0: not by time, and with checkpoint_every = 0 none at all",
    ),
    setting("checkpoint_keep", Kind::Integer, Default::Is("2"), "how many of the last checkpoints to keep; 0: all"),
    setting(
        "record_every",
        Kind::Integer,
        Default::Is("1"),
        "keep the records of every so many steps, and of all with a measurement, an event, or at an end",
    ),
];

pub(crate) const L2: Setting = setting("l2", Kind::Number, Default::Is("0.0"), "adds 0.5 l2 |w|^2 to the loss");

pub(crate) const DIAGNOSTICS: &[Setting] = &[
    setting(
        "sharpness_every",
        Kind::Integer,
        Default::Absent,
        "measure the spectrum every so many steps; 0: never; if absent, as often as a tenth of the run's cost allows",
    ),
    setting("top_k", Kind::Integer, Default::Is("1"), "how many of the largest eigenvalues"),
    setting("magnitude", Kind::Flag, Default::Is("false"), "also the eigenvalue of largest magnitude"),
    setting("hessian", Kind::Flag, Default::Is("false"), "with a preconditioner, also the spectrum without it"),
    setting("curvature", Kind::Flag, Default::Is("false"), "record u.Hu at every step even if the tuner does not ask"),
    setting(
        "tolerance",
        Kind::Number,
        Default::Is("0.001"),
        "estimated relative error of an eigenvalue at which to stop",
    ),
    setting("max_products", Kind::Integer, Default::Is("100"), "Hessian-vector products per measurement at most"),
    setting(
        "refresh",
        Kind::Integer,
        Default::Is("1"),
        "of so many measurements one shows that nothing larger hides; the others follow its eigenvector",
    ),
];

pub(crate) const EVALUATION: &[Setting] = &[
    setting(
        "every",
        Kind::Integer,
        Default::Is("0"),
        "record the metrics of the test examples every so many steps; 0: only at the end",
    ),
    setting(
        "metric",
        Kind::Text,
        Default::Absent,
        "the metric by which the best parameters are kept: `loss` if absent, `accuracy`, ...",
    ),
    setting(
        "patience",
        Kind::Integer,
        Default::Absent,
        "stop after so many evaluations in a row without a better one; never if absent",
    ),
];

pub(crate) const ENGINE: &[Setting] = &[
    setting(
        "threads",
        Kind::Integer,
        Default::Is("0"),
        "worker threads, at most one per lane; 0: all of the machine's",
    ),
    setting("lanes", Kind::Integer, Default::Is("4"), "partial sums, the largest useful number of threads"),
    setting("chunk", Kind::Integer, Default::Absent, "examples per chunk; chosen by cache size if absent"),
    setting("memory_mib", Kind::Integer, Default::Is("2048"), "room for what curvature reuses of the gradient's pass"),
];
