//! The language of conditions on runs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::told;
use onedge_store::{FieldValue, Filter};

fuzz_target!(|text: &str| {
    match Filter::parse(text) {
        Err(error) => told(&error),
        Ok(filter) => {
            let (number, name) = (FieldValue::Number(0.5), FieldValue::Text("cdat".to_owned()));
            filter.fits(&|key| match key {
                "tuner" | "name" => Some(&name),
                "status" => None,
                _ => Some(&number),
            });
            filter.keys();
        }
    }
});
