//! Requests that bring images: STOW-RS and `POST /predict`.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::body::{Fault, Sender, Taken};
use super::{Answer, answers};
use crate::deliver;
use crate::error::Refusal;
use crate::node::Node;

fn of(fault: Fault) -> Answer {
    match fault {
        Fault::Kind(reason) => answers::fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, &reason),
        Fault::Broken(reason) if reason.contains("--max-body") => {
            answers::fault(StatusCode::PAYLOAD_TOO_LARGE, &reason)
        }
        Fault::Broken(reason) => answers::fault(StatusCode::BAD_REQUEST, &reason),
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Conflict => StatusCode::CONFLICT,
        Refusal::Invalid(_) | Refusal::Uid(_) | Refusal::Mismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Stores instances (DICOM PS3.18, 10.5): 200 if all are stored, 202 if some, 409 or a more telling status if none.
pub async fn stow(node: &Arc<Node>, host: IpAddr, request: Request<Incoming>, study: Option<&str>) -> Answer {
    let origin = host.to_string();
    let taken = match (Sender { node, origin: &origin, stow: true, study }).take(request).await {
        Ok(taken) => taken,
        Err(fault) => return of(fault),
    };
    let text = |value: Value| json!({ "vr": "UI", "Value": [value] });
    let (mut stored, mut failed) = (Vec::new(), Vec::new());
    for outcome in &taken {
        match outcome {
            Ok(received) => stored.push(json!({ "00081155": text(received.key.as_str().into()) })),
            Err(refusal) => failed.push(json!({ "00081197": { "vr": "US", "Value": [reason(refusal)] } })),
        }
    }
    let status = match (stored.is_empty(), taken.iter().find_map(|outcome| outcome.as_ref().err())) {
        (_, None) => StatusCode::OK,
        (false, Some(_)) => StatusCode::ACCEPTED,
        (true, Some(refusal @ (Refusal::Full(_) | Refusal::TooLarge(_)))) => status_of(refusal),
        (true, Some(_)) => StatusCode::CONFLICT,
    };
    let sequence = |items: Vec<Value>| json!({ "vr": "SQ", "Value": items });
    let mut answer = serde_json::Map::new();
    if !failed.is_empty() {
        answer.insert("00081198".into(), sequence(failed));
    }
    if !stored.is_empty() {
        answer.insert("00081199".into(), sequence(stored));
    }
    answers::of(status, "application/dicom+json", Value::Object(answer).to_string())
}

/// The failure reason of STOW-RS (DICOM PS3.18, annex I.2.2).
fn reason(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Full(_) | Refusal::TooLarge(_) => 0xA700,
        Refusal::Conflict => 0x0111,
        Refusal::Invalid(_) | Refusal::Uid(_) => 0xC000,
        Refusal::Mismatch => 0xA900,
        Refusal::Failed(_) => 0x0110,
    }
}

/// Takes one image or a study, and answers with the results; 202 with those so far if they take too long. They then
/// come at `/results/KEY`.
pub async fn predict(node: &Arc<Node>, host: IpAddr, request: Request<Incoming>) -> Answer {
    let origin = host.to_string();
    let taken = match (Sender { node, origin: &origin, stow: false, study: None }).take(request).await {
        Ok(taken) => taken,
        Err(fault) => return of(fault),
    };
    let complete = tokio::time::timeout(node.config.wait, wait(node, &taken)).await.is_ok();
    let mut results = Vec::new();
    for outcome in &taken {
        let value = match outcome {
            Err(refusal) => json!({ "state": "rejected", "reason": refusal.to_string() }),
            Ok(received) => match node.inbox.ledger.get(&received.key) {
                Ok(Some(object)) => match deliver::json(&object).and_then(|text| serde_json::from_str(&text)) {
                    Ok(value) => value,
                    Err(error) => return answers::broken(&error),
                },
                Ok(None) => json!({ "key": received.key, "state": "forgotten" }),
                Err(error) => return answers::broken(&error),
            },
        };
        results.push(value);
    }
    let none = taken.iter().all(Result::is_err);
    let status = match taken.iter().find_map(|outcome| outcome.as_ref().err()) {
        Some(refusal) if none => status_of(refusal),
        _ if complete => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    answers::json(status, json!({ "results": results }).to_string())
}

/// Waits until every object has an outcome.
async fn wait(node: &Node, taken: &Taken) {
    let mut finished = node.finished.subscribe();
    for received in taken.iter().flatten() {
        loop {
            finished.borrow_and_update();
            match node.inbox.ledger.get(&received.key) {
                Ok(Some(object)) if object.state == "queued" => {}
                _ => break,
            }
            if finished.changed().await.is_err() {
                return;
            }
        }
    }
}
