//! Runs many images through an ensemble, a few in memory at a time, and keeps what a search needs of each.

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

/// The ensemble and the truth by which images are evaluated.
pub struct Evaluator<'a> {
    /// The ensemble; with a cache, cached outputs cost no inference.
    pub ensemble: &'a Ensemble,
    /// The truth.
    pub truth: &'a Submission,
    /// Size of its masks.
    pub size: Size,
}

/// One image with its outputs.
pub struct AnsweredImage<'a> {
    /// Its index among the files.
    pub place: usize,
    /// The image with its truth.
    pub image: &'a Image<'a>,
    /// The members' outputs, whatever the gates decide.
    pub answers: &'a Explanation,
}

/// The results for the images, in the order of the files; `None` for a skipped file.
type Kept<T> = Vec<Option<T>>;

impl Evaluator<'_> {
    /// Runs files, one per thread at a time, and keeps the result of `keep` for each, in the order of the files. A file
    /// that cannot be read or predicted is passed to `skipped`, and left out; `done` is called for every file.
    ///
    /// # Errors
    /// If an image has no truth or the id of another, or `keep` fails.
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
        // Separate threads: those of the pool are for the work within an image. If the system has none to spare, the
        // existing ones do all of it, if necessary only this one.
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
        // Before any inference.
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
