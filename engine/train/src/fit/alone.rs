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
use crate::out_of_fold::{OutOfFold, Prediction};

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

/// Puts the records of folds that were trained alone beside those of the others, in the order of `folds`, as if all had
/// been trained one after the other. Interrupted, it can be done again.
pub fn gather(out: &Path, folds: &[u32]) -> Result<(), TrainError> {
    let alone: Vec<u32> = folds.iter().copied().filter(|&fold| folder(out, fold).join(METRICS).exists()).collect();
    if alone.is_empty() {
        return Ok(());
    }
    let place = |fold: u32| folds.iter().position(|&other| other == fold).unwrap_or(folds.len());
    let mut predictions: Vec<(String, Prediction)> = OutOfFold::read(out)?.into_iter().collect();
    let mut rows = Journal::rows(&out.join(METRICS))?;
    predictions.retain(|(_, prediction)| !alone.contains(&prediction.fold));
    rows.retain(|(fold, _)| !alone.contains(fold));
    for &fold in &alone {
        predictions.extend(OutOfFold::read(&folder(out, fold))?);
        rows.extend(Journal::rows(&folder(out, fold).join(METRICS))?);
    }
    // stable: what a fold has told stays in its order
    predictions.sort_by_key(|(_, prediction)| place(prediction.fold));
    rows.sort_by_key(|(fold, _)| place(*fold));

    let mut all = OutOfFold::default();
    predictions.into_iter().try_for_each(|(id, prediction)| all.add(id, prediction))?;
    all.write(out)?;
    write_journal(out, rows.into_iter())?;
    for &fold in &alone {
        let folder = folder(out, fold);
        // first, as without it the others are not looked at
        remove(&folder, |name| name == METRICS)?;
        remove(&folder, |name| RECORDS.contains(&name))?;
    }
    Ok(())
}

fn write_journal(folder: &Path, rows: impl Iterator<Item = (u32, String)>) -> Result<(), TrainError> {
    let text: String = rows.flat_map(|(_, row)| [row, "\n".into()]).collect();
    Ok(files::write(&folder.join(METRICS), text)?)
}
