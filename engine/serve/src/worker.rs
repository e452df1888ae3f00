//! Takes queued images through the ensemble, in their order, as long as there are any.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io, iter};

use pleura::Radiograph;
use pleura::ensemble::{Ensemble, Finding, ImageError};
use pleura_dicom_out::Object as Made;

use crate::error::Refusal;
use crate::inbox::ledger::{Object, Outcome};
use crate::node::Node;
use crate::objects::Maker;

/// How long the worker waits after a fault that is not an image's: a full disk, a lack of threads.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the process may end while it is busy with an image alone.
const ATTEMPTS: i64 = 5;

/// Why a run ends early. The images in progress are processed again.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{}", pleura::chain(.0))]
    Threads(ImageError),
    #[error("the ledger of the spool: {0}")]
    Ledger(#[from] rusqlite::Error),
    #[error(transparent)]
    Spool(#[from] Refusal),
}

/// Runs until the node stops.
pub fn run(node: &Node, ensemble: &Ensemble, maker: &Maker) {
    while node.goes_on() {
        let seen = node.arrivals.count();
        match run_queue(node, ensemble, maker) {
            Ok(0) => node.arrivals.wait(seen, Duration::from_secs(5)),
            Ok(_) => {}
            Err(fault) => {
                tracing::error!("the images in progress will be processed again: {fault}");
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Takes queued images through one run; returns their number. An image that was in progress when the process ended may
/// have ended it: it runs alone, so that it takes no other with it.
fn run_queue(node: &Node, ensemble: &Ensemble, maker: &Maker) -> Result<usize, Fault> {
    match node.inbox.ledger.suspect()? {
        Some(suspect) if suspect.attempts >= ATTEMPTS => {
            let reason = format!("the program ended {ATTEMPTS} times while it processed this image");
            give_up(node, &suspect, reason)?;
            Ok(1)
        }
        Some(suspect) => run_all(node, ensemble, maker, iter::once(suspect).map(Ok)),
        None => {
            let mut last = 0;
            let queue = iter::from_fn(|| {
                let object = node.inbox.ledger.next(last).transpose()?;
                last = object.as_ref().map_or(last, |object| object.id);
                Some(object)
            });
            run_all(node, ensemble, maker, queue)
        }
    }
}

/// Takes images through the ensemble.
fn run_all(
    node: &Node,
    ensemble: &Ensemble,
    maker: &Maker,
    mut objects: impl Iterator<Item = rusqlite::Result<Object>> + Send,
) -> Result<usize, Fault> {
    let taken: Mutex<VecDeque<Object>> = Mutex::default();
    let fault: Mutex<Option<rusqlite::Error>> = Mutex::default();
    let files = iter::from_fn(|| {
        let object = if node.goes_on() { objects.next()? } else { return None };
        match object.and_then(|object| node.inbox.ledger.begun(object.id, 1).map(|()| object)) {
            Ok(object) => {
                let name = PathBuf::from(&object.name);
                let bytes: io::Result<Vec<u8>> = fs::read(node.inbox.path(&object.sha256));
                lock(&taken).push_back(object);
                Some((name, bytes))
            }
            Err(error) => {
                *lock(&fault) = Some(error);
                None
            }
        }
    });
    let mut count = 0;
    let ran = ensemble.predict_encoded(files, |_, finding, radiograph| {
        let object = lock(&taken).pop_front().expect("results come in the order of the files");
        count += 1;
        let recorded = record(node, &object, finding, radiograph, maker);
        if recorded.is_err() {
            lock(&taken).push_front(object);
        }
        recorded
    });
    // what was begun and has no outcome did not end the process
    for object in lock(&taken).drain(..) {
        node.inbox.ledger.begun(object.id, -1)?;
    }
    ran?;
    let fault = lock(&fault).take();
    fault.map_or(Ok(count), |error| Err(error.into()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records what came of an image.
fn record(
    node: &Node,
    object: &Object,
    finding: Result<Finding, ImageError>,
    radiograph: Option<&Radiograph>,
    maker: &Maker,
) -> Result<(), Fault> {
    let outcome = match &finding {
        Err(error @ ImageError::Threads(_)) => return Err(Fault::Threads(error.clone())),
        Err(error @ ImageError::NotAccepted { .. }) => {
            Outcome::without_finding("refused", pleura::chain(error).to_string())
        }
        Err(error) => Outcome::without_finding("failed", pleura::chain(error).to_string()),
        Ok(finding) => Outcome::of(finding, &maker.origin),
    };
    let destinations = node.rules.of(&outcome, &object.origin);
    let objects = match (&finding, radiograph) {
        (Ok(finding), Some(radiograph)) if node.rules.take_objects(&destinations) => maker.objects(radiograph, finding),
        _ => Ok(Vec::new()),
    };
    match objects {
        Ok(objects) => finish(node, object, Outcome { destinations, ..outcome }, &objects),
        Err(error) => give_up(node, object, pleura::chain(&error).to_string()),
    }
}

/// Records that there is no finding, and why.
fn give_up(node: &Node, object: &Object, reason: String) -> Result<(), Fault> {
    let outcome = Outcome::without_finding("failed", reason);
    let destinations = node.rules.of(&outcome, &object.origin);
    finish(node, object, Outcome { destinations, ..outcome }, &[])
}

fn finish(node: &Node, object: &Object, outcome: Outcome<'_>, objects: &[Made]) -> Result<(), Fault> {
    node.inbox.finish(object.id, outcome, objects)?;
    node.finished(object);
    Ok(())
}
