use std::io::Write;
use std::path::Path;

use super::{Report, Source};
use crate::Error;
use onedge_record::Rows;

pub fn write(sources: &[Source], out: &mut dyn Write, place: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let several = sources.len() > 1;
    let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(Error::write(place));
    if several {
        put(b"{\n")?;
    }
    for (index, source) in sources.iter().enumerate() {
        if several {
            let label = serde_json::Value::from(&source.label[..]);
            put(format!("{}{label}: ", if index > 0 { ",\n" } else { "" }).as_bytes())?;
        }
        put(b"[")?;
        let mut rows = Rows::open(&source.run)?;
        let mut before: &[u8] = b"\n";
        while rows.next()?.is_some() {
            put(before)?;
            put(rows.line())?;
            before = b",\n";
            report.records += 1;
        }
        put(b"\n]")?;
        report.torn.extend(rows.torn().then(|| source.run.path().to_owned()));
    }
    put(if several { b"\n}\n" } else { b"\n" })?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::export::Format;
    use crate::export::samples::{exported, samples};
    use onedge_record::Record;

    #[test]
    fn one_run_is_a_list_and_several_are_called() {
        let (_folder, sources) = samples();
        let records: Vec<Record> = serde_json::from_str(&exported(&sources[..1], Format::Json)).unwrap();
        assert_eq!(records[0], sources[0].run.read_steps().unwrap().records[0]);
        assert_eq!((records.len(), records[0].learning_rate), (2, 1e-7));
        assert!(records[1].learning_rate.is_nan());
        let runs: BTreeMap<String, Vec<Record>> = serde_json::from_str(&exported(&sources, Format::Json)).unwrap();
        assert_eq!(
            runs.iter().map(|(run, all)| (&run[..], all.len())).collect::<Vec<_>>(),
            [("a", 2), ("b, \"2\"", 1)]
        );
    }
}
