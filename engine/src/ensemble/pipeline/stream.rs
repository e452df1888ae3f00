//! Many images through an ensemble: decoded, prepared, inferred, postprocessed and returned in parallel.
//!
//! ```text
//! reader ──▶ two lanes a device ──▶ finisher ──▶ the caller
//! ```
//! While one lane's batch is in the models, the other builds its tensors and merges its maps. Images are processed in
//! chunks; a fixed number of chunks is in flight, so that memory is bounded, whichever part is slow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, Scope};
use std::{io, iter};

use rayon::prelude::*;

use super::chunk::{Chunk, Reader};
use super::guarded::guarded;
use super::source::{Encoded, EncodedFiles, Files, Named, Radiographs, Source};
use super::trace::Trace;
use crate::Radiograph;
use crate::ensemble::Ensemble;
use crate::ensemble::Finding;
use crate::ensemble::ImageError;
use crate::ensemble::device::clock::PipelineStep;
use crate::ensemble::member::prepare::Prepared;
use crate::radiograph::{DecodeLimits, RadiographError};

/// Chunks in flight outside of the lanes: decoded ahead of them, or being postprocessed and handed over.
const BESIDE_LANES: usize = 3;
/// Lanes of a device: one in the models, one before or after them.
const LANES: usize = 2;

/// A decoded image and the results of its stages.
type Seen = (Radiograph, Result<Trace, ImageError>);

/// A chunk after the stages.
struct Traced<N> {
    number: usize,
    bytes: usize,
    /// In the order of the source.
    images: Vec<(N, Result<Seen, ImageError>)>,
}

/// A chunk's results.
struct Findings<N> {
    bytes: usize,
    /// In the order of the source.
    images: Vec<(N, Result<Finding, ImageError>, Option<Radiograph>)>,
}

impl Ensemble {
    /// Runs files through the ensemble and passes each result to `each`, in the order of `files`.
    ///
    /// Memory does not grow with the number of files: see [`Options::memory`](crate::ensemble::Options::memory). `each`
    /// is called on the caller's thread, and may end the run by returning an error. That thread may belong to any pool:
    /// the run has its own threads. If the system refuses those, every file's result is [`ImageError::Threads`].
    ///
    /// # Errors
    /// What `each` returns.
    pub fn predict_files<E>(
        &self,
        files: &[PathBuf],
        mut each: impl FnMut(&Path, Result<Finding, ImageError>, Option<&Radiograph>) -> Result<(), E>,
    ) -> Result<(), E> {
        let limits = self.decode_limits();
        let decode = |paths| self.clock.time(PipelineStep::Decode, || self.decode(paths, limits));
        self.run(Files::new(files, decode), |path, finding, radiograph| each(path, finding, radiograph.as_ref()))
    }

    /// As [`predict_files`](Self::predict_files), for files that the caller reads: from a network, an archive, a
    /// database. The iterator gives each file's name and its bytes, or the reason that there are none, which becomes
    /// [`RadiographError::Read`]. The name is not opened: see [`Radiograph::decode`].
    ///
    /// The iterator runs on its own thread, as for [`predict_stream`](Self::predict_stream). Files are asked for as they
    /// are decoded, a few at a time: what the iterator reads ahead is its own affair.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use pleura::ensemble::{Ensemble, ImageError};
    ///
    /// let ensemble = Ensemble::open("ensembles/demo.toml")?;
    /// let names = ["a.dcm", "b.dcm"].map(std::path::PathBuf::from);
    /// let files = names.into_iter().map(|name| (name.clone(), std::fs::read(name)));
    /// ensemble.predict_encoded(files, |name, finding, _| {
    ///     println!("{}: {} pixels", name.display(), finding?.mask.area());
    ///     Ok::<_, ImageError>(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `each` returns.
    pub fn predict_encoded<E>(
        &self,
        files: impl IntoIterator<Item = (PathBuf, io::Result<Vec<u8>>), IntoIter: Send>,
        mut each: impl FnMut(&Path, Result<Finding, ImageError>, Option<&Radiograph>) -> Result<(), E>,
    ) -> Result<(), E> {
        let limits = self.decode_limits();
        let decode = |files| self.clock.time(PipelineStep::Decode, || self.decode_encoded(files, limits));
        let source = EncodedFiles::new(files.into_iter(), decode);
        self.run(source, |path, finding, radiograph| each(&path, finding, radiograph.as_ref()))
    }

    /// Runs radiographs from an iterator through the ensemble and passes each result to `each`, with the radiograph's
    /// id, in their order.
    ///
    /// The iterator runs on its own thread, and is asked for a radiograph when there is room for it: memory is bounded
    /// as in [`predict_files`](Self::predict_files). If `each` ends the run, it returns once the iterator's current
    /// call has. A panic of the iterator is passed to the caller, after the results of all earlier radiographs.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use pleura::{Radiograph, ensemble::Ensemble};
    ///
    /// let ensemble = Ensemble::open("ensembles/demo.toml")?;
    /// let frames = (0..1000).map(|number| {
    ///     let pixels = ndarray::Array2::from_elem((1024, 1024), 0.5);
    ///     Radiograph::from_values(number.to_string(), pixels, (0.0, 1.0)).expect("finite values within the range")
    /// });
    /// ensemble.predict_stream(frames, |id, finding, _| {
    ///     println!("{id}: {} pixels", finding?.mask.area());
    ///     Ok::<_, pleura::ensemble::ImageError>(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `each` returns.
    pub fn predict_stream<E>(
        &self,
        radiographs: impl IntoIterator<Item = Radiograph, IntoIter: Send>,
        mut each: impl FnMut(&str, Result<Finding, ImageError>, Option<&Radiograph>) -> Result<(), E>,
    ) -> Result<(), E> {
        let source = Radiographs::new(radiographs.into_iter());
        self.run(source, |id, finding, radiograph| each(&id, finding, radiograph.as_ref()))
    }

    fn run<S: Source, E>(
        &self,
        source: S,
        mut each: impl FnMut(S::Name, Result<Finding, ImageError>, Option<Radiograph>) -> Result<(), E>,
    ) -> Result<(), E> {
        let source = Mutex::new(Some(source));
        thread::scope(|scope| {
            let (tell, done) = channel();
            let from_finisher = match self.start(scope, &source, done) {
                Ok(findings) => findings,
                Err(error) => {
                    // Threads that were started end, because nothing is received from them.
                    drop(tell);
                    let error = ImageError::Threads(Arc::new(error));
                    let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
                    let names = iter::from_fn(|| source.as_mut()?.skip());
                    return names.into_iter().try_for_each(|name| each(name, Err(error.clone()), None));
                }
            };
            for Findings { bytes, images } in iter::from_fn(|| self.pool.receive(&from_finisher)) {
                for (name, finding, radiograph) in images {
                    each(name, finding, radiograph)?;
                }
                // The reader ends when everything is read.
                let _ = tell.send(bytes);
            }
            Ok(())
        })
    }

    /// Starts reader, lanes and finisher; returns the results' receiver. `done` receives the bytes of finished images.
    /// The reader starts last, and takes the source.
    ///
    /// # Errors
    /// If the system refuses a thread; the source is then left in place.
    fn start<'scope, 'env: 'scope, S: Source>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        source: &'env Mutex<Option<S>>,
        done: Receiver<usize>,
    ) -> io::Result<Receiver<Findings<S::Name>>> {
        let named = |name: &str| Builder::new().name(format!("pleura-{name}"));
        let lanes = LANES * self.devices.len();
        let (to_lanes, from_reader) = channel();
        let (to_finisher, from_lanes) = channel();
        let from_reader = Arc::new(Mutex::new(from_reader));
        for slot in 0..lanes {
            let (from_reader, to_finisher) = (Arc::clone(&from_reader), to_finisher.clone());
            let work = move || self.work(slot % self.devices.len(), &from_reader, &to_finisher);
            named("slot").spawn_scoped(scope, work)?;
        }
        // Only the lanes hold these ends now: reader and finisher end when the lanes do.
        drop((from_reader, to_finisher));
        let (to_caller, from_finisher) = channel();
        named("finisher").spawn_scoped(scope, move || self.finish(&from_lanes, &to_caller))?;
        let read = move || {
            let source = source.lock().unwrap_or_else(PoisonError::into_inner).take();
            source.into_iter().for_each(|source| {
                self.read(Reader::new(self.plan(lanes + BESIDE_LANES), source), &done, &to_lanes);
            });
        };
        named("reader").spawn_scoped(scope, read)?;
        Ok(from_finisher)
    }

    /// Takes images from their source, and prepares them for the members that certainly run on them.
    fn read<S: Source>(&self, mut reader: Reader<S>, done: &Receiver<usize>, lanes: &Sender<Chunk<S::Name>>) {
        while reader.wait(done)
            && let Some(mut chunk) = reader.next()
        {
            if let Some(recipe) = self.first_recipe() {
                self.clock.time(PipelineStep::Prepare, || self.prepare_ahead(recipe, &mut chunk));
            }
            if lanes.send(chunk).is_err() {
                return;
            }
        }
    }

    /// Takes chunks through the stages on a device, as long as there are any.
    fn work<N>(&self, device: usize, reader: &Mutex<Receiver<Chunk<N>>>, finisher: &Sender<Traced<N>>) {
        let next = || reader.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok(mut chunk) = next() {
            let prepared = std::mem::take(&mut chunk.prepared);
            let mut traces = self.trace_guarded(self.slot(device), &chunk.radiographs(), prepared).into_iter();
            let mut pair = |radiograph| (radiograph, traces.next().expect("as many traces as radiographs"));
            let images = chunk.images.into_iter().map(|(name, image)| (name, image.map(&mut pair))).collect();
            if finisher.send(Traced { number: chunk.number, bytes: chunk.bytes, images }).is_err() {
                return;
            }
        }
    }

    /// Restores the order of chunks, and turns the stages' results into findings.
    fn finish<N: Send>(&self, lanes: &Receiver<Traced<N>>, caller: &Sender<Findings<N>>) {
        let (mut early, mut next) = (BTreeMap::new(), 0);
        for traced in lanes {
            early.insert(traced.number, traced);
            while let Some(traced) = early.remove(&next) {
                next += 1;
                let findings = self.clock.time(PipelineStep::Postprocess, || self.conclude_all(traced));
                if caller.send(findings).is_err() {
                    return;
                }
            }
        }
    }

    fn conclude_all<N: Send>(&self, Traced { bytes, images, .. }: Traced<N>) -> Findings<N> {
        let conclude = |(name, image): (N, Result<Seen, ImageError>)| match image {
            Ok((radiograph, trace)) => {
                let finding = guarded(|| self.conclude(&radiograph, trace?, false).map(|(finding, _)| finding));
                (name, finding, Some(radiograph))
            }
            Err(error) => (name, Err(error), None),
        };
        Findings { bytes, images: self.pool.run(|| images.into_par_iter().map(conclude).collect()) }
    }

    /// The recipe of the first member, which runs on every image; `None` if the cache may have its output, or if the
    /// recipe needs the crop stage's box.
    fn first_recipe(&self) -> Option<usize> {
        let first = self.stages().next()?.members.first()?;
        (self.cache.is_none() && !first.manifest.crop).then_some(first.recipe)
    }

    fn prepare_ahead<N>(&self, recipe: usize, chunk: &mut Chunk<N>) {
        let mut prepared = Prepared::default();
        let radiographs = chunk.radiographs();
        let tasks: Vec<_> =
            radiographs.iter().enumerate().map(|(image, radiograph)| self.task(image, radiograph)).collect();
        let tasks: Vec<_> = tasks.iter().collect();
        // What fails here, or panics, is tried again by the member that needs it, and reported then.
        let _ = guarded(|| Ok(self.pool.run(|| prepared.fill(&self.recipes, recipe, &radiographs, &tasks))));
        chunk.prepared = prepared;
    }

    fn decode<'f>(&self, paths: &'f [PathBuf], limits: DecodeLimits) -> Vec<Named<&'f Path>> {
        let open = |path: &'f PathBuf| (path.as_path(), guarded(|| Ok(Radiograph::open_with(path, limits)?)));
        self.pool.run(|| paths.par_iter().map(open).collect())
    }

    fn decode_encoded(&self, files: Vec<Encoded>, limits: DecodeLimits) -> Vec<Named<PathBuf>> {
        let open = |(path, bytes): Encoded| {
            let radiograph = guarded(|| {
                let bytes = bytes.map_err(|source| RadiographError::Read { path: path.clone(), source })?;
                Ok(Radiograph::decode_with(&bytes, &path, limits)?)
            });
            (path, radiograph)
        };
        self.pool.run(|| files.into_par_iter().map(open).collect())
    }
}
