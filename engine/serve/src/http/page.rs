//! A page for people: the queue and the last results, those to be read first, then positives.

use askama::Template;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::{Answer, answers};
use crate::inbox::ledger::{Object, Table};
use crate::node::Node;

const SHOWN: u32 = 200;
/// Nothing but the page's own style: whatever an object is called, no script runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Template)]
#[template(path = "worklist.html")]
struct Page {
    title: String,
    objects: Vec<(String, i64)>,
    deliveries: Vec<(String, i64)>,
    rows: Vec<Object>,
}

/// The page.
pub fn show(node: &Node) -> Answer {
    let ledger = &node.inbox.ledger;
    let parts: rusqlite::Result<_> =
        (|| Ok((ledger.counts(Table::Objects)?, ledger.counts(Table::Deliveries)?, ledger.latest(SHOWN)?)))();
    let (objects, deliveries, rows) = match parts {
        Ok(parts) => parts,
        Err(error) => return answers::broken(&error),
    };
    match (Page { title: node.config.title.clone(), objects, deliveries, rows }).render() {
        Ok(text) => {
            let mut answer = answers::of(StatusCode::OK, "text/html; charset=utf-8", text);
            answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            answer
        }
        Err(error) => answers::broken(&error),
    }
}
