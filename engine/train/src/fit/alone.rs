//! The records of a fold that is trained alone: metrics and predictions in its own folder, so that folds can be trained
//! concurrently, until a training of all folds takes them over.
//!
//! If a fold's folder has metrics, its records there are authoritative, and what the common ones say about the fold is
//! outdated.

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

/// Prepares a fold that is trained alone from its start. Its folder exists.
pub fn begin(out: &Path, fold: u32) -> Result<(), TrainError> {
    Ok(files::write(&folder(out, fold).join(METRICS), "")?)
}

/// Prepares a fold that continues alone: with its own records if it has some, or else with those of the common ones.
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
    // last, because it makes the others valid
    write_journal(&folder, Journal::rows(&out.join(METRICS))?.into_iter().filter(|(of, _)| *of == fold))
}

/// Adds the records of folds that were trained alone to those of the others; returns whether there were any.
/// If interrupted, it can be repeated.
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
        // first, because without it the others are ignored
        remove(&folder, |name| name == METRICS)?;
        remove(&folder, |name| RECORDS.contains(&name))?;
    }
    Ok(true)
}

fn write_journal(folder: &Path, rows: impl Iterator<Item = (u32, String)>) -> Result<(), TrainError> {
    let text: String = rows.flat_map(|(_, row)| [row, "\n".into()]).collect();
    Ok(files::write(&folder.join(METRICS), text)?)
}
