//! Sources of images: files to decode, files' bytes from the caller's iterator, or radiographs from it.

use std::collections::VecDeque;
use std::io;
use std::iter::{Fuse, Peekable};
use std::path::{Path, PathBuf};

use super::plan::Plan;
use crate::Radiograph;
use crate::ensemble::ImageError;
use crate::radiograph;

/// An image, or why there is none, with its name for the caller.
pub type Named<N> = (N, Result<Radiograph, ImageError>);

/// Images in order, taken a few at a time.
pub trait Source: Send {
    /// A file's path, or an id.
    type Name: AsRef<Path> + Send;

    /// An upper bound on the number of images left, `usize::MAX` if unknown; 0 only if there are none.
    fn left(&mut self) -> usize;

    /// Bytes that an image takes while it is decoded: the next one with `ahead` = 0, the one after it with 1, and so
    /// on.
    fn claim(&mut self, ahead: usize, plan: &Plan) -> usize;

    /// Takes the next images, at most `count`.
    fn take(&mut self, count: usize) -> Vec<Named<Self::Name>>;

    /// Takes only the name of the next image; `None` if there are no more.
    fn skip(&mut self) -> Option<Self::Name>;
}

/// Files, decoded in parallel.
pub struct Files<'f, D> {
    rest: &'f [PathBuf],
    /// The claims of the first of them, as far as they were asked for: each header is read once.
    claims: VecDeque<usize>,
    decode: D,
}

impl<'f, D: FnMut(&'f [PathBuf]) -> Vec<Named<&'f Path>> + Send> Files<'f, D> {
    pub fn new(files: &'f [PathBuf], decode: D) -> Self {
        Self { rest: files, claims: VecDeque::new(), decode }
    }

    /// Takes the next files, at most `count`.
    fn advance(&mut self, count: usize) -> &'f [PathBuf] {
        let (now, later) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = later;
        self.claims.drain(..now.len().min(self.claims.len()));
        now
    }
}

impl<'f, D: FnMut(&'f [PathBuf]) -> Vec<Named<&'f Path>> + Send> Source for Files<'f, D> {
    type Name = &'f Path;

    fn left(&mut self) -> usize {
        self.rest.len()
    }

    /// From the file's header, if a limit must hold; the whole limit if the header does not say.
    fn claim(&mut self, ahead: usize, plan: &Plan) -> usize {
        if !plan.strict {
            return 0;
        }
        let unknown = self.rest.iter().take(ahead + 1).skip(self.claims.len());
        self.claims.extend(
            unknown.map(|path| radiograph::estimate(path).map_or(plan.memory, |bytes| bytes as usize).min(plan.memory)),
        );
        self.claims.get(ahead).copied().unwrap_or(0)
    }

    fn take(&mut self, count: usize) -> Vec<Named<&'f Path>> {
        let now = self.advance(count);
        (self.decode)(now)
    }

    fn skip(&mut self) -> Option<&'f Path> {
        self.advance(1).first().map(PathBuf::as_path)
    }
}

/// A file that the caller reads: its name, and its bytes or why there are none.
pub type Encoded = (PathBuf, io::Result<Vec<u8>>);

/// Files' bytes from an iterator, decoded in parallel.
pub struct EncodedFiles<I: Iterator<Item = Encoded>, D> {
    files: Fuse<I>,
    /// Files that were asked for ahead, each with its claim.
    ahead: VecDeque<(Encoded, usize)>,
    decode: D,
}

impl<I: Iterator<Item = Encoded>, D> EncodedFiles<I, D> {
    pub fn new(files: I, decode: D) -> Self {
        Self { files: files.fuse(), ahead: VecDeque::new(), decode }
    }

    fn next(&mut self) -> Option<Encoded> {
        self.ahead.pop_front().map(|(file, _)| file).or_else(|| self.files.next())
    }
}

/// Bytes that a file takes while it is decoded; the whole limit if its first bytes do not say.
fn claim_of((_, bytes): &Encoded, plan: &Plan) -> usize {
    let bytes = bytes.as_deref().unwrap_or_default();
    radiograph::estimate_of(bytes).map_or(plan.memory, |bytes| bytes as usize).min(plan.memory)
}

impl<I, D> Source for EncodedFiles<I, D>
where
    I: Iterator<Item = Encoded> + Send,
    D: FnMut(Vec<Encoded>) -> Vec<Named<PathBuf>> + Send,
{
    type Name = PathBuf;

    fn left(&mut self) -> usize {
        if self.ahead.is_empty() {
            // without a plan, the claim is unknown: `claim` computes it
            self.ahead.extend(self.files.next().map(|file| (file, usize::MAX)));
        }
        let (least, most) = self.files.size_hint();
        match self.ahead.len() {
            0 => 0,
            ahead => most.map_or(usize::MAX, |most| most.max(least).saturating_add(ahead)),
        }
    }

    /// From the file's first bytes, if a limit must hold.
    fn claim(&mut self, ahead: usize, plan: &Plan) -> usize {
        if !plan.strict {
            return 0;
        }
        while self.ahead.len() <= ahead {
            let Some(file) = self.files.next() else { return 0 };
            self.ahead.push_back((file, usize::MAX));
        }
        let (file, claim) = &mut self.ahead[ahead];
        if *claim == usize::MAX {
            *claim = claim_of(file, plan);
        }
        *claim
    }

    fn take(&mut self, count: usize) -> Vec<Named<PathBuf>> {
        let files = std::iter::from_fn(|| self.next()).take(count).collect();
        (self.decode)(files)
    }

    fn skip(&mut self) -> Option<PathBuf> {
        self.next().map(|(path, _)| path)
    }
}

/// Radiographs from an iterator; at most one more is made than is needed.
pub struct Radiographs<I: Iterator<Item = Radiograph>>(Peekable<I>);

impl<I: Iterator<Item = Radiograph>> Radiographs<I> {
    pub fn new(radiographs: I) -> Self {
        Self(radiographs.peekable())
    }
}

impl<I: Iterator<Item = Radiograph> + Send> Source for Radiographs<I> {
    type Name = String;

    fn left(&mut self) -> usize {
        if self.0.peek().is_none() {
            return 0;
        }
        let (least, most) = self.0.size_hint();
        most.unwrap_or(usize::MAX).max(least).max(1)
    }

    /// From its size, if a limit must hold. Later radiographs are not made yet, and count as the whole limit.
    fn claim(&mut self, ahead: usize, plan: &Plan) -> usize {
        match (plan.strict, ahead) {
            (false, _) => 0,
            (true, 0) => self.0.peek().map_or(0, |radiograph| plan.bytes(radiograph.size())).min(plan.memory),
            (true, _) => plan.memory,
        }
    }

    fn take(&mut self, count: usize) -> Vec<Named<String>> {
        let named = |radiograph: Radiograph| (radiograph.id().to_owned(), Ok(radiograph));
        self.0.by_ref().take(count).map(named).collect()
    }

    fn skip(&mut self) -> Option<String> {
        self.0.next().map(|radiograph| radiograph.id().to_owned())
    }
}
