//! Sends results where the rules say, again and again, until they arrive or are too old.
//!
//! Each destination has a courier, so that one that is away does not hold up the others. What a crash interrupts is sent
//! again: files and DICOM objects have names and UIDs of their own, and a webhook's `Idempotency-Key` names the result.

mod cstore;
mod web;

use std::io::Write;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use pleura_files::atomic::{self, Parts};
use rand::Rng;
use serde_json::value::RawValue;

use crate::inbox::ledger::{Delivery, Object, now};
use crate::node::Node;
use crate::rules::{Destination, Retry};

/// Results that a courier asks for at once.
const AT_ONCE: u32 = 64;

/// A DICOM object on its way.
pub struct Sent {
    pub class: String,
    pub uid: String,
    pub bytes: Vec<u8>,
}

/// A result as JSON: what came of an object.
#[derive(serde::Serialize)]
pub struct Answer<'a> {
    #[serde(flatten)]
    object: &'a Object,
    finding: Option<&'a RawValue>,
}

/// A result as JSON.
///
/// # Errors
/// If its finding is damaged.
pub fn json(object: &Object) -> Result<String, serde_json::Error> {
    let finding = object.finding.as_deref().map(serde_json::from_str).transpose()?;
    serde_json::to_string(&Answer { object, finding })
}

/// Serves a destination until the node stops.
pub fn run(node: &Node, name: &str, destination: &Destination) {
    if let Destination::Folder(folder) = destination
        && folder.path.is_dir()
        && let Err(error) = parts(node).sweep(&folder.path)
    {
        tracing::warn!("`{}`: what a crash left half-written cannot be removed: {error}", folder.path.display());
    }
    while node.goes_on() {
        let seen = node.results.count();
        let sent = node.inbox.ledger.due(name, AT_ONCE).unwrap_or_else(|error| {
            tracing::error!("cannot read the deliveries for `{name}`: {error}");
            Vec::new()
        });
        if sent.is_empty() {
            node.results.wait(seen, Duration::from_millis(250));
        }
        for delivery in sent {
            if !node.goes_on() {
                return;
            }
            let failed = attempt(node, destination, &delivery);
            if let Err(error) = settle(node, &delivery, failed) {
                tracing::error!("cannot record a delivery to `{name}`: {error}");
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// Records an attempt: delivered, to be repeated, or dead.
fn settle(node: &Node, delivery: &Delivery, outcome: Result<(), String>) -> Result<(), String> {
    let ledger = &node.inbox.ledger;
    let Err(reason) = outcome else {
        return ledger.attempted(delivery, "delivered", 0, None).map_err(|error| error.to_string());
    };
    node.counters.attempts_failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    tracing::warn!(destination = delivery.destination, attempt = delivery.attempts + 1, "not delivered: {reason}");
    let retry = node.rules.retry;
    let due = now() + wait(retry, delivery.attempts, rand::rng().random());
    let age = due - delivery.began;
    if age as f64 > retry.hours * 3_600_000.0 {
        bury(node, delivery, &reason).map_err(|error| error.to_string())?;
        return ledger.attempted(delivery, "dead", 0, Some(&reason)).map_err(|error| error.to_string());
    }
    ledger.attempted(delivery, "waiting", due, Some(&reason)).map_err(|error| error.to_string())
}

/// Milliseconds until the next attempt: twice as long each time, and up to half as long again by chance, so that many
/// results do not return at once.
fn wait(retry: Retry, attempts: i64, chance: f64) -> i64 {
    let doubled = retry.first_seconds * 2_f64.powi(i32::try_from(attempts.clamp(0, 40)).unwrap_or(40));
    (doubled.min(retry.longest_seconds) * 1000.0 * (1.0 + chance / 2.0)) as i64
}

fn attempt(node: &Node, destination: &Destination, delivery: &Delivery) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let object = node.inbox.ledger.by_id(delivery.object).map_err(|error| text(&error))?;
    let object = object.ok_or("the result is no longer in the ledger")?;
    match destination {
        Destination::Folder(folder) => to_folder(node, &object, &folder.path).map_err(|error| text(&error)),
        Destination::Webhook(hook) => web::post(hook, &object.key, &json(&object).map_err(|error| text(&error))?),
        Destination::Stow(web) => web::stow(web, &objects(node, &object).map_err(|error| text(&error))?),
        Destination::CStore(pacs) => cstore::send(pacs, &objects(node, &object).map_err(|error| text(&error))?),
    }
}

/// The DICOM objects of a result.
fn objects(node: &Node, object: &Object) -> io::Result<Vec<Sent>> {
    let items = node.inbox.ledger.items(object.id).map_err(io::Error::other)?;
    let read = |item: crate::inbox::ledger::Item| {
        let bytes = fs::read(node.inbox.path(&item.sha256))?;
        Ok(Sent { class: item.class, uid: item.uid, bytes })
    };
    items.into_iter().map(read).collect()
}

/// Names of half-written files, by which the next start finds and removes those of this spool.
fn parts(node: &Node) -> Parts {
    Parts::new(node.inbox.folder())
}

/// Writes a result as files, which replace those of an earlier attempt.
fn to_folder(node: &Node, object: &Object, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let parts = parts(node);
    let file = |name: String, bytes: &[u8]| {
        let path = folder.join(name);
        let mut temporary = parts.beside(&path)?;
        temporary.write_all(bytes)?;
        atomic::place(temporary, &path)
    };
    for sent in objects(node, object)? {
        file(format!("{}.dcm", sent.uid), &sent.bytes)?;
    }
    // last: where it is, all is
    file(format!("{}.json", object.key), json(object).map_err(io::Error::other)?.as_bytes())
}

/// Keeps a result that a destination did not take.
fn bury(node: &Node, delivery: &Delivery, reason: &str) -> io::Result<()> {
    let object = node.inbox.ledger.by_id(delivery.object).map_err(io::Error::other)?;
    let Some(object) = object else { return Ok(()) };
    let folder = node.inbox.folder().join("dead").join(&pleura_files::digest::bytes(&delivery.destination)[..16]);
    to_folder(node, &object, &folder)?;
    fs::write(folder.join("README.txt"), format!("not taken by `{}`: {reason}\n", delivery.destination))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry { first_seconds: 2.0, longest_seconds: 60.0, hours: 1.0 };
        let waits: Vec<i64> = (0..7).map(|attempts| wait(retry, attempts, 0.0)).collect();
        assert_eq!(waits, [2000, 4000, 8000, 16000, 32000, 60000, 60000]);
        assert_eq!(wait(retry, 1, 1.0), 6000);
        assert_eq!(wait(retry, i64::MAX, 0.0), 60000);
    }
}
