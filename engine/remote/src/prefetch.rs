//! Objects in their order, downloaded several at once and a bounded number ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::error::{Fault, RemoteError};
use crate::object::{Object, Part};
use crate::remote::Inner;

/// What an object of unknown length counts as: about a chest radiograph.
const UNKNOWN: u64 = 16 << 20;

/// A download on its way.
type Download = JoinHandle<Result<Vec<u8>, RemoteError>>;

/// The bytes of objects, in their order. Dropping it ends the downloads.
pub struct Fetch<'a> {
    inner: Arc<Inner>,
    part: Part,
    /// Objects whose download has not started.
    rest: std::vec::IntoIter<&'a Object>,
    /// Downloads that have, each with the bytes that it counts as.
    started: VecDeque<(u64, Download)>,
    /// The sum of these.
    bytes: u64,
}

impl<'a> Fetch<'a> {
    pub(crate) fn new(inner: Arc<Inner>, objects: Vec<&'a Object>, part: Part) -> Self {
        Self { inner, part, rest: objects.into_iter(), started: VecDeque::new(), bytes: 0 }
    }

    /// Starts downloads as far as there is room: at least one.
    fn fill(&mut self) {
        let options = self.inner.options;
        while let Some(&object) = self.rest.as_slice().first() {
            let bytes = self.part.of(object.bytes.unwrap_or(UNKNOWN));
            let fits = self.started.len() < options.ahead && self.bytes.saturating_add(bytes) <= options.ahead_bytes;
            if !fits && !self.started.is_empty() {
                return;
            }
            self.rest.next();
            self.bytes += bytes;
            self.started.push_back((bytes, self.inner.start_reading(object.clone(), self.part)));
        }
    }
}

impl Iterator for Fetch<'_> {
    type Item = Result<Vec<u8>, RemoteError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill();
        let (bytes, download) = self.started.pop_front()?;
        let done = self.inner.wait(download);
        self.bytes -= bytes;
        // while the caller works on this one
        self.fill();
        Some(done.unwrap_or_else(|error| Err(RemoteError::new(Fault::Network, format!("the download ended: {error}")))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.started.len() + self.rest.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Fetch<'_> {}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        self.started.iter().for_each(|(_, download)| download.abort());
    }
}
