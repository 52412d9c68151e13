use serde::Serialize;

use super::numbers::Spread;
use super::{Role, Table, TableEncoding};
use crate::Targets;
use crate::excerpt::{excerpt, list};

/// What a table was taken as: what each column is, of the rows that are trained on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableSummary {
    /// The file.
    pub origin: String,
    /// Whether its first line names the columns.
    pub header: bool,
    /// What separates cells.
    pub delimiter: char,
    /// All of its rows, the header apart.
    pub rows: usize,
    /// Rows left out, as they lack a value.
    pub left_out: usize,
    /// Its columns, in their order.
    pub columns: Vec<ColumnSummary>,
    /// The cells of the first few rows.
    pub first_rows: Vec<Vec<String>>,
}

/// What a column was taken as.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Its name in the header, or its place.
    pub name: String,
    /// `number`, `categories`, `dropped`; of the target `classes` or `values`.
    pub taken_as: &'static str,
    /// How many inputs it becomes.
    pub inputs: usize,
    /// How many rows lack a value there.
    pub missing: usize,
    /// How many different values it has.
    pub different: usize,
    /// Of numbers: the smallest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest: Option<f64>,
    /// Of numbers: the largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<f64>,
    /// Of numbers: the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Of categories and classes: how many rows have each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Counted>,
}

/// How many rows have a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The label.
    pub label: String,
    /// How many.
    pub rows: usize,
}

/// What was learned of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// How cells become numbers.
    pub encoding: TableEncoding,
    /// What columns were taken as.
    pub columns: Vec<ColumnSummary>,
    /// What is to be said of that, each a sentence.
    pub remarks: Vec<String>,
}

/// How many rows are shown.
const SHOWN: usize = 5;

impl ColumnSummary {
    /// Of numbers of which `missing` are not there.
    pub(super) fn of_numbers(numbers: &[f64], missing: usize, spread: &Spread) -> Self {
        let range = spread.range();
        // The mean of the distances, so that it is there for the largest numbers, too.
        let middle = range.map_or(0.0, |(low, high)| low / 2.0 + high / 2.0);
        let count = numbers.len() as f64;
        let mean = range.map(|_| middle + numbers.iter().map(|x| (x - middle) / count).sum::<f64>());
        Self {
            taken_as: "number",
            missing,
            different: spread.count(),
            smallest: range.map(|(low, _)| low),
            largest: range.map(|(_, high)| high),
            mean,
            ..Self::default()
        }
    }

    /// Of labels, each with the rows that have it.
    pub(super) fn of_labels(taken_as: &'static str, counts: Vec<Counted>, missing: usize) -> Self {
        Self { taken_as, missing, different: counts.len(), counts, ..Self::default() }
    }

    /// Of the column to predict.
    pub(super) fn of_targets(targets: &Targets) -> Self {
        match targets {
            Targets::Classes { labels, names, .. } => {
                let mut counts: Vec<Counted> =
                    names.iter().map(|name| Counted { label: name.clone(), rows: 0 }).collect();
                labels.iter().for_each(|&label| counts[label as usize].rows += 1);
                Self::of_labels("classes", counts, 0)
            }
            Targets::Values { values, .. } => {
                let spread = Spread::of(values.iter().copied());
                Self { taken_as: "values", ..Self::of_numbers(values, 0, &spread) }
            }
            Targets::Tokens { .. } => Self::default(),
        }
    }
}

impl TableSummary {
    /// Of `table`, of which `left_out` rows are of no use.
    pub(crate) fn new(
        table: &Table,
        left_out: usize,
        encoding: &TableEncoding,
        mut columns: Vec<ColumnSummary>,
    ) -> Self {
        for (summary, column) in columns.iter_mut().zip(encoding.columns()) {
            summary.name.clone_from(&column.name);
            summary.inputs = column.role.width();
            if column.role == Role::Dropped {
                summary.taken_as = "dropped";
            }
        }
        let cells = |row| (0..table.names().len()).map(|column| table.cell(row, column).into_owned()).collect();
        Self {
            origin: table.origin().to_owned(),
            header: table.format().header,
            delimiter: char::from(table.format().delimiter),
            rows: table.rows(),
            left_out,
            columns,
            first_rows: (0..table.rows().min(SHOWN)).map(cells).collect(),
        }
    }

    /// In a sentence what is predicted from what.
    pub(crate) fn to_line(&self) -> String {
        let names = |taken_as: &str| -> Vec<&str> {
            let of_kind = self.columns.iter().filter(|column| column.taken_as == taken_as);
            of_kind.map(|column| column.name.as_str()).collect()
        };
        let group = |taken_as: &str, words: &str| {
            let names = names(taken_as);
            (!names.is_empty()).then(|| format!("{words} {}", list(names.into_iter())))
        };
        let target = self.columns.iter().find(|column| matches!(column.taken_as, "classes" | "values"));
        let predicted = target.map_or_else(String::new, |target| match target.taken_as {
            "classes" => {
                let classes = list(target.counts.iter().map(|counted| counted.label.as_str()));
                format!("`{}` is predicted, one of {} classes: {classes}", excerpt(&target.name), target.different)
            }
            _ => format!("`{}` is predicted, a number", excerpt(&target.name)),
        });
        let groups = [group("number", "numbers"), group("categories", "categories"), group("dropped", "left out:")];
        let groups: Vec<String> = groups.into_iter().flatten().collect();
        format!("{}: {predicted}; from {}", self.origin, groups.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_range_and_a_mean_of_any_size() {
        let of = |numbers: &[f64]| ColumnSummary::of_numbers(numbers, 2, &Spread::of(numbers.iter().copied()));
        let usual = of(&[1.0, 4.0, 1.0, 10.0]);
        assert_eq!((usual.smallest, usual.largest, usual.mean), (Some(1.0), Some(10.0), Some(4.0)));
        assert_eq!((usual.different, usual.missing), (3, 2));
        assert_eq!(of(&[f64::MAX, f64::MAX]).mean, Some(f64::MAX));
        assert_eq!(of(&[]).mean, None);
    }

    #[test]
    fn no_name_gives_orders_to_a_terminal() {
        let column =
            |name: &str, taken_as| ColumnSummary { name: name.to_owned(), taken_as, ..ColumnSummary::default() };
        for taken_as in ["classes", "values"] {
            let summary = TableSummary {
                origin: "t.csv".to_owned(),
                header: true,
                delimiter: ',',
                rows: 1,
                left_out: 0,
                columns: vec![column("a\u{1f}", "number"), column("y\u{1b}[2J", taken_as)],
                first_rows: Vec::new(),
            };
            let line = summary.to_line();
            assert!(line.contains("`y\\u{1b}[2J` is predicted") && !line.contains(char::is_control), "{line}");
        }
    }
}
