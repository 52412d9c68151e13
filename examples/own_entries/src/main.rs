//! The program `onedge` with entries of its own: a tuner, an optimizer, a model, a loss, a data set and a diagnostic.
//!
//! ```sh
//! cargo run -p own-entries -- train examples/own_entries/spiral.toml
//! cargo run -p own-entries -- explain half-edge
//! ```
//!
//! Every command knows them: `train`, `resume`, `sweep`, `measure`, `runs`, `plot`, `list`, `explain`, ...
#![forbid(unsafe_code)]

mod half_edge;
mod largest_gradient;
mod log_cosh;
mod residual;
mod sign;
mod spiral;

use std::process::ExitCode;

use onedge::spec::{Catalogue, CatalogueError};

fn main() -> ExitCode {
    match catalogue() {
        Ok(catalogue) => onedge::program::run(&catalogue),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the library has, and what this program adds.
fn catalogue() -> Result<Catalogue, CatalogueError> {
    Catalogue::standard()
        .with_tuner(&half_edge::ENTRY)?
        .with_optimizer(&sign::ENTRY)?
        .with_model(&residual::ENTRY)?
        .with_loss(&log_cosh::ENTRY)?
        .with_data_set(&spiral::ENTRY)?
        .with_diagnostic(&largest_gradient::ENTRY)
}

#[cfg(test)]
mod tests {
    use onedge::run::contract::{
        check_data_set, check_diagnostic, check_loss, check_model, check_optimizer, check_tuner,
    };

    use super::*;

    #[test]
    fn they_honour_what_every_entry_must() {
        let catalogue = catalogue().unwrap();
        check_tuner(&catalogue, "half-edge", &[]).unwrap();
        check_optimizer(&catalogue, "sign", &[]).unwrap();
        check_model(&catalogue, "scaled-residual", &["model.width=5"]).unwrap();
        check_loss(&catalogue, "log-cosh", &["model.activation=tanh"]).unwrap();
        check_data_set(&catalogue, "spiral", &["loss=log-cosh", "model=scaled-residual"]).unwrap();
        check_diagnostic(&catalogue, "largest-gradient", &[]).unwrap();
    }
}
