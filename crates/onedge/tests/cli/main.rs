//! Runs the program the way users do.

mod bench;
mod compare;
mod console;
mod downloads;
mod explain;
mod figures;
mod images;
mod inputs;
mod interruptions;
mod language;
mod measure;
mod mistakes;
mod output;
mod plan;
mod theory;
mod train;
