use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi};

/// Counts up with every change to the tables or to what is put into them; an index of another version is made again.
const VERSION: i64 = 5;

/// Facts lie key by key, so that a column of a listing is read in one go, however many keys there are. Each key has the number
/// and the checksum of its facts, and `sums` has one for each of the other tables, so that no damage goes unnoticed.
const TABLES: &str = "
    CREATE TABLE runs (id INTEGER PRIMARY KEY, folder TEXT NOT NULL UNIQUE, status TEXT NOT NULL, stamp TEXT NOT NULL);
    CREATE TABLE keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, runs INTEGER NOT NULL, sum INTEGER NOT NULL);
    CREATE TABLE facts (key INTEGER NOT NULL, run INTEGER NOT NULL, value, PRIMARY KEY (key, run)) WITHOUT ROWID;
    CREATE TABLE groups (folder TEXT PRIMARY KEY, modified INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE sums (name TEXT PRIMARY KEY, sum INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO sums VALUES ('runs', 0), ('keys', 0), ('groups', 0);
";

/// Reading one row of every table finds a file that is no index, or one that lacks a table.
const LOOK: &str = "
    SELECT 1 FROM (SELECT id, folder, status, stamp FROM runs LIMIT 1), (SELECT id, name, runs, sum FROM keys LIMIT 1),
        (SELECT key, run, value FROM facts LIMIT 1), (SELECT folder, modified FROM groups LIMIT 1),
        (SELECT name, sum FROM sums LIMIT 1)
";

/// Opens the index at `path`, making it if there is none. With a write-ahead log nobody who reads waits for a writer, and a
/// kill at any moment leaves the last whole transaction.
///
/// # Errors
/// Those of SQLite; [`is_broken`] tells whether the file is at fault.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // Where the file system cannot share memory, SQLite keeps the mode that it has.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // Losing the last transactions when the machine dies is no loss: they follow from the folders.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32000")?;
    create(&mut connection)?;
    Ok(connection)
}

/// An index that nothing outlives.
///
/// # Errors
/// Those of SQLite.
pub(super) fn open_in_memory() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    create(&mut connection)?;
    Ok(connection)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if (version, tables) == (0, 0) {
        transaction.execute_batch(&format!("{TABLES} PRAGMA user_version = {VERSION};"))?;
    } else if version != VERSION || transaction.prepare(LOOK).and_then(|mut look| look.exists([])).is_err() {
        return Err(broken(&format!("it has version {version}, expected {VERSION}")));
    }
    transaction.commit()
}

/// That the file is not as it was written.
pub(super) fn broken(what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what.to_owned()))
}

/// Whether the file is at fault, and another one in its place would do: whatever is wrong but the machine, its disks and who may
/// write there. A damaged file may well lack a column, or have text where a number should be.
pub(super) fn is_broken(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return true };
    let of_the_machine = matches!(
        failure.code,
        ErrorCode::PermissionDenied
            | ErrorCode::OperationAborted
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::OperationInterrupted
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
    );
    !of_the_machine || failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ
}
