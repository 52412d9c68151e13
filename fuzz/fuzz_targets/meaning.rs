//! What a run has learned of its data, as JSON: up to the first zero byte `meaning.json`, then `encoding.json`, then a new table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_data::table::TableEncoding;
use onedge_data::{Context, Known, Meaning, Wanted};
use onedge_fuzz::{told, with_files};
use onedge_registry::{Settings, Value};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let (Some(meaning), Some(encoding), Some(table)) = (parts.next(), parts.next(), parts.next()) else { return };
    let Ok(meaning) = serde_json::from_slice::<Meaning>(meaning) else { return };
    let encoding = serde_json::from_slice::<TableEncoding>(encoding).ok();
    let given = [("path".to_owned(), Value::Text("t.csv".to_owned()))].into();
    let entry = onedge_data::datasets::ALL.iter().find(|entry| entry.name == "csv").expect("tables are known");
    let settings = Settings::resolve(entry, given).expect("a path is enough");
    with_files(&[("new", table)], |folder| {
        for name in ["csv", "text", "idx"] {
            let known = Known { name, settings: &settings, meaning: &meaning, encoding: encoding.as_ref() };
            for wanted in [Wanted::Answered, Wanted::Inputs] {
                if let Err(error) = known.read(&folder.join("new"), None, wanted, &Context::default()) {
                    told(&error);
                }
            }
        }
    });
});
