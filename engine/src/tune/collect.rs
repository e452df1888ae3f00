//! Many images through an ensemble, a few in memory at a time: of each, what a search needs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::error::TuneError;
use super::space::Image;
use crate::ensemble::{Ensemble, Explanation, ImageError};
use crate::submission::Submission;
use crate::{Radiograph, Size};

/// What images are judged by.
pub struct Evaluator<'a> {
    /// The ensemble; with a cache, what it holds costs no inference.
    pub ensemble: &'a Ensemble,
    /// The truth.
    pub truth: &'a Submission,
    /// Size of its masks.
    pub size: Size,
}

/// One image, as it comes by.
pub struct AnsweredImage<'a> {
    /// Its place among the files.
    pub place: usize,
    /// The image with its truth.
    pub image: &'a Image<'a>,
    /// What the members say, whatever the gates do.
    pub answers: &'a Explanation,
}

/// What is kept of each image, in the order of the files; `None` where a file was skipped.
type Kept<T> = Vec<Option<T>>;

impl Evaluator<'_> {
    /// Looks at files, one a thread at a time, and keeps what `keep` makes of each, in the order of the files. One that
    /// cannot be read or answered is told to `skipped`, and left out; `done` is told of every file.
    ///
    /// # Errors
    /// Where an image has no truth or another's id, or `keep` fails.
    pub fn collect<T: Send>(
        &self,
        files: &[PathBuf],
        keep: &(dyn Fn(&AnsweredImage<'_>) -> Result<T, TuneError> + Sync),
        done: &(dyn Fn(&Path, Option<&ImageError>) + Sync),
    ) -> Result<Vec<T>, TuneError> {
        let next = AtomicUsize::new(0);
        let kept: Mutex<Kept<T>> = Mutex::new(files.iter().map(|_| None).collect());
        let (ids, failed) = (Mutex::new(HashMap::new()), Mutex::new(None));
        let work = || {
            loop {
                let place = next.fetch_add(1, Relaxed);
                let Some(file) = files.get(place) else { return };
                match self.look(file, place, &ids, keep) {
                    Ok(Ok(found)) => {
                        done(file, None);
                        lock(&kept)[place] = Some(found);
                    }
                    Ok(Err(error)) => done(file, Some(&error)),
                    Err(error) => {
                        lock(&failed).get_or_insert(error);
                        next.store(files.len(), Relaxed);
                    }
                }
            }
        };
        // Threads of their own: those of the pool are for what happens within an image. Where the system has none to spare,
        // those that there are do it all, this one if need be.
        thread::scope(|scope| {
            for _ in 1..self.ensemble.threads() {
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        match lock(&failed).take() {
            Some(error) => Err(error),
            None => Ok(lock(&kept).drain(..).flatten().collect()),
        }
    }

    fn look<T>(
        &self,
        file: &Path,
        place: usize,
        ids: &Mutex<HashMap<String, PathBuf>>,
        keep: &(dyn Fn(&AnsweredImage<'_>) -> Result<T, TuneError> + Sync),
    ) -> Result<Result<T, ImageError>, TuneError> {
        let radiograph = match Radiograph::open_with(file, self.ensemble.decode_limits()) {
            Ok(radiograph) => radiograph,
            Err(error) => return Ok(Err(error.into())),
        };
        let id = radiograph.id().to_owned();
        // Before anything is inferred.
        if !self.truth.contains(&id) {
            return Err(TuneError::NoTruth { id });
        }
        if lock(ids).insert(id.clone(), file.into()).is_some() {
            return Err(TuneError::Twice { id });
        }
        let answers = match self.ensemble.answers(&radiograph) {
            Ok(answers) => answers,
            Err(error) => return Ok(Err(error)),
        };
        let image = Image::new(&radiograph, &answers, self.truth, self.size)?;
        keep(&AnsweredImage { place, image: &image, answers: &answers }).map(Ok)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
