//! What was received, what came of it, and where that goes: a SQLite database that every commit syncs to the disk.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use pleura::ensemble::{Finding, Origin, Outcome as Said};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::error::ServeError;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, name TEXT NOT NULL,
    origin TEXT NOT NULL, bytes INTEGER NOT NULL, received INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
    finding TEXT, outcome TEXT, score REAL, finished INTEGER, attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS objects_state ON objects (state, id);
CREATE INDEX IF NOT EXISTS objects_sha256 ON objects (sha256);
CREATE TABLE IF NOT EXISTS items (
    object INTEGER NOT NULL, uid TEXT NOT NULL, class TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (object, uid));
CREATE TABLE IF NOT EXISTS deliveries (
    object INTEGER NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    due INTEGER NOT NULL, began INTEGER NOT NULL, reason TEXT, PRIMARY KEY (object, destination));
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
";

/// The format of the tables above.
const FORMAT: i64 = 2;
/// From format 1, which had no outcomes.
const OUTCOMES: &str = "
ALTER TABLE objects ADD COLUMN outcome TEXT;
UPDATE objects SET outcome = CASE positive WHEN 1 THEN 'positive' WHEN 0 THEN 'negative' END;
ALTER TABLE objects DROP COLUMN positive;
";

/// The columns of [`Object`], in order.
const COLUMNS: &str =
    "id, key, sha256, name, origin, bytes, received, state, reason, finding, outcome, score, finished, attempts";

/// An object that was received.
#[derive(Debug, Clone, Serialize)]
pub struct Object {
    /// Its number, in the order of arrival.
    #[serde(skip)]
    pub id: i64,
    /// The SOP Instance UID; of other images, their hash and name.
    pub key: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// The file name that the engine sees: the id of PNG and JPEG files comes from it.
    #[serde(skip)]
    pub name: String,
    /// Who sent it: an AE title or a host.
    pub origin: String,
    /// Its length.
    pub bytes: i64,
    /// Milliseconds since 1970.
    pub received: i64,
    /// `queued`, `done`, `refused` (the ensemble is not for it) or `failed`.
    pub state: String,
    /// Why it was refused or failed.
    pub reason: Option<String>,
    /// The line of `pleura predict --findings`, without `file`.
    #[serde(skip)]
    pub finding: Option<String>,
    /// `positive`, `negative`, or `refer` for one that people should read first; `None` without a finding.
    pub outcome: Option<String>,
    /// The middle of the classifier's bounds, in 0..=1.
    pub score: Option<f64>,
    /// Milliseconds since 1970.
    pub finished: Option<i64>,
    /// How often the ensemble began with it: more than once if the process ended meanwhile.
    #[serde(skip)]
    pub attempts: i64,
}

/// A DICOM object made of a finding.
#[derive(Debug, Clone)]
pub struct Item {
    /// SOP Instance UID.
    pub uid: String,
    /// SOP Class UID.
    pub class: String,
    /// SHA-256 of its file.
    pub sha256: String,
}

/// What came of an object.
pub struct Outcome<'a> {
    /// `done`, `refused` or `failed`.
    pub state: &'a str,
    /// Why not `done`.
    pub reason: Option<String>,
    /// The finding's line.
    pub finding: Option<String>,
    /// What the finding says.
    pub outcome: Option<Said>,
    /// The middle of the classifier's bounds.
    pub score: Option<f64>,
    /// The DICOM objects made of it.
    pub items: Vec<Item>,
    /// The destinations of the result.
    pub destinations: Vec<String>,
}

impl<'a> Outcome<'a> {
    /// Of an image that has one; `origin` is the ensemble's identity.
    #[must_use]
    pub fn of(finding: &Finding, origin: &Origin) -> Self {
        let score = finding.score.map(|(low, high)| f64::midpoint(low.into(), high.into()));
        let outcome = Some(finding.outcome());
        let finding = Some(finding.to_json(None, Some(origin)));
        let (items, destinations) = (Vec::new(), Vec::new());
        Self { state: "done", reason: None, finding, outcome, score, items, destinations }
    }

    /// Of an image that has no finding.
    #[must_use]
    pub fn without_finding(state: &'a str, reason: String) -> Self {
        let (items, destinations) = (Vec::new(), Vec::new());
        Self { state, reason: Some(reason), finding: None, outcome: None, score: None, items, destinations }
    }
}

/// A result on its way.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The object's number.
    pub object: i64,
    /// The destination's name.
    pub destination: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When it was first due, in milliseconds since 1970.
    pub began: i64,
}

/// The database.
pub struct Ledger(Mutex<Connection>);

/// Milliseconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn object(row: &Row<'_>) -> rusqlite::Result<Object> {
    Ok(Object {
        id: row.get(0)?,
        key: row.get(1)?,
        sha256: row.get(2)?,
        name: row.get(3)?,
        origin: row.get(4)?,
        bytes: row.get(5)?,
        received: row.get(6)?,
        state: row.get(7)?,
        reason: row.get(8)?,
        finding: row.get(9)?,
        outcome: row.get(10)?,
        score: row.get(11)?,
        finished: row.get(12)?,
        attempts: row.get(13)?,
    })
}

impl Ledger {
    /// Opens or creates it.
    pub fn open(path: &Path) -> Result<Self, ServeError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // each commit is on the disk when it returns: an object is acknowledged after that
        connection.pragma_update(None, "synchronous", "FULL")?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > FORMAT {
            return Err(ServeError::Newer { path: path.into(), found, expected: FORMAT });
        }
        if found == 1 {
            connection.execute_batch(&format!("BEGIN; {OUTCOMES} PRAGMA user_version = {FORMAT}; COMMIT;"))?;
        }
        connection.execute_batch(SCHEMA)?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an object; `false` if its key is there already.
    pub fn insert(&self, key: &str, sha256: &str, name: &str, origin: &str, bytes: u64) -> rusqlite::Result<bool> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let added = self.lock().execute(
            "INSERT INTO objects (key, sha256, name, origin, bytes, received, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued') ON CONFLICT (key) DO NOTHING",
            params![key, sha256, name, origin, bytes, now()],
        )?;
        Ok(added == 1)
    }

    /// The object of a key.
    pub fn get(&self, key: &str) -> rusqlite::Result<Option<Object>> {
        self.one("key = ?1", key)
    }

    /// The object of a number.
    pub fn by_id(&self, id: i64) -> rusqlite::Result<Option<Object>> {
        self.one("id = ?1", id)
    }

    /// The number of queued objects.
    pub fn queued(&self) -> rusqlite::Result<i64> {
        self.lock().query_row("SELECT count(*) FROM objects WHERE state = 'queued'", [], |row| row.get(0))
    }

    /// The next queued object after a number that was not begun before.
    pub fn next(&self, after: i64) -> rusqlite::Result<Option<Object>> {
        self.one("state = 'queued' AND attempts = 0 AND id > ?1 ORDER BY id LIMIT 1", after)
    }

    /// An object that the ensemble was busy with when the process ended; that with the fewest attempts.
    pub fn suspect(&self) -> rusqlite::Result<Option<Object>> {
        self.one("state = 'queued' AND attempts > ?1 ORDER BY attempts, id LIMIT 1", 0)
    }

    /// Notes that the ensemble begins with an object, or, with -1, that it did not get to it. The note survives the end
    /// of the process, which is what it is for, but is not waited for.
    pub fn begun(&self, id: i64, step: i64) -> rusqlite::Result<()> {
        let connection = self.lock();
        connection.pragma_update(None, "synchronous", "OFF")?;
        let noted = connection
            .prepare_cached("UPDATE objects SET attempts = attempts + ?2 WHERE id = ?1 AND state = 'queued'")
            .and_then(|mut change| change.execute([id, step]));
        connection.pragma_update(None, "synchronous", "FULL")?;
        noted.map(drop)
    }

    fn one(&self, condition: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<Option<Object>> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM objects WHERE {condition}"))?;
        query.query_row([value], object).optional()
    }

    /// The last objects: those that people should read first, then positives, then by arrival, newest first.
    pub fn latest(&self, most: u32) -> rusqlite::Result<Vec<Object>> {
        let connection = self.lock();
        let text = format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM objects ORDER BY id DESC LIMIT ?1)
             ORDER BY outcome IS NOT 'refer', outcome IS NOT 'positive', score DESC, id DESC"
        );
        let mut query = connection.prepare_cached(&text)?;
        query.query_map([most], object)?.collect()
    }

    /// Records what came of an object and, in the same transaction, where that goes. An object has one outcome: a
    /// second one is ignored.
    pub fn finish(&self, id: i64, outcome: &Outcome<'_>) -> rusqlite::Result<()> {
        let mut connection = self.lock();
        let change = connection.transaction()?;
        let Outcome { state, reason, finding, outcome: said, score, .. } = outcome;
        let said = said.map(Said::name);
        let changed = change.execute(
            "UPDATE objects SET state = ?2, reason = ?3, finding = ?4, outcome = ?5, score = ?6, finished = ?7
             WHERE id = ?1 AND state = 'queued'",
            params![id, state, reason, finding, said, score, now()],
        )?;
        if changed == 1 {
            for Item { uid, class, sha256 } in &outcome.items {
                change.execute("INSERT INTO items VALUES (?1, ?2, ?3, ?4)", params![id, uid, class, sha256])?;
            }
            for name in &outcome.destinations {
                change.execute(
                    "INSERT INTO deliveries VALUES (?1, ?2, 'waiting', 0, ?3, ?3, NULL)",
                    params![id, name, now()],
                )?;
            }
        }
        change.commit()
    }

    /// The DICOM objects of a result.
    pub fn items(&self, id: i64) -> rusqlite::Result<Vec<Item>> {
        let connection = self.lock();
        let mut query =
            connection.prepare_cached("SELECT uid, class, sha256 FROM items WHERE object = ?1 ORDER BY uid")?;
        query.query_map([id], |row| Ok(Item { uid: row.get(0)?, class: row.get(1)?, sha256: row.get(2)? }))?.collect()
    }

    /// The results that are due at a destination, at most `most`.
    pub fn due(&self, destination: &str, most: u32) -> rusqlite::Result<Vec<Delivery>> {
        let connection = self.lock();
        let mut query = connection.prepare_cached(
            "SELECT object, destination, attempts, began FROM deliveries
             WHERE state = 'waiting' AND destination = ?1 AND due <= ?2 ORDER BY object LIMIT ?3",
        )?;
        let row = |row: &Row<'_>| {
            Ok(Delivery { object: row.get(0)?, destination: row.get(1)?, attempts: row.get(2)?, began: row.get(3)? })
        };
        query.query_map(params![destination, now(), most], row)?.collect()
    }

    /// Records an attempt: `delivered`, `waiting` for `due`, or `dead`.
    pub fn attempted(&self, done: &Delivery, state: &str, due: i64, reason: Option<&str>) -> rusqlite::Result<()> {
        self.lock().execute(
            "UPDATE deliveries SET state = ?3, attempts = attempts + 1, due = ?4, reason = ?5
             WHERE object = ?1 AND destination = ?2",
            params![done.object, done.destination, state, due, reason],
        )?;
        Ok(())
    }

    /// Numbers of objects, or of deliveries, by state.
    pub fn counts(&self, table: Table) -> rusqlite::Result<Vec<(String, i64)>> {
        let connection = self.lock();
        let name = match table {
            Table::Objects => "objects",
            Table::Deliveries => "deliveries",
        };
        let mut query = connection.prepare_cached(&format!("SELECT state, count(*) FROM {name} GROUP BY state"))?;
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// Whether an object or a result has a file of this hash.
    pub fn needs(&self, sha256: &str) -> rusqlite::Result<bool> {
        self.lock().query_row(
            "SELECT EXISTS (SELECT 1 FROM objects WHERE sha256 = ?1) OR EXISTS (SELECT 1 FROM items WHERE sha256 = ?1)",
            [sha256],
            |row| row.get(0),
        )
    }

    /// Forgets finished objects older than a moment whose results are delivered or dead, except for the newest `keep`;
    /// returns the hashes of their files.
    pub fn forget(&self, before: i64, keep: i64) -> rusqlite::Result<Vec<String>> {
        let mut connection = self.lock();
        let change = connection.transaction()?;
        let old = "SELECT id FROM objects WHERE state != 'queued'
             AND (finished < ?1 OR id <= (SELECT max(id) FROM objects) - ?2)
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE object = objects.id AND state = 'waiting') LIMIT 64";
        let ids: Vec<i64> =
            change.prepare_cached(old)?.query_map([before, keep], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut hashes = Vec::new();
        for id in ids {
            let files = "SELECT sha256 FROM objects WHERE id = ?1 UNION SELECT sha256 FROM items WHERE object = ?1";
            let mut query = change.prepare_cached(files)?;
            for hash in query.query_map([id], |row| row.get::<_, String>(0))? {
                hashes.push(hash?);
            }
            change.execute("DELETE FROM items WHERE object = ?1", [id])?;
            change.execute("DELETE FROM deliveries WHERE object = ?1", [id])?;
            change.execute("DELETE FROM objects WHERE id = ?1", [id])?;
        }
        change.commit()?;
        Ok(hashes)
    }
}

/// A table with states.
#[derive(Debug, Clone, Copy)]
pub enum Table {
    /// What was received.
    Objects,
    /// What is on its way.
    Deliveries,
}
