//! Tables of runs, each made once for all who look at it, and what has changed in them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use onedge_store::{FieldValue, Filter, Selection, Store};
use serde::Serialize;
use serde_json::Value;

use crate::app::{App, locked};
use crate::error::Refusal;

/// A table is made again after so long at the earliest, and never more than a tenth of the time.
const PAUSE: Duration = Duration::from_millis(900);
const SHARE: u32 = 10;
/// So many tables are kept.
const KEPT: usize = 16;

/// Which table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Which runs, in the language of `onedge runs --where`; all if empty.
    pub filter: String,
    /// What of each.
    pub columns: Vec<String>,
}

/// One run: its folder, and its values in the order of the columns.
pub type Row = (String, Vec<Value>);

/// A table as it was at some time.
#[derive(Debug)]
pub struct Table {
    /// Counts up with every change.
    pub revision: u64,
    /// In the order in which runs were started, the latest first.
    pub rows: Vec<Row>,
    /// How many runs there are, whether they fit or not.
    pub all: usize,
    /// Everything that is known of some run.
    pub keys: Vec<String>,
    /// What went wrong without harm.
    pub notes: Vec<String>,
    /// When it pays to ask again.
    pub pause: Duration,
    made: Instant,
    /// The one before: its revision, and what it had of each run.
    before: Option<(u64, HashMap<String, u64>)>,
}

/// What somebody is to be told who knows the table of some revision.
#[derive(Debug, Serialize, PartialEq)]
pub struct Changes {
    /// All rows, and nothing is to be kept; or only those that changed or are new.
    pub whole: bool,
    /// The rows.
    pub rows: Vec<Row>,
    /// Folders that are gone, or no longer fit.
    pub gone: Vec<String>,
}

impl Table {
    /// What is to be told whoever has the table of this revision.
    pub fn since(&self, revision: Option<u64>) -> Changes {
        if revision == Some(self.revision) {
            return Changes { whole: false, rows: Vec::new(), gone: Vec::new() };
        }
        match &self.before {
            Some((before, there)) if revision == Some(*before) => {
                let now: HashSet<&str> = self.rows.iter().map(|(folder, _)| &folder[..]).collect();
                let changed = |(folder, values): &&Row| there.get(folder) != Some(&fingerprint(values));
                let rows = self.rows.iter().filter(changed).cloned().collect();
                let gone = there.keys().filter(|folder| !now.contains(&folder[..])).cloned().collect();
                Changes { whole: false, rows, gone }
            }
            _ => Changes { whole: true, rows: self.rows.clone(), gone: Vec::new() },
        }
    }
}

/// The tables that somebody looks at.
#[derive(Default)]
pub struct Listings {
    kept: HashMap<Query, Arc<Table>>,
    revisions: u64,
}

impl App {
    /// The table as it is now, or was a moment ago.
    ///
    /// # Errors
    /// Sentences for a filter or a column that there is not, a folder that is gone, an index that cannot be had.
    pub fn table(&self, query: &Query) -> Result<Arc<Table>, Refusal> {
        // Whoever asks for the same meanwhile waits for it.
        let mut listings = locked(&self.listings);
        let known = listings.kept.get(query).cloned();
        if let Some(known) = &known
            && known.made.elapsed() < known.pause
        {
            return Ok(Arc::clone(known));
        }
        let started = Instant::now();
        let (rows, all, keys, notes) = self.read(query)?;
        let pause = PAUSE.max(SHARE * started.elapsed());
        let same = |known: &Arc<Table>| known.rows == rows && known.all == all && known.notes == notes;
        let (revision, before) = match known {
            Some(known) if same(&known) => {
                // Nobody else may hold it, or somebody does: either way the time is a new one.
                let before = known.before.clone();
                (known.revision, before)
            }
            Some(known) => {
                let there = known.rows.iter().map(|(folder, values)| (folder.clone(), fingerprint(values))).collect();
                (listings.revisions + 1, Some((known.revision, there)))
            }
            None => (listings.revisions + 1, None),
        };
        listings.revisions = listings.revisions.max(revision);
        let table = Arc::new(Table { revision, rows, all, keys, notes, pause, made: Instant::now(), before });
        if listings.kept.len() >= KEPT && !listings.kept.contains_key(query) {
            let oldest = listings.kept.iter().min_by_key(|(_, table)| table.made).map(|(query, _)| query.clone());
            oldest.map(|oldest| listings.kept.remove(&oldest));
        }
        listings.kept.insert(query.clone(), Arc::clone(&table));
        Ok(table)
    }

    #[allow(clippy::type_complexity)] // The parts of a table, which has a name.
    fn read(&self, query: &Query) -> Result<(Vec<Row>, usize, Vec<String>, Vec<String>), Refusal> {
        if !self.root.is_dir() {
            return Err(self.vanished());
        }
        let filter = match query.filter.trim() {
            "" => None,
            text => Some(Filter::parse(text)?),
        };
        // Others wait for the index: it is not held while rows are made of it.
        let (found, all, keys, notes) = {
            let mut store = Store::open(&self.root, &self.catalogue)?;
            let mut columns = query.columns.clone();
            columns.push("folder".to_owned());
            let selection = Selection { filter: filter.as_ref(), columns: Some(&columns), ..Selection::default() };
            let found = store.list(&selection)?;
            let alone = ["folder".to_owned()];
            let all = match &filter {
                None => found.len(),
                Some(_) => store.list(&Selection { columns: Some(&alone), ..Selection::default() })?.len(),
            };
            (found, all, store.keys()?, store.notes())
        };
        let row = |mut run: BTreeMap<String, FieldValue>| {
            let value = |key: &String| run.get(onedge_store::canonical(key)).map_or(Value::Null, FieldValue::to_json);
            let values = query.columns.iter().map(value).collect();
            let folder = run.remove("folder").map_or(String::new(), |folder| folder.to_string());
            (folder, values)
        };
        Ok((found.into_iter().map(row).collect(), all, keys, notes))
    }
}

fn fingerprint(values: &[Value]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for value in values {
        value.to_string().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told_to_who_knows_the_rest() {
        let row = |folder: &str, steps: u64| (folder.to_owned(), vec![Value::from(steps)]);
        let there = [row("a", 1), row("b", 2)].iter().map(|(f, v)| (f.clone(), fingerprint(v))).collect();
        let table = Table {
            revision: 5,
            rows: vec![row("a", 1), row("c", 3)],
            all: 2,
            keys: Vec::new(),
            notes: Vec::new(),
            pause: PAUSE,
            made: Instant::now(),
            before: Some((4, there)),
        };
        assert_eq!(table.since(Some(5)), Changes { whole: false, rows: vec![], gone: vec![] });
        let changes = Changes { whole: false, rows: vec![row("c", 3)], gone: vec!["b".to_owned()] };
        assert_eq!(table.since(Some(4)), changes);
        for unknown in [None, Some(3), Some(6)] {
            assert_eq!(table.since(unknown), Changes { whole: true, rows: table.rows.clone(), gone: vec![] });
        }
    }
}
