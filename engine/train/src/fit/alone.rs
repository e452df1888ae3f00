//! The records of a fold that is trained alone: metrics and predictions in its own folder, so that folds can be trained
//! at once, until a training of all folds takes them over.
//!
//! Where a fold's folder has metrics, its records there are the whole truth about the fold, and whatever the common ones
//! say of it is old.

use std::path::{Path, PathBuf};

use super::TrainError;
use super::outcome::{METRICS, RECORDS, remove};
use crate::files;
use crate::journal::Journal;
use crate::out_of_fold::OutOfFold;

/// The folder of a fold.
pub fn folder(out: &Path, fold: u32) -> PathBuf {
    out.join(format!("fold{fold}"))
}

/// A fold that is trained alone from its beginning. Its folder is there.
pub fn begin(out: &Path, fold: u32) -> Result<(), TrainError> {
    Ok(files::write(&folder(out, fold).join(METRICS), "")?)
}

/// A fold goes on alone: with its own records where it has some, or else with what the common ones say of it.
pub fn go_on(out: &Path, fold: u32) -> Result<(), TrainError> {
    let folder = folder(out, fold);
    if folder.join(METRICS).exists() {
        return Ok(());
    }
    let mut predictions = OutOfFold::default();
    for (id, prediction) in OutOfFold::read(out)?.into_iter().filter(|(_, prediction)| prediction.fold == fold) {
        predictions.add(id, prediction)?;
    }
    predictions.write(&folder)?;
    // last, as it makes the others valid
    write_journal(&folder, Journal::rows(&out.join(METRICS))?.into_iter().filter(|(of, _)| *of == fold))
}

/// Puts the records of folds that were trained alone beside those of the others; tells whether there were any.
/// Interrupted, it can be done again.
pub fn gather(out: &Path, folds: &[u32]) -> Result<bool, TrainError> {
    let alone: Vec<u32> = folds.iter().copied().filter(|&fold| folder(out, fold).join(METRICS).exists()).collect();
    if alone.is_empty() {
        return Ok(false);
    }
    let mut predictions = OutOfFold::read(out)?;
    let mut rows = Journal::rows(&out.join(METRICS))?;
    rows.retain(|(fold, _)| !alone.contains(fold));
    for &fold in &alone {
        let folder = folder(out, fold);
        predictions.forget(fold);
        OutOfFold::read(&folder)?.into_iter().try_for_each(|(id, prediction)| predictions.add(id, prediction))?;
        rows.extend(Journal::rows(&folder.join(METRICS))?);
    }
    predictions.order(folds);
    predictions.write(out)?;
    write_journal(out, rows.into_iter())?;
    for &fold in &alone {
        let folder = folder(out, fold);
        // first, as without it the others are not looked at
        remove(&folder, |name| name == METRICS)?;
        remove(&folder, |name| RECORDS.contains(&name))?;
    }
    Ok(true)
}

fn write_journal(folder: &Path, rows: impl Iterator<Item = (u32, String)>) -> Result<(), TrainError> {
    let text: String = rows.flat_map(|(_, row)| [row, "\n".into()]).collect();
    Ok(files::write(&folder.join(METRICS), text)?)
}
