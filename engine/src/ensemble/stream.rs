//! Many files through an ensemble, a few in memory at a time.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use rayon::prelude::*;

use super::{Ensemble, Finding, ImageError};
use crate::Radiograph;

/// Files decoded ahead, in batches: while one batch is at the models, the next is read.
const AHEAD: usize = 1;

type Decoded<'a> = Vec<(&'a Path, Result<Radiograph, ImageError>)>;

impl Ensemble {
    /// Runs files through the ensemble and hands over each result, in the order of `files`.
    ///
    /// Memory does not grow with the number of files: three chunks of twice a batch are held at most, one at the models,
    /// one decoded ahead and one being decoded. `each` may end the run by returning an error.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn predict_files<E>(
        &self,
        files: &[PathBuf],
        mut each: impl FnMut(&Path, Result<Finding, ImageError>, Option<&Radiograph>) -> Result<(), E>,
    ) -> Result<(), E> {
        let chunk = self.chunk();
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Decoded<'_>>(AHEAD);
            scope.spawn(move || {
                for files in files.chunks(chunk) {
                    let open = |path: &PathBuf| Radiograph::open(path).map_err(ImageError::from);
                    let decoded = files.par_iter().map(|path| (path.as_path(), open(path))).collect();
                    // The other side is gone when the run has been ended.
                    if sender.send(decoded).is_err() {
                        return;
                    }
                }
            });
            receiver.iter().try_for_each(|decoded| self.predict_decoded(decoded, &mut each))
        })
    }

    /// How many files are held together: twice the largest batch, so that what passes the gate still fills one.
    fn chunk(&self) -> usize {
        let crop = self.crop.iter().map(|crop| &crop.stage);
        let members = crop.chain(&self.classifier).chain([&self.segmenter]).flat_map(|stage| &stage.members);
        let insisted = members.flat_map(|member| {
            member.weights.iter().filter_map(|weights| weights.fixed_batch(&member.manifest.input.name))
        });
        let insisted = insisted.max().unwrap_or(1);
        self.batch.max(insisted).saturating_mul(2)
    }

    fn predict_decoded<E>(
        &self,
        decoded: Decoded<'_>,
        each: &mut impl FnMut(&Path, Result<Finding, ImageError>, Option<&Radiograph>) -> Result<(), E>,
    ) -> Result<(), E> {
        let good: Vec<&Radiograph> = decoded.iter().filter_map(|(_, radiograph)| radiograph.as_ref().ok()).collect();
        let mut findings = self.predict_refs(&good).into_iter();
        for (path, radiograph) in decoded {
            match radiograph {
                Err(error) => each(path, Err(error), None)?,
                Ok(radiograph) => {
                    if let Some(finding) = findings.next() {
                        each(path, finding, Some(&radiograph))?;
                    }
                }
            }
        }
        Ok(())
    }
}
