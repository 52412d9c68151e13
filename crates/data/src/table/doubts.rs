//! What may have been taken for something else in a table: a first row of data for a header, the number of a row for an input.

use super::Table;
use super::numbers::Spread;
use crate::excerpt::excerpt;

/// Whether the header is the first row of data beyond doubt: it has numbers where inputs are, and a label of the table where the
/// target is.
pub fn header_is_data(table: &Table, target: usize, labels: &[String]) -> bool {
    let numbers = numbers_in_header(table, target);
    table.format().header && !numbers.is_empty() && labels.iter().any(|label| *label == table.names()[target])
}

/// What is to be said of how the columns of a table are named.
pub fn of_names(table: &Table, target: usize) -> Vec<String> {
    let names = table.names();
    let mut remarks = Vec::new();
    if !table.format().header {
        return first_row_is_header(table).into_iter().collect();
    }
    let numbers = numbers_in_header(table, target);
    if let Some(&first) = numbers.first() {
        remarks.push(format!(
            "{}: the first line is taken as the names of columns, and has numbers in {} of {}, as `{}`; try `header = false` if it \
             is an example",
            table.origin(),
            numbers.len(),
            names.len(),
            excerpt(&names[first])
        ));
    }
    for (place, name) in names.iter().enumerate() {
        if !name.is_empty() && names[..place].contains(name) {
            let first = names.iter().position(|other| other == name).unwrap_or_default();
            remarks.push(table.about_column(place, &format!("column {first} has the same name")));
        }
    }
    remarks
}

/// What is to be said of an input whose numbers, `numbers` of `rows`, may be those of the rows.
pub fn of_numbers(
    table: &Table,
    column: usize,
    rows: &[usize],
    numbers: &[Option<f64>],
    spread: &Spread,
) -> Option<String> {
    let name = &table.names()[column];
    let known = numbers.iter().copied().collect::<Option<Vec<f64>>>()?;
    // Fewer happen to be in a row.
    if known.len() < 4 {
        return None;
    }
    let is_row = |from: f64| rows.iter().zip(&known).all(|(row, x)| *x == *row as f64 + from);
    let what = if is_row(0.0) || is_row(1.0) {
        "counts the rows"
    } else if spread.counts_up_to(table.rows()) && known.len() == table.rows() {
        "has a number of its own for each row, in another order"
    } else if is_name_of_index(name) && spread.is_whole() && spread.count() == known.len() {
        "is called as those of row numbers are, and no two rows share one"
    } else {
        return None;
    };
    let advice = format!("it is an input all the same; try `drop = [{name:?}]` if it says nothing of the rows");
    Some(table.about_column(column, &format!("{what}; {advice}")))
}

/// The columns whose names are numbers, the target apart, unless they are their places or count up as years do.
fn numbers_in_header(table: &Table, target: usize) -> Vec<usize> {
    let names = table.names();
    let number = |name: &String| name.parse::<f64>().ok();
    let inputs = || names.iter().enumerate().filter(|(place, _)| *place != target);
    let numbers: Vec<usize> = inputs().filter(|(_, name)| number(name).is_some()).map(|(place, _)| place).collect();
    let step = |pair: &[usize]| number(&names[pair[1]]).zip(number(&names[pair[0]])).map(|(one, other)| one - other);
    let is_place = |&place: &usize| names[place] == place.to_string();
    let whole = numbers.iter().all(|&place| names[place].parse::<i64>().is_ok());
    if numbers.iter().all(is_place)
        || whole && numbers.len() > 2 && numbers.windows(2).all(|pair| step(pair) == Some(1.0))
    {
        return Vec::new();
    }
    numbers
}

/// Whether the first row of a table without a header may be one: all texts, each of which its column has nowhere else, in a table
/// whose columns have other texts often.
fn first_row_is_header(table: &Table) -> Option<String> {
    const FEWEST: usize = 10;
    let columns = 0..table.names().len();
    let is_unlike = |column: usize| {
        let first = table.cell_bytes(0, column);
        let mut seen = std::collections::HashSet::new();
        let others = (1..table.rows()).map(|row| table.cell_bytes(row, column));
        let repeated = others.clone().filter(|cell| !seen.insert(*cell)).count();
        !first.is_empty() && 2 * repeated > table.rows() && others.clone().all(|cell| cell != first)
    };
    let header = table.rows() >= FEWEST && columns.clone().all(is_unlike);
    header.then(|| {
        let first: Vec<String> =
            columns.take(4).map(|column| format!("`{}`", excerpt(&table.cell(0, column)))).collect();
        let origin = table.origin();
        format!(
            "{origin}: the first line ({}) is taken as an example; try `header = true` if it names the columns",
            first.join(", ")
        )
    })
}

/// Whether tables have their row numbers under such a name: none at all, as pandas and R write them, or one of the usual.
fn is_name_of_index(name: &str) -> bool {
    let name = name.to_lowercase();
    name.is_empty()
        || name.starts_with("unnamed: ")
        || ["id", "index", "idx", "row", "rowid", "row_id", "rownames", "row.names", "no", "nr", "#"]
            .contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Format;

    fn table(text: &str, header: bool) -> Table {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        Table::read(&path, Format { header, delimiter: b',' }).unwrap().called("t.csv")
    }

    fn names(header: &str) -> Vec<String> {
        let table = table(&format!("{header}\n{}\n", header.replace(|c: char| c != ',', "")), true);
        of_names(&table, table.names().len() - 1)
    }

    #[test]
    fn a_header_of_numbers_is_doubted() {
        let told = names("6.3,3.3,6,2.5,virginica");
        assert_eq!(
            told,
            [
                "t.csv: the first line is taken as the names of columns, and has numbers in 4 of 5, as `6.3`; try `header = false` \
              if it is an example"
            ]
        );
        assert_eq!(names("ann,31,1,no").len(), 1);
        // Places and years are names; what is predicted may be called as it likes.
        for header in ["0,1,2,y", "country,2019,2020,2021,y", "a,b,2024", "a,b,y", "x1,2nd,y"] {
            assert!(names(header).is_empty(), "{header}");
        }
        let is_data = |text: &str, labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
            header_is_data(&table(text, true), 1, &labels)
        };
        assert!(
            is_data("5.1,a\n2,a\n", &["a", "b"])
                && !is_data("5.1,kind\n2,a\n", &["a"])
                && !is_data("x,a\n2,a\n", &["a"])
        );
    }

    #[test]
    fn names_that_are_there_twice_are_told() {
        assert_eq!(names("a,b,a,y"), ["t.csv: column 2 (`a`): column 0 has the same name"]);
    }

    #[test]
    fn a_header_among_the_examples_is_doubted() {
        let rows = "red,yes\nblue,no\n".repeat(6);
        let told = of_names(&table(&format!("colour,bought\n{rows}"), false), 1);
        assert_eq!(
            told,
            [
                "t.csv: the first line (`colour`, `bought`) is taken as an example; try `header = true` if it names the columns"
            ]
        );
        for text in [rows.clone(), format!("green,no\n{rows}"), "a,b\nc,d\n".to_owned()] {
            assert!(of_names(&table(&text, false), 1).is_empty());
        }
    }

    #[test]
    fn row_numbers_are_told_as_inputs() {
        let told = |name: &str, numbers: &[f64]| {
            let rows: String = numbers.iter().map(|x| format!("{x},1\n")).collect();
            let table = table(&format!("{name},y\n{rows}"), true);
            let rows: Vec<usize> = (0..numbers.len()).collect();
            let spread = Spread::of(numbers.iter().copied());
            let known: Vec<Option<f64>> = numbers.iter().map(|&x| Some(x)).collect();
            of_numbers(&table, 0, &rows, &known, &spread)
        };
        assert_eq!(
            told("", &[0.0, 1.0, 2.0, 3.0]).unwrap(),
            "t.csv: column 0 (``): counts the rows; it is an input all the same; try `drop = [\"\"]` if it says nothing of the rows"
        );
        assert!(told("n", &[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap().contains("counts the rows"));
        assert!(told("n", &[3.0, 1.0, 2.0, 4.0]).unwrap().contains("in another order"));
        assert!(told("Unnamed: 0", &[7.0, 19.0, 3.0, 4.0]).unwrap().contains("is called as those of row numbers"));
        for (name, numbers) in [
            ("age", &[7.0, 19.0, 3.0, 4.0][..]),
            ("id", &[7.0, 19.0, 7.0, 4.0]),
            ("id", &[0.5, 1.5, 2.5, 3.0]),
            ("x", &[0.0, 1.0, 2.0]),
            ("x", &[2.0, 3.0, 4.0, 5.0]),
        ] {
            assert_eq!(told(name, numbers), None, "{name} {numbers:?}");
        }
    }
}
