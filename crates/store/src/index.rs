use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior, params};

use super::entry::Entry;
use super::field::FieldValue;
use super::schema;
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
            // A file system without locks: SQLite has its own.
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => return Err(Error::write(&lock_path)(error)),
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
            let change_of = Change { transaction };
            let value = change(&change_of)?;
            change_of.transaction.commit()?;
            Ok(value)
        };
        act().map_err(Error::index(&self.path))
    }

    /// How many runs there are.
    pub fn len(&self) -> Result<usize, Error> {
        let counts = self.read("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0))?;
        Ok(counts.into_iter().sum::<i64>() as usize)
    }

    /// Every run, by number.
    pub fn runs(&self) -> Result<Vec<IndexedRun>, Error> {
        self.read("SELECT id, folder, status, stamp FROM runs ORDER BY id", [], |row| {
            Ok(IndexedRun { id: row.get(0)?, folder: row.get(1)?, status: row.get(2)?, stamp: row.get(3)? })
        })
    }

    /// Every key that some run has, in alphabetical order.
    pub fn keys(&self) -> Result<Vec<String>, Error> {
        let used = "SELECT name FROM keys WHERE EXISTS (SELECT 1 FROM facts WHERE key = keys.id) ORDER BY name";
        self.read(used, [], |row| row.get(0))
    }

    /// What `key` is for each run that has it, by number.
    pub fn column(&self, key: &str) -> Result<Vec<(i64, FieldValue)>, Error> {
        let column = "SELECT run, value FROM facts WHERE key = (SELECT id FROM keys WHERE name = ?1) ORDER BY run";
        self.read(column, [key], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Folders in which runs may lie, each with the time of its last change as it was read.
    pub fn groups(&self) -> Result<BTreeMap<String, i64>, Error> {
        let groups = self.read("SELECT folder, modified FROM groups", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(groups.into_iter().collect())
    }

    fn read<V>(
        &self,
        query: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<V>,
    ) -> Result<Vec<V>, Error> {
        let read = || {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map(params, map)?.collect::<rusqlite::Result<Vec<V>>>()?;
            Ok(rows)
        };
        read().map_err(Error::index(&self.path))
    }
}

/// What can be changed, within a transaction.
pub(super) struct Change<'a> {
    transaction: Transaction<'a>,
}

impl Change<'_> {
    /// Puts a run in, or in the place of what was known of it.
    pub fn put(&self, entry: &Entry) -> rusqlite::Result<()> {
        let mut upsert = self.transaction.prepare_cached(
            "INSERT INTO runs (folder, status, stamp) VALUES (?1, ?2, ?3)
             ON CONFLICT (folder) DO UPDATE SET status = excluded.status, stamp = excluded.stamp RETURNING id",
        )?;
        let status = entry.status.name();
        let run: i64 = upsert.query_row(params![entry.folder, status, entry.stamp], |row| row.get(0))?;
        self.forget(run)?;
        let mut insert = self.transaction.prepare_cached("INSERT INTO facts (key, run, value) VALUES (?1, ?2, ?3)")?;
        for (key, fact) in &entry.facts {
            insert.execute(params![self.key(key)?, run, fact])?;
        }
        Ok(())
    }

    /// Takes a run out, if it is in.
    pub fn remove(&self, folder: &str) -> rusqlite::Result<()> {
        let run = self.transaction.query_row("SELECT id FROM runs WHERE folder = ?1", [folder], |row| row.get(0));
        if let Some(run) = run.optional()? {
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
        let delete = "DELETE FROM facts WHERE run = ?1 AND key IN (SELECT id FROM keys)";
        self.transaction.prepare_cached(delete)?.execute([run]).map(drop)
    }

    fn key(&self, name: &str) -> rusqlite::Result<i64> {
        let mut find = self.transaction.prepare_cached("SELECT id FROM keys WHERE name = ?1")?;
        if let Some(id) = find.query_row([name], |row| row.get(0)).optional()? {
            return Ok(id);
        }
        self.transaction.execute("INSERT INTO keys (name) VALUES (?1)", [name])?;
        Ok(self.transaction.last_insert_rowid())
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
