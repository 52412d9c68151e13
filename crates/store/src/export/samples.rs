//! Runs to export in tests.

use super::{Format, Source, export_to};
use onedge_record::{Record, RunDirectory, StepWriter};

/// Two records with everything in them, and a run with one record more that is torn.
pub fn samples() -> (tempfile::TempDir, Vec<Source>) {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        Record {
            step: 0,
            loss: 2.5,
            learning_rate: 1e-7,
            sharpness: Some(3.0),
            converged: Some(true),
            eigenvalues: vec![3.0, 0.5],
            measured: [("trace".to_owned(), 7.5)].into(),
            density: vec![(3.0, 1.0)],
            ..Record::default()
        },
        Record { step: 1, loss: 0.1, learning_rate: 0.25, cost: 6.0, seconds: 1.5, ..Record::default() },
    ];
    let mut sources = Vec::new();
    for (name, label) in [("a", "a"), ("b", "b, \"2\"")] {
        let run = RunDirectory::create(&folder.path().join(name)).unwrap();
        let mut writer = StepWriter::create(&run.steps()).unwrap();
        records.iter().for_each(|record| writer.append(record).unwrap());
        sources.push(Source { label: label.to_owned(), run });
    }
    for (source, from, to) in [(0, "0.25", "null"), (1, "1.5}\n", "1.")] {
        let path = sources[source].run.steps();
        let text = std::fs::read_to_string(&path).unwrap().replace(from, to);
        std::fs::write(path, text).unwrap();
    }
    (folder, sources)
}

/// As text.
pub fn exported(sources: &[Source], format: Format) -> String {
    let mut out = Vec::new();
    export_to(sources, format, &mut out, std::path::Path::new("out")).unwrap();
    String::from_utf8(out).unwrap()
}
