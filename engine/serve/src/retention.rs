//! Forgets old results: the spool does not grow without end.

use std::time::Duration;

use crate::inbox::ledger::now;
use crate::node::Node;

const EVERY: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);

/// Runs until the node stops.
pub fn run(node: &Node) {
    while node.goes_on() {
        if let Err(error) = sweep(node) {
            tracing::error!("cannot forget old results: {error}");
        }
        for _ in 0..EVERY.as_millis() / POLL.as_millis() {
            if !node.goes_on() {
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Forgets what the rules say, few at a time: senders wait only while one part is removed.
fn sweep(node: &Node) -> rusqlite::Result<()> {
    let rules = node.rules.retention;
    let before = now() - (rules.hours * 3_600_000.0) as i64;
    loop {
        let hashes = node.inbox.ledger.forget(before, rules.images.into())?;
        if hashes.is_empty() {
            return Ok(());
        }
        node.inbox.discard(&hashes)?;
    }
}
