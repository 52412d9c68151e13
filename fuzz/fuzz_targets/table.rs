//! Tables: the first bytes choose how they are read. What was read is encoded to the same bits by the encoding that was learned.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use onedge_data::table::{Table, TableEncoding};
use onedge_data::{Precision, Reals, Split};
use onedge_fuzz::{choose, load_in, with_files};

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
        // The upper bits of bytes whose lower ones have chosen.
        if how[0] >= 128 {
            settings.push(("any_label", "true".to_owned()));
        }
        let precision = if how[1] >= 128 { Precision::Double } else { Precision::Single };
        let Some(split) = load_in(precision, "csv", &settings) else { return };
        if how[5] % 4 == 0 {
            read_again(&folder.join("t.csv"), &split);
        }
    });
});

/// An encoding that was written and read makes the same numbers of the same table.
fn read_again(path: &Path, split: &Split) {
    let encoding = split.encoding.as_ref().expect("a table has an encoding");
    let json = serde_json::to_string(encoding).expect("an encoding can be written");
    let encoding: TableEncoding = serde_json::from_str(&json).expect("an encoding can be read");
    let table = Table::read(path, encoding.format()).expect("it was read before");
    let again = encoding.apply(&table).expect("it was encoded before");
    match split.train.inputs() {
        Reals::Double(inputs) => assert_eq!(*inputs, again.inputs),
        Reals::Single(inputs) => assert!(inputs.iter().zip(&again.inputs).all(|(x, y)| *x == *y as f32)),
    }
    assert_eq!(Some(split.train.targets()), again.targets.as_ref());
}
