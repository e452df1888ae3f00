//! Out-of-fold predictions as files.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use csv::{ReaderBuilder, Terminator, Writer, WriterBuilder};
use pleura::submission::rle::ANY_SIZE;
use pleura::submission::{MaskRow, Rows, Runs};
use serde::{Deserialize, Serialize};

use super::{Found, OutOfFold, OutOfFoldError, Prediction};
use crate::files;

/// The name of the file of labels, scores and Dice.
pub const PREDICTIONS: &str = "oof.csv";

/// The name of the file of masks.
pub const SUBMISSION: &str = "oof-submission.csv";

/// A row of [`PREDICTIONS`].
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    #[serde(rename = "ImageId")]
    id: String,
    fold: u32,
    /// 1 or 0.
    label: u8,
    score: Option<f32>,
    dice: Option<f64>,
}

impl OutOfFold {
    /// Writes both files to a folder, the masks' only if there are any. The masks come first, so that at any moment
    /// every prediction has its mask.
    ///
    /// # Errors
    /// If a file cannot be written; it is then unchanged.
    pub fn write(&self, folder: &Path) -> Result<(), OutOfFoldError> {
        if self.iter().any(|(_, prediction)| prediction.found.is_some()) {
            files::write(&folder.join(SUBMISSION), self.masks())?;
        }
        Ok(files::write(&folder.join(PREDICTIONS), self.answers())?)
    }

    /// Reads the files of [`write`](Self::write); empty if there is no file.
    ///
    /// # Errors
    /// If a file cannot be read, or an image's mask is missing.
    pub fn read(folder: &Path) -> Result<Self, OutOfFoldError> {
        let (path, masks_path) = (folder.join(PREDICTIONS), folder.join(SUBMISSION));
        let mut read = Self::default();
        if !path.exists() {
            return Ok(read);
        }
        let failed = |source| OutOfFoldError::Read { path: path.clone(), source };
        let answers: Vec<Answer> = records(&path).map_err(failed)?;
        let any = answers.iter().any(|answer| answer.dice.is_some());
        let mut masks = if any { masks(&masks_path)? } else { HashMap::new() };
        for Answer { id, fold, label, score, dice } in answers {
            let found = match (dice, masks.remove(id.trim())) {
                (Some(dice), Some(mask)) => Some(Found { mask, dice }),
                (Some(_), None) => return Err(OutOfFoldError::NoMask { path: masks_path, id }),
                (None, _) => None,
            };
            read.add(id, Prediction { fold, label: label != 0, score, found })?;
        }
        Ok(read)
    }

    fn answers(&self) -> Vec<u8> {
        table(|csv| {
            if self.is_empty() {
                csv.write_record(["ImageId", "fold", "label", "score", "dice"])?;
            }
            self.iter().try_for_each(|(id, prediction)| {
                let &Prediction { fold, label, score, ref found } = prediction;
                let dice = found.as_ref().map(|found| found.dice);
                csv.serialize(Answer { id: id.to_owned(), fold, label: label.into(), score, dice })
            })
        })
    }

    /// The masks as CSV text, in the format of [`pleura::submission::Submission`].
    fn masks(&self) -> Vec<u8> {
        table(|csv| {
            csv.write_record(["ImageId", "EncodedPixels"])?;
            self.iter()
                .filter_map(|(id, prediction)| Some((id, prediction.found.as_ref()?)))
                .try_for_each(|(id, found)| csv.write_record([id, &found.mask.encode()]))
        })
    }
}

/// An image's score, as in a file of [`PREDICTIONS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The image.
    pub id: String,
    /// The fold that held it out, from 0.
    pub fold: u32,
    /// Whether it is positive.
    pub label: bool,
    /// The probability that it is positive, if the network has a score.
    pub score: Option<f32>,
}

/// The rows of a file.
fn records(path: &Path) -> Result<Vec<Answer>, csv::Error> {
    ReaderBuilder::new().from_reader(pleura_files::regular::open(path)?).deserialize().collect()
}

/// Reads only the scores of a file with any path: `ImageId,fold,label,score`; other columns are ignored.
///
/// # Errors
/// If the file cannot be read, a label is neither 0 nor 1, a score is not a probability, or an image occurs twice.
pub fn scores(path: &Path) -> Result<Vec<Scored>, OutOfFoldError> {
    let failed = |source| OutOfFoldError::Read { path: path.into(), source };
    let answers: Vec<Answer> = records(path).map_err(failed)?;
    let mut seen = HashSet::new();
    let scored = answers.into_iter().map(|Answer { id, fold, label, score, .. }| {
        let wrong = |what: String| OutOfFoldError::Row { path: path.into(), id: id.clone(), what };
        if label > 1 {
            return Err(wrong(format!("has the label {label}, expected 0 or 1")));
        }
        if let Some(score) = score.filter(|score| !(0.0..=1.0).contains(score)) {
            return Err(wrong(format!("has the score {score}, which is not a probability")));
        }
        if !seen.insert(id.clone()) {
            return Err(wrong("appears twice".into()));
        }
        Ok(Scored { id, fold, label: label == 1, score })
    });
    scored.collect()
}

fn masks(path: &Path) -> Result<HashMap<String, Runs>, OutOfFoldError> {
    let mut masks = HashMap::new();
    // images have individual sizes, which the file of masks does not state
    let mut rows = Rows::open(path, ANY_SIZE)?;
    while let Some(row) = rows.next_mask() {
        let MaskRow { id, runs, .. } = row?;
        masks.insert(id.into_owned(), runs);
    }
    Ok(masks)
}

fn table(rows: impl FnOnce(&mut Writer<Vec<u8>>) -> csv::Result<()>) -> Vec<u8> {
    let mut csv = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(Vec::new());
    rows(&mut csv).expect("rows of plain values can be written to memory");
    csv.into_inner().expect("memory can be flushed")
}
