use std::io::Write;
use std::mem::take;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::csv::Extent;
use super::{Report, Source};
use crate::Error;
use onedge_record::Rows;

/// Rows that are held before they are written.
const GROUP: usize = 1 << 16;

/// Columns of whole numbers; a flag is 1 or 0.
const WHOLE: [&str; 3] = ["step", "converged", "products"];

/// A column of the group that is being gathered: the values that there are, and for each row whether there is one.
struct Gathered {
    name: String,
    values: Values,
    present: Vec<i16>,
}

enum Values {
    Whole(Vec<i64>),
    Numbers(Vec<f64>),
    /// Of `run`: the label of each row.
    Labels(Vec<ByteArray>),
}

pub fn write(sources: &[Source], out: &mut (dyn Write + Send), place: &Path) -> Result<Report, Error> {
    let extent = Extent::of(sources)?;
    let mut columns: Vec<Gathered> = extent.names().map(Gathered::numbers).collect();
    let mut labels = (sources.len() > 1).then(Gathered::labels);
    let fail = |error: ParquetError| Error::write(place)(std::io::Error::other(error));
    let properties = Arc::new(WriterProperties::builder().build());
    let schema = schema(labels.iter().chain(&columns)).map_err(fail)?;
    let mut writer = SerializedFileWriter::new(out, schema, properties).map_err(fail)?;
    let mut report = Report::default();
    let mut rows_held = 0;
    let mut flush = |labels: &mut Option<Gathered>, columns: &mut Vec<Gathered>| {
        let mut group = writer.next_row_group()?;
        labels.iter_mut().chain(columns).try_for_each(|column| column.write(&mut group))?;
        group.close().map(drop)
    };
    for source in sources {
        let label = ByteArray::from(source.label.as_str());
        let mut rows = Rows::open(&source.run)?;
        while let Some(row) = rows.next()? {
            for (column, cell) in columns.iter_mut().zip(extent.cells(&row)) {
                column.push(cell);
            }
            if let Some(Gathered { values: Values::Labels(labels), .. }) = &mut labels {
                labels.push(label.clone());
            }
            report.records += 1;
            rows_held += 1;
            if rows_held == GROUP {
                flush(&mut labels, &mut columns).map_err(fail)?;
                rows_held = 0;
            }
        }
        report.torn.extend(rows.torn().then(|| source.run.path().to_owned()));
    }
    if rows_held > 0 {
        flush(&mut labels, &mut columns).map_err(fail)?;
    }
    writer.close().map_err(fail)?;
    Ok(report)
}

impl Gathered {
    fn numbers(name: String) -> Self {
        let whole = WHOLE.contains(&&name[..]);
        let values = if whole { Values::Whole(Vec::new()) } else { Values::Numbers(Vec::new()) };
        Self { name, values, present: Vec::new() }
    }

    fn labels() -> Self {
        Self { name: "run".to_owned(), values: Values::Labels(Vec::new()), present: Vec::new() }
    }

    fn push(&mut self, cell: Option<&str>) {
        let present = match &mut self.values {
            Values::Whole(values) => cell.and_then(|cell| cell.parse().ok()).map(|value| values.push(value)),
            Values::Numbers(values) => cell.and_then(|cell| cell.parse().ok()).map(|value| values.push(value)),
            Values::Labels(_) => None,
        };
        self.present.push(i16::from(present.is_some()));
    }

    fn field(&self) -> Result<Type, ParquetError> {
        let (physical, repetition) = match self.values {
            Values::Whole(_) => (Physical::INT64, Repetition::OPTIONAL),
            Values::Numbers(_) => (Physical::DOUBLE, Repetition::OPTIONAL),
            Values::Labels(_) => (Physical::BYTE_ARRAY, Repetition::REQUIRED),
        };
        let text = matches!(self.values, Values::Labels(_)).then_some(LogicalType::String);
        let field = Type::primitive_type_builder(&self.name, physical).with_repetition(repetition);
        field.with_logical_type(text).build()
    }

    fn write<W: Write + Send>(&mut self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<(), ParquetError> {
        let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".to_owned()))?;
        let present = take(&mut self.present);
        match &mut self.values {
            Values::Whole(values) => {
                column.typed::<Int64Type>().write_batch(&take(values), Some(&present), None)?;
            }
            Values::Numbers(values) => {
                column.typed::<DoubleType>().write_batch(&take(values), Some(&present), None)?;
            }
            Values::Labels(values) => {
                column.typed::<ByteArrayType>().write_batch(&take(values), None, None)?;
            }
        }
        column.close()
    }
}

fn schema<'a>(columns: impl Iterator<Item = &'a Gathered>) -> Result<Arc<Type>, ParquetError> {
    let fields = columns.map(|column| column.field().map(Arc::new)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("steps").with_fields(fields).build()?))
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::export::samples::samples;
    use onedge_record::COLUMNS;

    #[test]
    fn another_reader_finds_the_same() {
        let (_folder, sources) = samples();
        let mut out = tempfile::tempfile().unwrap();
        let report = write(&sources, &mut out, Path::new("out")).unwrap();
        assert_eq!((report.records, report.torn.len()), (3, 1));
        let file = SerializedFileReader::new(out).unwrap();
        let rows: Vec<String> = file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows[0].starts_with("{run: \"a\", step: 0, loss: 2.5, learning_rate: 0.0000001, "), "{}", rows[0]);
        assert!(rows[0].ends_with("eigenvalue_1: 3.0, eigenvalue_2: 0.5, trace: 7.5}"), "{}", rows[0]);
        assert!(rows[1].contains("step: 1, loss: 0.1, learning_rate: NaN, gradient_norm: null"), "{}", rows[1]);
        assert!(
            rows[2].starts_with("{run: \"b, \\\"2\\\"\"") || rows[2].starts_with("{run: \"b, \"2\"\""),
            "{}",
            rows[2]
        );
        assert_eq!(file.metadata().file_metadata().schema().get_fields().len(), COLUMNS.len() + 4);
    }
}
