//! Files of runs that were changed at random, in a way that a seed decides: every reader says what is wrong with them or reads
//! them, none panics, and those that read the same file agree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use onedge_objective::State;
use onedge_record::checkpoint::{About, Checkpoint, Checkpoints};
use onedge_record::{COLUMNS, Record, Row, Rows, RunDirectory, StepWriter, Summary, params};
use onedge_train::{Layout, Snapshot};
use onedge_tune::TrainerState;

/// Numbers that a seed decides: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % most.max(1) as u64) as usize
    }
}

/// What is written into files where it hurts.
const PIECES: [&str; 24] = [
    "null",
    "true",
    "NaN",
    "1e999",
    "-1",
    "0.5",
    "18446744073709551615",
    "18446744073709551616",
    "9e15",
    "-0",
    "1e-400",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "\0",
    "\\u0000",
    "\u{feff}",
    "\r\n",
    "{\"step\":3}",
];

/// One to four changes: a bit, a byte, a piece put in or taken out, a part moved or repeated, an end cut off, a length
/// that is none.
fn mutated(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 9, 10, 32, 34, 127, 128, 255][random.below(8)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            5 => drop(bytes.splice(at..end, PIECES[random.below(PIECES.len())].bytes())),
            6 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            7 if bytes.len() >= 8 => {
                let length = [0, 1, 7, u64::from(u32::MAX), u64::MAX, 1 << 40][random.below(6)];
                bytes[..8].copy_from_slice(&length.to_le_bytes());
            }
            _ => bytes.extend_from_slice(&whole[random.below(whole.len())..]),
        }
    }
    bytes
}

/// A folder in memory, where the system has one: thousands of files are written, and made to last, for nobody.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn layouts() -> Vec<Layout> {
    let layout = |name: &str, shape: &[usize]| Layout { name: name.to_owned(), shape: shape.to_vec() };
    vec![layout("layers.0.weight", &[2, 3]), layout("layers.0.bias", &[3])]
}

const W: [f32; 9] = [0.5, -1.25, 2.0, 3.5, -0.75, 1e-3, 7.0, 8.5, -9.0];

#[test]
fn checkpoints_are_whole_or_refused() {
    let root = folder();
    let folder = Checkpoints::in_folder(root.path());
    let method = TrainerState {
        trainer: State::new().with_scalar("steps", 5.0).with_vector("update", W.to_vec()),
        optimizer: State::new().with_vector("mean", W.to_vec()),
        tuner: State::new().with_scalar("rate", 0.1),
    };
    let about = About { step: 5, spec: "steps = 9".to_owned(), data: "abc".to_owned(), version: "1".to_owned() };
    let snapshot = Snapshot { w: W.to_vec(), method, diagnostics: BTreeMap::new(), progress: State::new() };
    let checkpoint = Checkpoint { about, snapshot, records: State::new() };
    let path = folder.path(5);
    checkpoint.write(&path, &layouts()).unwrap();
    let whole = fs::read(&path).unwrap();
    let (mut random, mut refused) = (Random(1), 0);
    for turn in 0..4000 {
        let bytes = mutated(&whole, &mut random);
        fs::write(&path, &bytes).unwrap();
        // Nothing but the file as it was is taken for one.
        match Checkpoint::<f32>::read(&path, &layouts()) {
            Ok(read) => assert!(bytes == whole && read == checkpoint, "turn {turn}"),
            Err(_) => refused += 1,
        }
        assert_eq!(folder.last_about().unwrap().is_some(), bytes == whole, "turn {turn}");
    }
    assert!(refused > 3000, "{refused}");
}

#[test]
fn parameters_are_finite_or_refused() {
    let root = folder();
    let path = root.path().join("p.safetensors");
    params::save(&path, &layouts(), &W, &BTreeMap::new()).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut random = Random(2);
    let mut read = 0;
    for turn in 0..4000 {
        fs::write(&path, mutated(&whole, &mut random)).unwrap();
        if let Ok(w) = params::load::<f64>(&path, &layouts()) {
            read += 1;
            assert!(w.len() == W.len() && w.iter().all(|x| x.is_finite()), "turn {turn}");
        }
    }
    assert!(read > 10, "{read}");
}

/// A few records with all there is in them, and lines that a resume of an earlier version left.
fn records(path: &Path) -> Vec<u8> {
    let mut writer = StepWriter::create(path).unwrap();
    for step in [0, 1, 2, 3, 2, 3, 4] {
        let usual =
            Record { step, loss: 0.1 * step as f64, sharpness: Some(12.5), products: Some(7), ..Record::default() };
        let full = Record {
            converged: Some(true),
            update_cosine: Some(-0.5),
            eigenvalues: vec![12.5, 4.0],
            measured: BTreeMap::from([("trace".to_owned(), 30.0)]),
            density: vec![(0.5, 1.0)],
            ..usual.clone()
        };
        writer.append(if step == 1 { &full } else { &usual }).unwrap();
    }
    fs::read(path).unwrap()
}

/// The values of records, column by column.
type Values = Vec<Vec<Option<f64>>>;

/// What is read record by record as text.
fn streamed(run: &RunDirectory) -> Result<(Values, bool), String> {
    let mut rows = Rows::open(run).unwrap();
    let mut values = Vec::new();
    loop {
        match rows.next() {
            Ok(Some(row)) => values.push(COLUMNS.iter().map(|column| row.value(column.name)).collect()),
            Ok(None) => return Ok((values, rows.torn())),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
}

#[test]
fn readers_of_records_agree() {
    let root = folder();
    let path = root.path().join("steps.jsonl");
    let whole = records(&path);
    let run = RunDirectory::at(root.path());
    let (mut random, mut read, mut failed) = (Random(3), 0, 0);
    for turn in 0..10_000 {
        let bytes = mutated(&whole, &mut random);
        fs::write(&path, &bytes).unwrap();
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        match (run.read_steps(), streamed(&run)) {
            (Ok(steps), Ok((values, torn))) => {
                read += 1;
                assert_eq!(steps.torn, torn, "turn {turn}: {}", text());
                let row = |record: &Record| COLUMNS.iter().map(|column| (column.get)(record)).collect();
                let expected: Values = steps.records.iter().map(row).collect();
                assert_eq!(format!("{values:?}"), format!("{expected:?}"), "turn {turn}: {}", text());
                // Whatever was there, the steps are in order, each once.
                assert!(steps.records.windows(2).all(|pair| pair[0].step < pair[1].step), "turn {turn}");
            }
            (Err(_), Err(_)) => failed += 1,
            (steps, streamed) => panic!("turn {turn}: {steps:?} and {streamed:?}: {}", text()),
        }
        // What a run that goes on leaves is read by everybody, and nothing is lost.
        run.cut_back(3).unwrap();
        let kept = run.read_steps().unwrap();
        assert!(!kept.torn && kept.records.iter().all(|record| record.step < 3), "turn {turn}: {}", text());
        let aside = fs::read(run.superseded()).unwrap_or_default();
        assert_eq!(lines(&fs::read(&path).unwrap()) + lines(&aside), lines(&bytes), "turn {turn}: {}", text());
        let _ = fs::remove_file(run.superseded());
    }
    assert!(read > 500 && failed > 500, "{read} read, {failed} failed");
}

#[test]
fn summaries_are_read_or_refused() {
    let root = folder();
    let run = RunDirectory::at(root.path());
    let whole = br#"{"name":"a","version":"0","stop":{"reason":"diverged","step":7,"loss":1e9,"limit":1e6},"steps":7,"parameters":3,
        "seconds":1.5,"spectrum_seconds":0.25,"checkpoint_seconds":0.5,"checkpoints_failed":2,"cost":21.0,"first_loss":2.0,"final_loss":3.0,
        "best_loss":1.0,"best":{"step":3,"metric":"loss","value":0.5},"events":{"non_descent":4},"findings":[{"finding":"oscillated","loss":1.0}],
        "train":{"loss":0.5},"test":{}}"#;
    let (mut random, mut read) = (Random(4), 0);
    for turn in 0..5000 {
        fs::write(run.summary(), mutated(whole, &mut random)).unwrap();
        if let Ok(Some(summary)) = run.read_summary() {
            read += 1;
            // What was read can be written and read again.
            let text = serde_json::to_string(&summary).unwrap();
            assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary, "turn {turn}");
        }
    }
    assert!(read > 100, "{read}");
}

#[test]
fn deep_and_long_lines_end_soon() {
    let deep = "[".repeat(1 << 20);
    assert!(Row::read(deep.as_bytes()).is_err());
    let nested = format!("{{\"step\":1,\"loss\":1,\"learning_rate\":1,\"cost\":1,\"seconds\":1,\"more\":{deep}}}");
    assert!(Row::read(nested.as_bytes()).is_err());
    let root = folder();
    let run = RunDirectory::at(root.path());
    for text in [deep, "{\"step\":".repeat(1 << 17), "\n".repeat(1 << 20), "{}\n".repeat(1 << 18)] {
        fs::write(run.steps(), &text).unwrap();
        let _ = run.read_steps();
        run.cut_back(1).unwrap();
        assert_eq!(run.read_steps().unwrap().records, []);
    }
}
