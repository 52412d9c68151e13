use super::*;
use crate::readers::gzip;
use crate::table::Column;
use crate::{Targets, Task};

const IRIS: &str = "width,\"leaf, length\",kind\n0.5,1.5,setosa\n\n2.5, 3.5 ,versicolor\n4.5,5.5,setosa\n";

/// A table and what is asked of it.
#[derive(Clone)]
struct Csv {
    rules: Rules,
    header: bool,
    delimiter: u8,
}

impl Csv {
    fn format(&self) -> Format {
        Format { header: self.header, delimiter: self.delimiter }
    }
}

fn how(target: Column, task: Task) -> Csv {
    Csv { rules: Rules::plain(target, task), header: true, delimiter: b',' }
}

fn parse(text: impl AsRef<[u8]>, how: &Csv) -> Result<Dataset, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    csv(&path, how.format(), &how.rules).map_err(|e| e.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn parse_path(path: &str) -> Result<Dataset, Error> {
    let how = how(Column::Last, Task::Values);
    csv(Path::new(path), how.format(), &how.rules)
}

fn message(text: &str, how: &Csv) -> String {
    parse(text, how).unwrap_err()
}

#[test]
fn classes_by_text_and_target_by_name_place_or_last() {
    let names = vec!["setosa".to_owned(), "versicolor".to_owned()];
    let targets = Targets::Classes { labels: vec![0, 1, 0], classes: 2, names };
    for target in [Column::Last, Column::Index(2), Column::Name("kind".to_owned())] {
        let set = parse(IRIS, &how(target, Task::Classes)).unwrap();
        assert_eq!((&*set.inputs().single(), set.targets()), (&[0.5, 1.5, 2.5, 3.5, 4.5, 5.5][..], &targets));
    }
    let packed = parse(gzip(IRIS.as_bytes()), &how(Column::Last, Task::Classes)).unwrap();
    assert_eq!(packed.targets(), &targets);
}

#[test]
fn whole_number_labels_are_ordered_as_numbers() {
    let set = parse("a;y\n1;10\n2;9\n3;10\n", &Csv { delimiter: b';', ..how(Column::Last, Task::Classes) }).unwrap();
    let names = vec!["9".to_owned(), "10".to_owned()];
    assert_eq!(set.targets(), &Targets::Classes { labels: vec![1, 0, 1], classes: 2, names });
}

#[test]
fn values_without_a_header() {
    let plain = Csv { header: false, ..how(Column::Index(0), Task::Values) };
    let set = parse("0.1\t2\t3\n-0.4\t5e1\t6", &Csv { delimiter: b'\t', ..plain.clone() }).unwrap();
    assert_eq!((set.input_shape(), &*set.inputs().single()), (&[2][..], &[2.0, 3.0, 50.0, 6.0][..]));
    assert_eq!(set.targets(), &Targets::Values { values: [0.1f32, -0.4].map(f64::from).to_vec(), width: 1 });
    // Places as names are a header.
    let set = parse("0,1\n7,8\n", &how(Column::Last, Task::Values)).unwrap();
    assert_eq!(set.inputs(), &[7.0]);
}

/// Reads both tables as a split, with the folder cut from the message.
fn split(train: &str, test: &str, how: &Csv) -> Result<Split, String> {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("train.csv"), dir.path().join("test.csv"));
    std::fs::write(&one, train).unwrap();
    std::fs::write(&two, test).unwrap();
    let split = csv_split(&one, Some(&two), how.format(), &how.rules);
    split.map_err(|e| e.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

#[test]
fn the_test_part_takes_over_the_classes() {
    let how = how(Column::Last, Task::Classes);
    let head = "width,\"leaf, length\",kind\n";
    let test = split(IRIS, &format!("{head}1,2,versicolor\n"), &how).unwrap().test.unwrap();
    let Targets::Classes { labels, classes, .. } = test.targets() else { panic!("expected classes") };
    assert_eq!((&labels[..], *classes), (&[1][..], 2));
    assert_eq!(
        split(IRIS, &format!("{head}1,2,virginica\n"), &how).unwrap_err(),
        "test.csv:2: column 2 (`kind`): expected the label of a known class, got `virginica`; \
         try a training set that has this class"
    );
}

#[test]
fn columns_of_the_test_part_are_matched_by_name() {
    let reordered = "kind,\"leaf, length\",width\nversicolor,2,1\n";
    for target in [Column::Last, Column::Index(2), Column::Name("kind".to_owned())] {
        let test = split(IRIS, reordered, &how(target, Task::Classes)).unwrap().test.unwrap();
        assert_eq!(test.inputs(), &[1.0, 2.0]);
        assert!(matches!(test.targets(), Targets::Classes { labels, .. } if labels == &[1]));
    }
    assert_eq!(
        split(IRIS, &reordered.replace("1\n", "wide\n"), &how(Column::Last, Task::Classes)).unwrap_err(),
        "test.csv:2: column 2 (`width`): expected a finite number, got `wide`; try correcting the cell or removing the \
         row"
    );
    assert_eq!(
        split(IRIS, "width,height,kind\n1,2,setosa\n", &how(Column::Last, Task::Classes)).unwrap_err(),
        "test.csv: columns differ from those of train.csv, expected a column `leaf, length`, got `height` instead; try \
         files that belong together"
    );
    let plain = Csv { header: false, ..how(Column::Last, Task::Values) };
    assert_eq!(split("1,2\n", "3,4\n", &plain).unwrap().test.unwrap().inputs(), &[3.0]);
    assert!(split("1,2\n", "3,4,5\n", &plain).unwrap_err().contains("columns differ"));
}

#[test]
fn one_column_is_most_often_another_delimiter() {
    let values = how(Column::Name("y".to_owned()), Task::Values);
    let expected = |line: u64, row: &str, advice: &str| {
        format!("t.csv:{line}: only one column, expected a target and one input or more, got `{row}`; try {advice}")
    };
    assert_eq!(message("a;b, c;y\n1;2;3\n", &Csv { delimiter: b'|', ..values.clone() }), {
        expected(1, "a;b, c;y", "`delimiter = \";\"`")
    });
    assert_eq!(message("\na\ty\n1\t2\n", &values), expected(2, "a\\ty", "`delimiter = \"tab\"`"));
    assert_eq!(message("y\n1\n", &values), expected(1, "y", "another `delimiter` or a table with inputs"));
    let plain = Csv { header: false, ..how(Column::Last, Task::Values) };
    assert_eq!(message("1;2\n3;4\n", &plain), expected(1, "1;2", "`delimiter = \";\"`"));
}

#[test]
fn text_that_is_not_utf_8_is_never_mixed_up() {
    let error = parse(b"a,y\n1,M\xfcller\n2,M\xf6ller\n", &how(Column::Last, Task::Classes)).unwrap_err();
    assert_eq!(
        error,
        "t.csv:2: column 1 (`y`): expected a label in UTF-8, got `M\u{fffd}ller`; try saving the table as UTF-8"
    );
    let wide: Vec<u8> = "a,y\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        parse(wide, &how(Column::Last, Task::Classes)).unwrap_err(),
        "t.csv: a text in UTF-16LE, expected a table of comma-separated values; try converting it, as with `iconv -f UTF-16LE \
         -t UTF-8`"
    );
    // Numbers and names do not depend on it.
    assert_eq!(parse(b"\xb0C,y\n1,2\n", &how(Column::Last, Task::Values)).unwrap().inputs(), &[1.0]);
}

#[test]
fn bad_tables_are_named_with_their_line() {
    let values = how(Column::Last, Task::Values);
    let ragged =
        |got: &str| format!("t.csv:3: ragged row, expected 2 cells, got {got}; try checking the delimiter and quotes");
    assert_eq!(message("a,y\n1,2\n3\n", &values), ragged("1"));
    assert_eq!(message("a,y\n1,2\n3,4,5\n", &values), ragged("3"));
    for (bad, expected, advice) in [
        (
            "many",
            "a finite number",
            "correcting the cell or removing the row, `missing_marks` if it stands for no value, or `categorical = [\"a\"]`",
        ),
        ("", "a value", "`missing = \"median\"` or `missing = \"drop-row\"`, or correcting the cell"),
        (
            "nan",
            "a value",
            "`missing = \"median\"` or `missing = \"drop-row\"`, or `missing_marks = []` if this is a value",
        ),
        ("inf", "a finite number", "correcting the cell or removing the row"),
        ("1e999", "a finite number", "correcting the cell or removing the row"),
    ] {
        assert_eq!(
            message(&format!("a,y\n1,2\n\n{bad},4\n"), &values),
            format!("t.csv:4: column 0 (`a`): expected {expected}, got `{bad}`; try {advice}")
        );
    }
    assert_eq!(
        message("a,y\n1,\n", &how(Column::Last, Task::Classes)),
        "t.csv:2: column 1 (`y`): expected the label of a known class, got ``; try removing the row, or \
         `missing = \"drop-row\"`"
    );
    assert_eq!(
        message("a,y\n1,?\n", &values),
        "t.csv:2: column 1 (`y`): expected a finite number, got `?`; try `missing = \"drop-row\"`, or correcting the cell"
    );
    for empty in ["", "a,y\n", "\n\n"] {
        assert_eq!(
            message(empty, &values),
            "t.csv: expected at least one example, got none; try another file or a larger subset"
        );
    }
}

#[test]
fn lines_are_counted_through_quotes_and_either_line_end() {
    let text = "a,y\r\n\r\n1,\"two\r\nlines\"\r\nx,z\r\n";
    let found = message(text, &how(Column::Last, Task::Classes));
    assert!(found.starts_with("t.csv:5: column 0 (`a`): expected a finite number, got `x`"), "{found}");
    let old = message("a,y\r1,2\rx,3\r", &how(Column::Last, Task::Values));
    assert!(old.starts_with("t.csv:3: "), "{old}");
    let marked = parse("\u{feff}a,y\n1,2\n", &how(Column::Name("a".to_owned()), Task::Values)).unwrap();
    assert_eq!(marked.inputs(), &[2.0]);
}

#[test]
fn headers_and_columns_are_checked() {
    assert_eq!(
        message("7.4,5\n7.8,6\n", &how(Column::Last, Task::Values)),
        "t.csv:1: column 0 (`0`): expected the name of a column, got `7.4`; try `header = false`"
    );
    assert_eq!(
        message("a,y\n7.8,6\n", &Csv { header: false, ..how(Column::Last, Task::Values) }),
        "t.csv:1: column 1 (`1`): expected a finite number, got `y`; try `header = true`"
    );
    assert_eq!(
        message("acid,quality\n7.8,6\n", &how(Column::Name("qualty".to_owned()), Task::Values)),
        "t.csv: no column `qualty`, expected one of `acid`, `quality`; try `quality`"
    );
    assert_eq!(
        message("acid,quality\n7.8,6\n", &how(Column::Index(2), Task::Values)),
        "t.csv: no column `2`, expected one of `acid`, `quality`; try `1`"
    );
    let missing = parse_path("no/such.csv").unwrap_err().to_string();
    assert_eq!(missing, "no/such.csv: not found, expected a table of comma-separated values; try another path");
}

#[test]
fn damaged_gzip_is_named() {
    let packed = gzip(IRIS.as_bytes());
    let cut = parse(&packed[..packed.len() - 6], &how(Column::Last, Task::Classes)).unwrap_err();
    assert!(cut.starts_with("t.csv: damaged or truncated gzip ("), "{cut}");
}

#[test]
fn messages_repeat_no_control_characters_and_no_endless_text() {
    let long = "z".repeat(100_000);
    let label = message(&format!("a,y\n1,2\n\u{1b}[2J\"{long},1\n"), &how(Column::Last, Task::Values));
    assert!(label.contains("got `\\u{1b}[2J\"zzz") && label.chars().count() < 300, "{label}");
    let wide = vec![format!("\u{7}{long}"); 100].join(",");
    let column = message(&format!("{wide}\n{wide}\n"), &how(Column::Name("y".to_owned()), Task::Values));
    assert!(column.contains("and 88 more") && column.len() < 3000, "{column}");
    assert!(!column.contains(|c: char| c.is_control()), "{column}");
}

#[test]
fn an_open_quote_loses_no_rows_silently() {
    let rows: String = (0..100).map(|i| if i == 40 { "1,\"b\n".to_owned() } else { format!("{i},b\n") }).collect();
    let found = message(&format!("a,y\n{rows}"), &how(Column::Last, Task::Classes));
    assert!(found.starts_with("t.csv:42: a double quote opens a cell, expected one that closes it"), "{found}");
}
