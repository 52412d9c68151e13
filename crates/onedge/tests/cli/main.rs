//! Runs the program the way users do.

mod bench;
mod compare;
mod console;
mod downloads;
mod evaluation;
mod explain;
mod figures;
mod fork;
mod images;
mod inputs;
mod interruptions;
mod kills;
mod language;
mod measure;
mod mistakes;
mod moved;
mod output;
mod plan;
mod predict;
mod resume;
mod runs;
mod store_kills;
mod sweep;
mod theory;
mod train;
