//! Step records, summaries and what else a run folder has: the first byte chooses the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onedge_fuzz::{told, with_files};
use onedge_record::{Rows, RunDirectory};
use onedge_spec::Catalogue;
use onedge_store::Entry;

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, text)) = bytes.split_first() else { return };
    let name = ["steps.jsonl", "summary.json", "resumed.jsonl", "spec.toml"][usize::from(which) % 4];
    with_files(&[("r/spec.toml", b"steps = 3\n[provenance]\n"), ("r/steps.jsonl", b"")], |folder| {
        let run = folder.join("r");
        std::fs::write(run.join(name), text).expect("room for a file");
        let directory = RunDirectory::at(&run);
        let faults = [
            directory.read_steps().err(),
            directory.read_summary().err(),
            directory.resumptions().err(),
            rows(&directory).err(),
        ];
        faults.iter().flatten().for_each(|error| told(error));
        drop(Entry::read(folder, "r", &Catalogue::standard()));
        // What a run that goes on leaves of its records is read by everybody.
        directory.cut_back(3).expect("a folder of our own");
        rows(&directory).expect("whole records");
        assert!(directory.read_steps().expect("whole records").records.iter().all(|record| record.step < 3));
        drop(std::fs::remove_dir_all(run));
    });
});

fn rows(directory: &RunDirectory) -> Result<(), onedge_record::Error> {
    let mut rows = Rows::open(directory)?;
    while let Some(row) = rows.next()? {
        row.value("loss");
        (0..4).for_each(|column| _ = row.cell(column));
    }
    Ok(())
}
