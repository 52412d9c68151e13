use super::*;
use crate::table::{Format, Unknown};

fn table(text: &str) -> Table {
    named("t.csv", text, b',')
}

fn named(name: &str, text: &str, delimiter: u8) -> Table {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    let table = Table::read(&path, Format { header: true, delimiter }).unwrap();
    table.called(name)
}

fn values() -> Rules {
    Rules::plain(Column::Name("y".to_owned()), Task::Values)
}

fn learned(text: &str, rules: &Rules) -> TableEncoding {
    let table = table(text);
    TableEncoding::learn(&table, &(0..table.rows()).collect::<Vec<_>>(), rules).unwrap()
}

fn message(text: &str, rules: &Rules) -> String {
    let table = table(text);
    TableEncoding::learn(&table, &(0..table.rows()).collect::<Vec<_>>(), rules).unwrap_err().to_string()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

const HOUSES: &str = "id,area,town,floor,y\n\
                      7,10,Ulm,2,1\n\
                      8,14,Aachen,10,2\n\
                      9,12,Ulm,2,4\n";

#[test]
fn texts_become_an_input_each_in_ascending_order() {
    let rules = Rules { drop: texts(&["id"]), categorical: texts(&["floor"]), ..values() };
    let encoding = learned(HOUSES, &rules);
    assert_eq!(encoding.input_names(), ["area", "town = Aachen", "town = Ulm", "floor = 2", "floor = 10"]);
    let encoded = encoding.apply(&table(HOUSES)).unwrap();
    let expected = [10.0, 0.0, 1.0, 1.0, 0.0, 14.0, 1.0, 0.0, 0.0, 1.0, 12.0, 0.0, 1.0, 1.0, 0.0];
    assert_eq!((&encoded.inputs[..], encoded.width, &encoded.rows[..]), (&expected[..], 5, &[0, 1, 2][..]));
    assert_eq!(encoded.targets, Some(Targets::Values { values: vec![1.0, 2.0, 4.0], width: 1 }));
}

#[test]
fn numbers_alone_are_standardised_by_the_training_rows() {
    // The first two rows: area has mean 12 and deviation 2.
    let table = table(HOUSES);
    let rules = Rules { drop: texts(&["id", "floor"]), scale: Scale::Standard, ..values() };
    let encoding = TableEncoding::learn(&table, &[0, 1], &rules).unwrap();
    let expected = [-1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    assert_eq!(encoding.apply(&table).unwrap().inputs, expected);
    // A category of the other rows is none.
    let encoding = TableEncoding::learn(&table, &[1], &rules).unwrap();
    assert_eq!(
        encoding.apply(&table).unwrap_err().to_string(),
        "t.csv:2: column 2 (`town`): expected a category of the training rows, got `Ulm`; try `unknown = \"zeros\"`, or \
         training rows that have it"
    );
    let zeros = TableEncoding::learn(&table, &[1], &Rules { unknown: Unknown::Zeros, ..rules }).unwrap();
    assert_eq!(zeros.inputs_of(&table, &[0, 1]).unwrap(), [-4.0, 0.0, 0.0, 1.0]);
}

#[test]
fn missing_values_are_filled_from_the_training_rows_told_or_left_out() {
    let text = "a,b,c,y\n1,5,u,1\n,6,,2\n3,7,v,3\n11,NA,u,4\n";
    let rows = [0, 1, 2];
    let encoded = |rules: Rules| {
        let table = table(text);
        let encoding = TableEncoding::learn(&table, &rows, &rules).unwrap();
        (encoding.input_names().join(" "), encoding.apply(&table).unwrap().inputs)
    };
    // Means of the first three rows: a (1 + 3) / 2, b 6.
    let (names, inputs) = encoded(Rules { missing: Missing::Mean, ..values() });
    assert_eq!(names, "a b c = u c = v c missing");
    let expected =
        [[1.0, 5.0, 1.0, 0.0, 0.0], [2.0, 6.0, 0.0, 0.0, 1.0], [3.0, 7.0, 0.0, 1.0, 0.0], [11.0, 6.0, 1.0, 0.0, 0.0]];
    assert_eq!(inputs, expected.concat());
    // Filled first, scaled afterwards: a is 1, 2, 3 with deviation sqrt(2 / 3), b 5, 6, 7. Only a lacks a number.
    let (names, inputs) = encoded(Rules {
        missing: Missing::Median,
        missing_indicator: true,
        scale: Scale::Standard,
        drop: texts(&["c"]),
        ..values()
    });
    assert_eq!(names, "a a missing b");
    let unit = 1.5f64.sqrt();
    let expected = [-unit, 0.0, -unit, 0.0, 1.0, 0.0, unit, 0.0, unit, 9.0 * unit, 0.0, 0.0];
    for (got, expected) in inputs.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{inputs:?}");
    }

    let dropped = learned(text, &Rules { missing: Missing::DropRow, ..values() });
    let encoded = dropped.apply(&table(text)).unwrap();
    assert_eq!((encoded.rows, encoded.inputs), (vec![0, 2], vec![1.0, 5.0, 1.0, 0.0, 3.0, 7.0, 0.0, 1.0]));
    let none = message("a,y\n,1\n2,\n", &Rules { missing: Missing::DropRow, ..values() });
    assert!(none.contains("at least one example"), "{none}");
}

#[test]
fn marks_of_missing_values_are_a_choice() {
    // Namibia is no missing country.
    let text = "country,y\nNA,NA\nDE,DE\n";
    let rules = Rules::plain(Column::Last, Task::Classes);
    assert_eq!(
        message(text, &rules),
        "t.csv:2: column 1 (`y`): expected a label, got `NA`; try removing the row, `missing = \"drop-row\"`, or \
         `any_label = true` if it is a class"
    );
    assert_eq!(
        message(text, &Rules { any_label: true, ..rules.clone() }),
        "t.csv:2: column 0 (`country`): expected a value, got `NA`; try `missing = \"median\"` or `missing = \"drop-row\"`, \
         or `missing_marks = []` if this is a value"
    );
    let encoding = learned(text, &Rules { missing_marks: Vec::new(), ..rules.clone() });
    assert_eq!(encoding.input_names(), ["country = DE", "country = NA"]);
    let Role::Classes { classes } = &encoding.target().unwrap().role else { panic!("expected classes") };
    assert_eq!(classes, &["DE", "NA"]);
    let dropped = learned(text, &Rules { missing: Missing::DropRow, ..rules.clone() });
    assert_eq!(dropped.apply(&table(text)).unwrap().rows, [1]);
    let own = Rules { missing: Missing::Mean, missing_marks: texts(&["-999"]), ..values() };
    assert_eq!(learned("a,y\n1,1\n-999,2\n", &own).apply(&table("a,y\n-999,1\n")).unwrap().inputs, [1.0]);
    // As a class, and then known as one in other tables; a mark that is none there is a missing label.
    let text = "a,y\n1,NA\n2,DE\n3,NA\n4,\n";
    let any = learned(text, &Rules { any_label: true, missing: Missing::DropRow, ..rules });
    let Some(Targets::Classes { labels, names, .. }) = any.apply(&table(text)).unwrap().targets else { panic!() };
    assert_eq!((labels, names), (vec![1, 0, 1], texts(&["DE", "NA"])));
    assert_eq!(any.apply(&table("a,y\n1,NULL\n5,NA\n")).unwrap().rows, [1]);
}

#[test]
fn what_is_no_class_is_refused_unless_asked_for() {
    let classes = |any_label| Rules { any_label, ..Rules::plain(Column::Last, Task::Classes) };
    let ids: String = (0..12).map(|i| format!("{i},u{i}\n")).collect();
    for (rows, expected) in [
        (
            "1,12.5\n2,13\n3,12.5\n",
            "expected labels of classes, got numbers with fractions, as 12.5; try `target = \"values\"`, or `any_label = true` \
             if each is a class",
        ),
        (
            "1,120000\n2,95000\n3,210000\n4,99000\n",
            "expected labels that rows share, got 4 different ones in 4 rows; try `target = \"values\"` or another `column`, or \
             `any_label = true` if each is a class",
        ),
        (
            "1,0\n2,1\n3,1.0\n",
            "expected labels that are each one number in one spelling, got `1` and `1.0`; try writing it in one way, or \
             `any_label = true` if they are two classes",
        ),
        (
            &ids,
            "expected labels that rows share, got 12 different ones in 12 rows; try another `column`, or `any_label = true` if \
             each is a class",
        ),
    ] {
        let text = format!("a,y\n{rows}");
        assert_eq!(message(&text, &classes(false)), format!("t.csv: column 1 (`y`): {expected}"));
        assert!(matches!(learned(&text, &classes(true)).target().unwrap().role, Role::Classes { .. }));
    }
}

#[test]
fn an_encoding_read_back_encodes_to_the_same_bits() {
    let text = "a,b,c,y\n0.1,1e-30,\"q\"\"u, v\",no\n0.7,3.3,x,yes\n,2.2,,no\n";
    for rules in [
        Rules { missing: Missing::Median, missing_indicator: true, ..values() },
        Rules { missing: Missing::Mean, scale: Scale::Standard, ..values() },
    ] {
        let rules = Rules { task: Task::Classes, ..rules };
        let encoding = learned(text, &rules);
        let read: TableEncoding = serde_json::from_str(&serde_json::to_string_pretty(&encoding).unwrap()).unwrap();
        assert_eq!(read, encoding);
        assert_eq!(read.apply(&table(text)).unwrap(), encoding.apply(&table(text)).unwrap());
    }
}

#[test]
fn another_table_is_matched_by_name_and_may_lack_what_is_not_needed() {
    let encoding = learned(HOUSES, &Rules { drop: texts(&["id"]), ..values() });
    let new = named("new.csv", "town,floor,area\nAachen,3,20\n", b',');
    let encoded = encoding.apply(&new).unwrap();
    assert_eq!((encoded.inputs, encoded.targets), (vec![20.0, 1.0, 0.0, 3.0], None));
    // What the target holds is of no interest for inputs alone.
    let unlabelled = named("new.csv", "town,floor,area,y\nUlm,3,20,\n", b',');
    assert_eq!(encoding.apply_inputs(&unlabelled).unwrap().inputs, [20.0, 0.0, 1.0, 3.0]);
    assert_eq!(
        encoding.apply(&unlabelled).unwrap_err().to_string(),
        "new.csv:2: column 3 (`y`): expected a finite number, got ``; try `missing = \"drop-row\"`, or correcting the cell"
    );
    let differs = |expected: &str, got: &str| {
        format!(
            "new.csv: columns differ from those of t.csv, expected {expected}, got {got}; try files that belong together"
        )
    };
    let message = |text: &str| encoding.apply(&named("new.csv", text, b',')).unwrap_err().to_string();
    assert_eq!(message("town,area\nUlm,3\n"), differs("a column `floor`", "none of that name"));
    assert_eq!(message("town,floor,area,age\nUlm,3,4,5\n"), differs("no column `age`", "one"));
    assert_eq!(
        message("town,floor,area\nUlm,3,\n"),
        "new.csv:2: column 2 (`area`): expected a value, got ``; try `missing = \"median\"` or `missing = \"drop-row\"`, or \
         correcting the cell"
    );
    assert_eq!(
        message("town,floor,area\nUlm,3,wide\n"),
        "new.csv:2: column 2 (`area`): expected a finite number, got `wide`; try correcting the cell or removing the row"
    );
}

#[test]
fn columns_without_a_header_are_called_by_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Table::read(&path, Format { header: false, delimiter: b',' }).unwrap()
    };
    let rules = Rules { drop: texts(&["0"]), ..Rules::plain(Column::Last, Task::Values) };
    let encoding = TableEncoding::learn(&read("1,2,red,1\n2,3,blue,2\n"), &[0, 1], &rules).unwrap();
    assert_eq!(encoding.input_names(), ["1", "2 = blue", "2 = red"]);
    assert_eq!(encoding.apply(&read("9,4,red\n")).unwrap().inputs, [4.0, 0.0, 1.0]);
    let few = encoding.apply(&read("9,4\n")).unwrap_err().to_string();
    assert!(few.contains("expected a column `2`, got none of that name"), "{few}");
}

#[test]
fn columns_that_cannot_be_used_are_named_with_what_mends_it() {
    let wide: String = (0..101).map(|i| format!("n{i},{i},{i}\n")).collect();
    let rules = values();
    for (text, rules, expected) in [
        (
            format!("id,a,y\n{wide}"),
            &rules,
            "t.csv: column 0 (`id`): expected at most 100 categories, got 101 in 101 training rows; try `drop = [\"id\"]`, \
             or a larger `categories`",
        ),
        (
            "a,y\n1,2\nred,3\n".to_owned(),
            &rules,
            "t.csv:3: column 0 (`a`): expected a finite number, got `red`; try correcting the cell or removing the row, \
             `missing_marks` if it stands for no value, or `categorical = [\"a\"]`",
        ),
        (
            "a;y\n1,5;2\n2,5;3\n".to_owned(),
            &Rules { target: Column::Last, ..values() },
            "t.csv:2: column 0 (`a`): expected a finite number, got `1,5`; try a decimal point and digits alone, or \
             `categorical = [\"a\"]`",
        ),
        (
            "a,b,y\n,1,2\n,2,3\n".to_owned(),
            &Rules { missing: Missing::Mean, ..values() },
            "t.csv: column 0 (`a`): expected a value in some training row, got none; try `drop = [\"a\"]`",
        ),
        (
            "a,y\n1700000000,1\n1700000009,2\n".to_owned(),
            &rules,
            "t.csv: column 0 (`a`): expected numbers that single precision tells apart, got 1700000000 to 1700000009; try \
             `scale = \"standard\"`, `precision = \"f64\"`, or subtracting the mean in the file",
        ),
        (
            "a,y\n1,1700000000\n2,1700000009\n".to_owned(),
            &rules,
            "t.csv: column 1 (`y`): expected numbers that single precision tells apart, got 1700000000 to 1700000009; try \
             `precision = \"f64\"`, or subtracting the mean in the file",
        ),
        (
            "a,y\n1,2\n".to_owned(),
            &Rules { drop: texts(&["y"]), ..values() },
            "t.csv: column 1 (`y`): expected an input in `drop`, got the target; try a shorter `drop`",
        ),
        (
            "a,y\n1,2\n".to_owned(),
            &Rules { drop: texts(&["a"]), ..values() },
            "t.csv: column 1 (`y`): expected an input beside the target, got none; try a shorter `drop`",
        ),
        (
            "area,y\n1,2\n".to_owned(),
            &Rules { drop: texts(&["aera"]), ..values() },
            "t.csv: no column `aera`, expected one of `area`, `y`; try `area`",
        ),
        (
            "a,b,y\n1,2,3\n".to_owned(),
            &Rules { drop: texts(&["a"]), categorical: texts(&["a"]), ..values() },
            "t.csv: column 0 (`a`): expected an input in `categorical`, got a column of `drop`; try naming it once",
        ),
        (
            "a,b,y\n1,2,3\n".to_owned(),
            &Rules { categorical: texts(&["y"]), ..values() },
            "t.csv: column 2 (`y`): expected an input in `categorical`, got the target; try `target = \"classes\"` and a \
             shorter `categorical`",
        ),
    ] {
        let table = named("t.csv", &text, if text.contains(';') { b';' } else { b',' });
        let rows: Vec<usize> = (0..table.rows()).collect();
        assert_eq!(TableEncoding::learn(&table, &rows, rules).unwrap_err().to_string(), expected);
    }
    assert!(
        TableEncoding::learn(&table(HOUSES), &[], &rules).unwrap_err().to_string().contains("at least one example")
    );
    let enough = Rules { categories: 101, ..values() };
    assert_eq!(learned(&format!("id,a,y\n{wide}"), &enough).width(), 102);
}

#[test]
fn numbers_far_from_zero_keep_what_tells_them_apart() {
    // 40 times, 9 s apart: single precision has steps of 128 s there.
    let text: String = (0..40).map(|i| format!("{},{i}\n", 1_700_000_000 + 9 * i)).collect();
    let table = table(&format!("time,y\n{text}"));
    let rules = Rules { scale: Scale::Standard, ..values() };
    let rows: Vec<usize> = (0..40).collect();
    let encoding = TableEncoding::learn(&table, &rows, &rules).unwrap();
    let inputs = encoding.apply(&table).unwrap().inputs;
    // 0 to 39 have the mean 19.5 and the variance (40^2 - 1) / 12.
    for (i, x) in inputs.iter().enumerate() {
        let expected = (i as f64 - 19.5) / (1599.0f64 / 12.0).sqrt();
        assert!((x - expected).abs() < 1e-12, "{i}: {x} {expected}");
    }
    // Usual numbers are rounded when they are read, as they always were.
    let Role::Number { single: false, .. } = encoding.columns()[0].role else { panic!("expected double precision") };
    let usual = learned("a,y\n0.1,1\n0.25,2\n", &rules);
    let Role::Number { single: true, mean, .. } = usual.columns()[0].role else { panic!("expected single precision") };
    assert_eq!(mean, (f64::from(0.1f32) + 0.25) / 2.0);
}

#[test]
fn dates_and_codes_among_texts_are_categories() {
    assert_eq!(learned("a,b,y\n2024-01,A,1\n2024-02,1.2.3,2\n", &values()).width(), 4);
}

#[test]
fn cells_in_quotes_with_line_ends_and_spaces_are_cells() {
    let text = "\u{feff}\"size, in m\",\"kind\"\r\n\r\n 1.5 ,\"two\r\nlines\"\r\n\"2.5\",\" say \"\"hi\"\" \"\r\n\u{a0}3,\"two\r\nlines\"\r\n";
    let table = table(text);
    assert_eq!(table.names(), ["size, in m", "kind"]);
    assert_eq!((0..3).map(|row| table.line(row)).collect::<Vec<_>>(), [3, 5, 6]);
    let rules = Rules::plain(Column::Name("size, in m".to_owned()), Task::Values);
    let encoding = learned(text, &rules);
    assert_eq!(encoding.input_names(), ["kind = say \"hi\"", "kind = two\r\nlines"]);
    let encoded = encoding.apply(&table).unwrap();
    assert_eq!(encoded.targets, Some(Targets::Values { values: vec![1.5, 2.5, 3.0], width: 1 }));
    assert_eq!(encoded.inputs, [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    for delimiter in [';', '\t', '|', ' ', ':'] {
        let table = named(
            "t.csv",
            &format!("a{delimiter}y\nred{delimiter}1\n\"b{delimiter}c\"{delimiter}2\n"),
            delimiter as u8,
        );
        let encoding = TableEncoding::learn(&table, &[0, 1], &values()).unwrap();
        assert_eq!(encoding.input_names(), [format!("a = b{delimiter}c"), "a = red".to_owned()]);
        assert_eq!(encoding.format(), table.format());
    }
}

/// What is said of a table whose first rows are trained on.
fn remarks(text: &str, rules: &Rules) -> Vec<String> {
    let table = table(text);
    let draft = Draft::new(&table, rules).unwrap();
    let rows = draft.rows.clone();
    draft.learn(&rows).unwrap().remarks
}

#[test]
fn a_run_in_double_precision_gets_all_digits() {
    let rules = Rules { precision: Precision::Double, ..values() };
    let text = "a,b,y\n0.1,1700000000.25,0.3\n1e60,1700000000.5,1e-50\n-2.7,5,123456789.123\n";
    let encoding = learned(text, &rules);
    let encoded = encoding.apply(&table(text)).unwrap();
    assert_eq!(encoded.inputs, [0.1, 1_700_000_000.25, 1e60, 1_700_000_000.5, -2.7, 5.0]);
    assert_eq!(encoded.targets, Some(Targets::Values { values: vec![0.3, 1e-50, 123_456_789.123], width: 1 }));
    let read: TableEncoding = serde_json::from_str(&serde_json::to_string(&encoding).unwrap()).unwrap();
    assert_eq!(read.apply(&table(text)).unwrap(), encoded);
    // What earlier versions left says nothing of the target, and means single precision.
    let mut old = serde_json::to_value(learned("a,b,y\n1,2,0.3\n", &values())).unwrap();
    old["columns"][2].as_object_mut().unwrap().remove("single").unwrap();
    let old: TableEncoding = serde_json::from_value(old).unwrap();
    let Some(Targets::Values { values, .. }) = old.apply(&table("a,b,y\n1,2,0.3\n")).unwrap().targets else { panic!() };
    assert_eq!(values, [f64::from(0.3f32)]);
}

/// 2, 6 and 7 units have the mean 5 and the variance 14 / 3 of squared units, whatever the unit.
#[test]
fn numbers_of_any_size_are_standardised() {
    for precision in [Precision::Single, Precision::Double] {
        let rules = Rules { precision, scale: Scale::Standard, ..values() };
        for unit in ["e60", "e-50", "e-200", "e200", "e307", ""] {
            let text = format!("a,y\n2{unit},1\n6{unit},2\n7{unit},4\n");
            let inputs = learned(&text, &rules).apply(&table(&text)).unwrap().inputs;
            for (x, steps) in inputs.iter().zip([-3.0, 1.0, 2.0]) {
                assert!((x - steps / (14.0f64 / 3.0).sqrt()).abs() < 1e-6, "{unit}: {inputs:?}");
            }
        }
        // Equal numbers are nothing but centred, also where their mean is not one of them to the last bit.
        let text = "a,y\n0.1,1\n0.1,2\n0.1,4\n";
        assert_eq!(learned(text, &rules).apply(&table("a,y\n0.1,1\n1.1,1\n")).unwrap().inputs[0], 0.0);
        assert!((learned(text, &rules).apply(&table("a,y\n1.1,1\n")).unwrap().inputs[0] - 1.0).abs() < 1e-7);
    }
}

#[test]
fn what_a_precision_does_not_hold_or_tell_apart_is_said() {
    let huge = "a,y\n1e60,1\n-1e60,2\n";
    assert_eq!(
        message(huge, &values()),
        "t.csv:2: column 0 (`a`): expected a number up to 3.4e38, as single precision has them, got `1e60`; try \
         `precision = \"f64\"`, or another unit in the file"
    );
    assert!(
        message("a,y\n1,1e60\n2,2\n", &values()).starts_with("t.csv:2: column 1 (`y`): expected a number up to 3.4e38")
    );
    assert!(message("a,y\n1e400,1\n2,2\n", &values()).contains("expected a finite number, got `1e400`"));
    // Beside 1e12 the others are one number once scaled.
    let rows = "a,y\n1,1\n2,2\n3,3\n4,4\n1e12,5\n";
    let standard = Rules { scale: Scale::Standard, ..values() };
    assert_eq!(
        remarks(rows, &standard),
        [
            "t.csv: column 0 (`a`): of 5 different numbers single precision tells 2 apart; try `precision = \"f64\"`, or a \
          logarithm of it in the file"
        ]
    );
    assert!(remarks(rows, &Rules { precision: Precision::Double, ..standard.clone() }).is_empty());
    let far = rows.replace("1e12", "1e40");
    let told = remarks(&far, &Rules { precision: Precision::Double, ..standard.clone() });
    assert!(told[0].contains("of 5 different numbers double precision tells 2 apart"), "{told:?}");
    // Ids that no precision tells apart, and targets of which some are.
    let ids = "a,b,y\n9007199254740992,1,1\n9007199254740993,2,2\n";
    let told = remarks(ids, &Rules { precision: Precision::Double, ..values() });
    assert_eq!(
        told,
        [
            "t.csv: column 0 (`a`): 9007199254740992 and 9007199254740993 are one number in double precision; try subtracting the \
          mean in the file"
        ]
    );
    let targets = "a,y\n1,1700000000\n2,1700000001\n2,1700000002\n5,1800000000\n";
    let told = remarks(targets, &values());
    assert_eq!(
        told,
        [
            "t.csv: column 1 (`y`): of 4 different numbers single precision tells 2 apart; try `precision = \"f64\"`, or subtracting \
          the mean in the file"
        ]
    );
    for rules in [standard, values()] {
        assert!(remarks(HOUSES, &Rules { drop: texts(&["id"]), ..rules }).is_empty());
    }
}
