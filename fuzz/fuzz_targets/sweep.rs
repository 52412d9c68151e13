//! Sweeps: read, and grown into their runs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::told;
use onedge_run::DataSets;
use onedge_spec::Catalogue;
use onedge_sweep::Sweep;

fuzz_target!(|text: &str| {
    match Sweep::parse("s.toml", text, &[], &Catalogue::standard()) {
        Err(error) => told(&error),
        Ok(sweep) => {
            if let Err(error) = sweep.trials(&mut DataSets::new(None)) {
                told(&error);
            }
        }
    }
});
