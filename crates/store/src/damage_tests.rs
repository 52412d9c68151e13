//! An index that was damaged: no answer changes, and it is said.

use std::collections::BTreeMap;
use std::fs;

use super::tests::Bench;
use super::{FieldValue, Filter, Selection, Sort, Store};

type Listed = Vec<BTreeMap<String, FieldValue>>;

/// What is asked of a store.
fn answers(store: &mut Store) -> (Listed, Listed, String) {
    let filter = Filter::parse("final_loss<2.5 and tuner.sigma=2 and not tag=old").unwrap();
    let (sort, columns) = (Sort::parse("-seed"), ["folder".to_owned(), "started".to_owned()]);
    let some = Selection { filter: Some(&filter), sort: Some(&sort), limit: Some(3), columns: Some(&columns) };
    let all = store.list(&Selection::default()).unwrap();
    (all, store.list(&some).unwrap(), store.find("the r2").unwrap().folder)
}

fn bench() -> Bench {
    let bench = Bench::new();
    for seed in 1..4 {
        fs::write(bench.done(&format!("r{seed}"), seed).join("tags"), if seed == 1 { "old\n" } else { "new\n" })
            .unwrap();
    }
    bench.killed("group/k", 4);
    bench
}

/// With every 53rd byte of the file changed, one after the other.
#[test]
fn a_flipped_bit_anywhere_changes_no_answer() {
    let bench = bench();
    let expected = answers(&mut bench.store());
    let whole = fs::read(bench.index()).unwrap();
    let mut noticed = 0;
    for (turn, place) in (0..whole.len()).step_by(53).enumerate() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (turn % 8);
        for rest in ["index.sqlite-wal", "index.sqlite-shm"] {
            let _ = fs::remove_file(bench.root().join(rest));
        }
        fs::write(bench.index(), bytes).unwrap();
        let mut store = bench.store();
        assert_eq!(answers(&mut store), expected, "byte {place}");
        let notes = store.notes();
        assert!(notes.len() <= 1 && store.has_index(), "byte {place}: {notes:?}");
        noticed += notes.len();
    }
    // Most of a page is empty.
    assert!(noticed > 10, "{noticed} of {}", whole.len() / 53);
}

/// Changes that a database takes for good: a value, a row more, a row less.
#[test]
fn a_row_that_was_changed_is_not_believed() {
    let bench = bench();
    let expected = answers(&mut bench.store());
    let whole = fs::read(bench.index()).unwrap();
    let fact = "(SELECT id FROM keys WHERE name = 'final_loss')";
    for change in [
        format!("UPDATE facts SET value = 0.125 WHERE key = {fact} AND run = 2"),
        format!("DELETE FROM facts WHERE key = {fact} AND run = 2"),
        format!("UPDATE facts SET run = 99 WHERE key = {fact} AND run = 2"),
        "UPDATE runs SET status = 'diverged' WHERE id = 1".to_owned(),
        "UPDATE runs SET folder = 'r9' WHERE id = 1".to_owned(),
        "DELETE FROM runs WHERE id = 3".to_owned(),
        "INSERT INTO runs (folder, status, stamp) VALUES ('ghost', 'done', 'free')".to_owned(),
        "UPDATE keys SET name = 'final_lost' WHERE name = 'final_loss'".to_owned(),
        "UPDATE keys SET runs = 0 WHERE name = 'final_loss'".to_owned(),
        "DELETE FROM keys WHERE name = 'final_loss'".to_owned(),
        "UPDATE groups SET modified = 7".to_owned(),
        "DELETE FROM sums".to_owned(),
        "ALTER TABLE facts RENAME COLUMN value TO valu".to_owned(),
    ] {
        fs::write(bench.index(), &whole).unwrap();
        rusqlite::Connection::open(bench.index()).unwrap().execute_batch(&change).unwrap();
        let mut store = bench.store();
        assert_eq!(answers(&mut store), expected, "{change}");
        assert!(store.notes()[0].ends_with("made again from the folders"), "{change}: {:?}", store.notes());
        // Said once: it is whole again.
        drop(store);
        let mut again = bench.store();
        assert_eq!((answers(&mut again), again.notes().len()), (expected.clone(), 0), "{change}");
    }
}
