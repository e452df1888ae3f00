//! Answers that need no body: health, metrics, results.

use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

use super::Answer;
use crate::deliver;
use crate::inbox::ledger::{Object, Table};
use crate::node::Node;

/// Results in a list.
const LISTED: u32 = 1000;

/// An answer of a media type.
pub fn of(status: StatusCode, kind: &'static str, body: impl Into<String>) -> Answer {
    let mut answer = Response::new(Full::new(body.into().into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// An answer as JSON.
pub fn json(status: StatusCode, body: impl Into<String>) -> Answer {
    of(status, "application/json", body)
}

/// An answer that says what is wrong.
pub fn fault(status: StatusCode, reason: &str) -> Answer {
    json(status, serde_json::json!({ "error": reason }).to_string())
}

/// The ledger's fault.
pub fn broken(error: &dyn std::fmt::Display) -> Answer {
    tracing::error!("the ledger cannot be read: {error}");
    fault(StatusCode::INTERNAL_SERVER_ERROR, "the ledger cannot be read: see the log")
}

/// Whether the node works.
pub fn health(node: &Node) -> Answer {
    match node.inbox.ledger.counts(Table::Objects) {
        Ok(_) => json(StatusCode::OK, r#"{"status":"ok"}"#),
        Err(error) => broken(&error),
    }
}

/// The last results.
pub fn results(node: &Node) -> Answer {
    match node.inbox.ledger.latest(LISTED).map(|objects| serde_json::to_string(&objects)) {
        Ok(Ok(text)) => json(StatusCode::OK, text),
        Ok(Err(error)) => broken(&error),
        Err(error) => broken(&error),
    }
}

/// One result, with its finding.
pub fn result(node: &Node, key: &str) -> Answer {
    match node.inbox.ledger.get(key) {
        Ok(Some(object)) => whole(&object),
        Ok(None) => fault(StatusCode::NOT_FOUND, "no such object was received, or its result is no longer kept"),
        Err(error) => broken(&error),
    }
}

fn whole(object: &Object) -> Answer {
    match deliver::json(object) {
        Ok(text) => json(StatusCode::OK, text),
        Err(error) => broken(&error),
    }
}

/// Counts in the text format of Prometheus.
pub fn metrics(node: &Node) -> Answer {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, rows: &[(String, u64)]| {
        text += &format!("# HELP pleura_{name} {help}\n# TYPE pleura_{name} {kind}\n");
        text.extend(rows.iter().map(|(labels, value)| format!("pleura_{name}{labels} {value}\n")));
    };
    let counters = &node.counters;
    let one = |counter: &AtomicU64| [(String::new(), counter.load(Ordering::Relaxed))];
    add("received_total", "counter", "Objects received.", &one(&counters.received));
    add("duplicates_total", "counter", "Objects received again.", &one(&counters.duplicates));
    add("refused_total", "counter", "Objects not taken.", &one(&counters.refused));
    add("associations_total", "counter", "DICOM connections.", &one(&counters.associations));
    add("associations", "gauge", "Open DICOM connections.", &one(&counters.open_associations));
    add("http_requests_total", "counter", "HTTP requests.", &one(&counters.requests));
    add("finished_total", "counter", "Images with an outcome.", &one(&counters.finished));
    add("wait_microseconds_total", "counter", "Time from arrival to outcome.", &one(&counters.waited));
    add("delivery_failures_total", "counter", "Attempts that failed.", &one(&counters.attempts_failed));
    add("spool_bytes", "gauge", "Bytes of the spool's files.", &[(String::new(), node.inbox.used())]);
    for (name, table) in [("objects", Table::Objects), ("deliveries", Table::Deliveries)] {
        let counts = match node.inbox.ledger.counts(table) {
            Ok(counts) => counts,
            Err(error) => return broken(&error),
        };
        let rows = counts.into_iter().map(|(state, count)| (format!("{{state=\"{state}\"}}"), count.unsigned_abs()));
        add(name, "gauge", "In the ledger, by state.", &rows.collect::<Vec<_>>());
    }
    of(StatusCode::OK, "text/plain; version=0.0.4", text)
}
