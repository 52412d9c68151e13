use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, Transaction, TransactionBehavior, params};

use super::entry::Entry;
use super::field::FieldValue;
use super::schema::{self, broken};
use super::sums::{Sum, as_kept, text};
use crate::Error;
use onedge_record::{lock_file, lock_within};

/// The file in the root.
const INDEX: &str = "index.sqlite";
/// Held by whoever has the index open, so that a broken one can be replaced while nobody looks at it.
const INDEX_LOCK: &str = "index.lock";
/// How long others may have it: making a large index anew takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The index of a root, or a substitute for it in memory.
pub(super) struct Index {
    connection: Connection,
    path: PathBuf,
    /// `None` in memory.
    lock: Option<File>,
    /// Whether a broken one had to make room for it.
    pub made_again: bool,
}

/// What the index holds of a run beside facts.
#[derive(Debug)]
pub(super) struct IndexedRun {
    /// Its number in the index.
    pub id: i64,
    /// Relative to the root.
    pub folder: String,
    /// As [`Status::name`](super::Status::name) has it.
    pub status: String,
    /// Of the files when they were read.
    pub stamp: String,
}

impl Index {
    /// Opens the index of `root`, or makes one in the place of none or of a broken one.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let lock_path = root.join(INDEX_LOCK);
        let lock = lock_file(&lock_path).map_err(Error::write(&lock_path))?;
        match lock_within(&lock, PATIENCE) {
            Ok(true) => {}
            Ok(false) => return Err(Error::IndexBusy(lock_path)),
            // A file system without locks: SQLite has its own, and what it cannot lock is read from the folders.
            Err(_) => {}
        }
        let (path, mut made_again) = (root.join(INDEX), false);
        let opened = schema::open(&path).or_else(|error| {
            if !schema::is_broken(&error) {
                return Err(error);
            }
            remove(&path);
            made_again = true;
            schema::open(&path)
        });
        let connection = opened.map_err(Error::index(&path))?;
        Ok(Self { connection, path, lock: Some(lock), made_again })
    }

    /// An empty one in memory.
    pub fn in_memory(root: &Path) -> Result<Self, Error> {
        let path = root.join(INDEX);
        let connection = schema::open_in_memory().map_err(Error::index(&path))?;
        Ok(Self { connection, path, lock: None, made_again: false })
    }

    /// Whether it ends with this process.
    pub fn is_in_memory(&self) -> bool {
        self.lock.is_none()
    }

    /// If `error` says that the file is broken, an empty one takes its place; returns whether it does.
    pub fn replace_broken(&mut self, error: &Error) -> Result<bool, Error> {
        match error {
            Error::Index { source, .. } if schema::is_broken(source) => {}
            _ => return Ok(false),
        }
        // Closed first: a file that is open cannot be removed everywhere.
        self.connection = schema::open_in_memory().map_err(Error::index(&self.path))?;
        remove(&self.path);
        self.connection = schema::open(&self.path).map_err(Error::index(&self.path))?;
        self.made_again = true;
        Ok(true)
    }

    /// Changes the index: all of `change` or, if it fails or the process dies, nothing.
    pub fn change<V>(&mut self, change: impl FnOnce(&Change<'_>) -> rusqlite::Result<V>) -> Result<V, Error> {
        let act = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // What is damaged already must not become right by being counted anew.
            let runs = runs(&transaction)?.into_iter().map(|run| (run.folder, run.id)).collect();
            let keys = Keys::read(&transaction)?;
            groups(&transaction)?;
            let change_of = Change { transaction, runs: RefCell::new(runs), keys: RefCell::new(keys) };
            let value = change(&change_of)?;
            change_of.commit()?;
            Ok(value)
        };
        act().map_err(Error::index(&self.path))
    }

    /// How many runs there are.
    pub fn len(&self) -> Result<usize, Error> {
        Ok(self.runs()?.len())
    }

    /// Every run, by number.
    pub fn runs(&self) -> Result<Vec<IndexedRun>, Error> {
        runs(&self.connection).map_err(Error::index(&self.path))
    }

    /// What is known of runs.
    pub fn keys(&self) -> Result<Keys, Error> {
        Keys::read(&self.connection).map_err(Error::index(&self.path))
    }

    /// What `key` is for each run that has it, by number.
    pub fn column(&self, keys: &Keys, key: &str) -> Result<Vec<(i64, FieldValue)>, Error> {
        let Some(known) = keys.0.get(key) else { return Ok(Vec::new()) };
        let read = || {
            let mut sum = Sum::default();
            let column = "SELECT run, value FROM facts WHERE key = ?1 ORDER BY run";
            let facts = rows(&self.connection, column, [known.id], |row| {
                let (run, value) = (row.get(0)?, row.get_ref(1)?);
                sum.add(&[text(key), ValueRef::Integer(run), value]);
                Ok((run, row.get(1)?))
            })?;
            let whole = facts.len() as i64 == known.runs && sum == known.sum;
            if whole {
                Ok(facts)
            } else {
                Err(broken(&format!("its facts of `{key}` are not those that were written")))
            }
        };
        read().map_err(Error::index(&self.path))
    }

    /// Folders in which runs may lie, each with the time of its last change as it was read.
    pub fn groups(&self) -> Result<BTreeMap<String, i64>, Error> {
        groups(&self.connection).map_err(Error::index(&self.path))
    }
}

/// Every key that there is, with what its facts add up to.
pub(super) struct Keys(BTreeMap<String, Key>);

#[derive(Debug, Clone, Copy)]
struct Key {
    id: i64,
    /// How many runs have it.
    runs: i64,
    sum: Sum,
}

impl Keys {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut sum = Sum::default();
        let keys = rows(connection, "SELECT id, name, runs, sum FROM keys ORDER BY id", [], |row| {
            add(&mut sum, row, 4)?;
            Ok((row.get(1)?, Key { id: row.get(0)?, runs: row.get(2)?, sum: Sum::kept(row.get(3)?) }))
        })?;
        check(connection, "keys", sum)?;
        Ok(Self(keys.into_iter().collect()))
    }

    /// The names of those that some run has, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().filter(|(_, key)| key.runs > 0).map(|(name, _)| name.clone()).collect()
    }
}

fn runs(connection: &Connection) -> rusqlite::Result<Vec<IndexedRun>> {
    let mut sum = Sum::default();
    let all = rows(connection, "SELECT id, folder, status, stamp FROM runs ORDER BY id", [], |row| {
        add(&mut sum, row, 4)?;
        Ok(IndexedRun { id: row.get(0)?, folder: row.get(1)?, status: row.get(2)?, stamp: row.get(3)? })
    })?;
    check(connection, "runs", sum).map(|()| all)
}

fn groups(connection: &Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let mut sum = Sum::default();
    let all = rows(connection, "SELECT folder, modified FROM groups", [], |row| {
        add(&mut sum, row, 2)?;
        Ok((row.get(0)?, row.get(1)?))
    })?;
    check(connection, "groups", sum).map(|()| all.into_iter().collect())
}

/// Adds the cells of a row.
fn add(sum: &mut Sum, row: &Row<'_>, cells: usize) -> rusqlite::Result<()> {
    let cells: Vec<ValueRef<'_>> = (0..cells).map(|cell| row.get_ref(cell)).collect::<Result<_, _>>()?;
    sum.add(&cells);
    Ok(())
}

/// Whether the rows of a table are those that were written.
fn check(connection: &Connection, table: &str, sum: Sum) -> rusqlite::Result<()> {
    let kept = rows(connection, "SELECT name, sum FROM sums", [], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    match kept.iter().find(|(name, _)| name == table) {
        Some((_, kept)) if Sum::kept(*kept) == sum => Ok(()),
        _ => Err(broken(&format!("its table `{table}` is not as it was written"))),
    }
}

fn rows<V>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    map: impl FnMut(&Row<'_>) -> rusqlite::Result<V>,
) -> rusqlite::Result<Vec<V>> {
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params, map)?.collect()
}

/// What can be changed, within a transaction.
pub(super) struct Change<'a> {
    transaction: Transaction<'a>,
    /// The numbers of the runs, by folder.
    runs: RefCell<HashMap<String, i64>>,
    keys: RefCell<Keys>,
}

impl Change<'_> {
    /// Puts a run in, or in the place of what was known of it.
    pub fn put(&self, entry: &Entry) -> rusqlite::Result<()> {
        let (status, known) = (entry.status.name(), self.runs.borrow().get(&entry.folder).copied());
        let run = match known {
            Some(run) => {
                let update = "UPDATE runs SET status = ?2, stamp = ?3 WHERE id = ?1";
                self.transaction.prepare_cached(update)?.execute(params![run, status, entry.stamp])?;
                self.forget(run)?;
                run
            }
            None => {
                let insert = "INSERT INTO runs (folder, status, stamp) VALUES (?1, ?2, ?3)";
                self.transaction.prepare_cached(insert)?.execute(params![entry.folder, status, entry.stamp])?;
                let run = self.transaction.last_insert_rowid();
                self.runs.borrow_mut().insert(entry.folder.clone(), run);
                run
            }
        };
        let mut insert = self.transaction.prepare_cached("INSERT INTO facts (key, run, value) VALUES (?1, ?2, ?3)")?;
        for (name, fact) in &entry.facts {
            let mut keys = self.keys.borrow_mut();
            let key = self.key(&mut keys, name)?;
            insert.execute(params![key.id, run, fact])?;
            key.runs += 1;
            as_kept(fact, |value| key.sum.add(&[text(name), ValueRef::Integer(run), value]))?;
        }
        Ok(())
    }

    /// Takes a run out, if it is in.
    pub fn remove(&self, folder: &str) -> rusqlite::Result<()> {
        if let Some(run) = self.runs.borrow_mut().remove(folder) {
            self.forget(run)?;
            self.transaction.execute("DELETE FROM runs WHERE id = ?1", [run])?;
        }
        Ok(())
    }

    /// Says which folders may hold runs.
    pub fn set_groups(&self, groups: &BTreeMap<String, i64>) -> rusqlite::Result<()> {
        self.transaction.execute("DELETE FROM groups", [])?;
        let mut insert = self.transaction.prepare_cached("INSERT INTO groups (folder, modified) VALUES (?1, ?2)")?;
        for (folder, modified) in groups {
            insert.execute(params![folder, modified])?;
        }
        Ok(())
    }

    fn forget(&self, run: i64) -> rusqlite::Result<()> {
        // By key, which is how they lie.
        let facts = "SELECT value FROM facts WHERE key = ?1 AND run = ?2";
        let mut find = self.transaction.prepare_cached(facts)?;
        let mut delete = self.transaction.prepare_cached("DELETE FROM facts WHERE key = ?1 AND run = ?2")?;
        for (name, key) in &mut self.keys.borrow_mut().0 {
            let mut found = find.query([key.id, run])?;
            let Some(row) = found.next()? else { continue };
            key.runs -= 1;
            key.sum.remove(&[text(name), ValueRef::Integer(run), row.get_ref(0)?]);
            drop(found);
            delete.execute([key.id, run])?;
        }
        Ok(())
    }

    fn key<'k>(&self, keys: &'k mut Keys, name: &str) -> rusqlite::Result<&'k mut Key> {
        if !keys.0.contains_key(name) {
            self.transaction.execute("INSERT INTO keys (name, runs, sum) VALUES (?1, 0, 0)", [name])?;
            let id = self.transaction.last_insert_rowid();
            keys.0.insert(name.to_owned(), Key { id, runs: 0, sum: Sum::default() });
        }
        keys.0.get_mut(name).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// Writes what everything adds up to, and ends the transaction.
    fn commit(self) -> rusqlite::Result<()> {
        let Self { transaction, keys, .. } = self;
        {
            let mut update = transaction.prepare_cached("UPDATE keys SET runs = ?2, sum = ?3 WHERE id = ?1")?;
            for key in keys.into_inner().0.values() {
                update.execute(params![key.id, key.runs, key.sum.keep()])?;
            }
            let tables = [
                ("runs", "SELECT id, folder, status, stamp FROM runs", 4),
                ("keys", "SELECT id, name, runs, sum FROM keys", 4),
                ("groups", "SELECT folder, modified FROM groups", 2),
            ];
            for (table, query, cells) in tables {
                let mut sum = Sum::default();
                rows(&transaction, query, [], |row| add(&mut sum, row, cells))?;
                transaction.execute("UPDATE sums SET sum = ?2 WHERE name = ?1", params![table, sum.keep()])?;
            }
        }
        transaction.commit()
    }
}

/// Removes the index with what SQLite keeps beside it.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // What stays will be found wanting when it is opened.
        let _ = fs::remove_file(PathBuf::from(name));
    }
}
