//! What every optimizer and every tuner must honour, whichever they are: these tests iterate over the registries.

mod constructors;
mod defaults;
mod guarded;
mod laws;
mod line;
mod linesearch;
mod measures;
mod optax;
mod packages;
mod pairs;
mod parts;
mod peers;
mod problems;
mod registry;
mod trainer;
