//! Tables: the first bytes choose how they are read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::{choose, load, with_files};

fuzz_target!(|bytes: &[u8]| {
    let Some((how, table)) = bytes.split_at_checked(6) else { return };
    with_files(&[("t.csv", table)], |folder| {
        let mut settings = vec![
            ("path", folder.join("t.csv").display().to_string()),
            ("header", choose(how[0], &["true", "false"]).to_owned()),
            ("target", choose(how[1], &["classes", "values"]).to_owned()),
            ("delimiter", choose(how[2], &[",", ";", "tab", "|"]).to_owned()),
            ("scale", choose(how[3], &["standard", "none"]).to_owned()),
            ("missing", choose(how[4], &["error", "mean", "median", "drop-row"]).to_owned()),
        ];
        settings.extend(match how[5] % 4 {
            0 => None,
            1 => Some(("test_fraction", "0.3".to_owned())),
            2 => Some(("missing_indicator", "true".to_owned())),
            _ => Some(("first", "2".to_owned())),
        });
        load("csv", &settings);
    });
});
