//! Runs the program the way users do.

mod bench;
mod compare;
mod console;
mod downloads;
mod images;
mod inputs;
mod interruptions;
mod measure;
mod mistakes;
mod output;
mod train;
