//! What the parts of a node share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::error::Refusal;
use crate::inbox::ledger::Object;
use crate::inbox::{Inbox, Received};
use crate::rules::Rules;
use crate::tls;

/// What the parts of a node share.
pub struct Node {
    pub config: Config,
    /// How listeners speak TLS.
    pub tls: Option<tls::Server>,
    pub inbox: Inbox,
    pub rules: Rules,
    /// Wakes the worker.
    pub arrivals: Signal,
    /// Wakes the couriers.
    pub results: Signal,
    /// Counts finished images, for those who wait.
    pub finished: watch::Sender<u64>,
    /// Set while the node goes on.
    pub goes_on: AtomicBool,
    pub counters: Counters,
}

/// Counts since the start.
#[derive(Default)]
pub struct Counters {
    pub received: AtomicU64,
    pub duplicates: AtomicU64,
    pub refused: AtomicU64,
    pub associations: AtomicU64,
    pub open_associations: AtomicU64,
    pub requests: AtomicU64,
    pub attempts_failed: AtomicU64,
    /// Microseconds from arrival to result, summed.
    pub waited: AtomicU64,
    pub finished: AtomicU64,
}

/// A flag that wakes one waiting thread or many.
#[derive(Default)]
pub struct Signal(Mutex<u64>, Condvar);

impl Signal {
    /// Wakes all who wait.
    pub fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.1.notify_all();
    }

    /// The number of times that it was raised.
    pub fn count(&self) -> u64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it was raised more than `seen` times, or for so long.
    pub fn wait(&self, seen: u64, most: Duration) {
        let count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.1.wait_timeout_while(count, most, |count| *count <= seen));
    }
}

impl Node {
    /// Whether the node goes on.
    pub fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::SeqCst)
    }

    /// Ends the node's threads.
    pub fn stop(&self) {
        self.goes_on.store(false, Ordering::SeqCst);
        self.arrivals.raise();
        self.results.raise();
    }

    /// Counts a received or refused object, writes its audit line, and wakes the worker.
    pub fn took(&self, by: &str, origin: &str, outcome: &Result<Received, Refusal>) {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        let what = match outcome {
            Ok(Received { duplicate: false, .. }) => {
                count(&self.counters.received);
                self.arrivals.raise();
                "received".to_owned()
            }
            Ok(_) => {
                count(&self.counters.duplicates);
                "duplicate".to_owned()
            }
            Err(refusal) => {
                count(&self.counters.refused);
                format!("refused: {refusal}")
            }
        };
        let key = outcome.as_ref().map_or("-", |received| received.key.as_str());
        tracing::info!(target: "pleura_serve::audit", by, origin, object = key, "{what}");
    }

    /// Counts a finished image, and wakes couriers and those who wait for it.
    pub fn finished(&self, object: &Object) {
        let micros = (crate::inbox::ledger::now() - object.received).max(0).unsigned_abs() * 1000;
        self.counters.waited.fetch_add(micros, Ordering::Relaxed);
        let count = self.counters.finished.fetch_add(1, Ordering::Relaxed);
        self.results.raise();
        self.finished.send_replace(count + 1);
    }
}
