//! Folds: which images are held out when.

mod divide;
mod error;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;

use pleura_files::atomic;

use super::dataset::Item;
use super::table;
use crate::recipe::Folds;

pub use divide::{Subject, divide};
pub use error::FoldsError;

/// Images divided into folds: each image in exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// The fold of each image.
    folds: Vec<u32>,
    trained: Vec<u32>,
    remarks: Vec<String>,
}

impl Division {
    /// Divides images as a recipe declares: by its CSV, if the file exists, or else at random, balanced in positives,
    /// with each patient's images in one fold; then the CSV is written, if one is named. `folder` is the recipe's.
    ///
    /// `needs_positives`: whether the training requires positive images.
    ///
    /// # Errors
    /// If a CSV cannot be read, does not cover the images, or cannot be written; if a fold is empty, or if the training
    /// images of a fold lack required positives.
    pub fn open(folder: &Path, folds: &Folds, items: &[Item], needs_positives: bool) -> Result<Self, FoldsError> {
        let division = Self::plan(folder, folds, items, needs_positives)?;
        let csv = folds.csv.as_ref().map(|csv| folder.join(csv));
        if let Some(csv) = csv.filter(|csv| !csv.exists()) {
            write(&csv, &ids(items), &division.folds)?;
        }
        Ok(division)
    }

    /// As [`open`](Self::open), without writing.
    ///
    /// # Errors
    /// As [`open`](Self::open), except for writing.
    pub fn plan(folder: &Path, folds: &Folds, items: &[Item], needs_positives: bool) -> Result<Self, FoldsError> {
        let trained = trained(folds)?;
        let patients = patients(folder, folds, items)?;
        let csv = folds.csv.as_ref().map(|csv| folder.join(csv));
        let (of, remarks) = match &csv {
            Some(csv) if csv.exists() => read(csv, folds.count, items, patients.as_deref())?,
            _ => (divide(&subjects(items), patients.as_deref(), folds.count, folds.seed)?, Vec::new()),
        };
        let mut division = Self { folds: of, trained, remarks };
        division.check(folds.count, items, needs_positives)?;
        Ok(division)
    }

    /// The folds that are trained, each once, in the recipe's order.
    #[must_use]
    pub fn trained(&self) -> &[u32] {
        &self.trained
    }

    /// The fold of each image.
    #[must_use]
    pub fn folds(&self) -> &[u32] {
        &self.folds
    }

    /// The indices of the images that a fold holds out.
    #[must_use]
    pub fn held_out(&self, fold: u32) -> Vec<usize> {
        self.pick(|of| of == fold)
    }

    /// The indices of the images that are trained on while a fold is held out.
    #[must_use]
    pub fn training(&self, fold: u32) -> Vec<usize> {
        self.pick(|of| of != fold)
    }

    /// Harmless oddities: one sentence each.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn pick(&self, wanted: impl Fn(u32) -> bool) -> Vec<usize> {
        (0..self.folds.len()).filter(|&index| wanted(self.folds[index])).collect()
    }

    fn check(&mut self, count: u32, items: &[Item], needs_positives: bool) -> Result<(), FoldsError> {
        for fold in 0..count {
            let held_out = self.held_out(fold);
            if held_out.is_empty() {
                return Err(FoldsError::Empty { fold });
            }
            let positive = |indices: &[usize]| indices.iter().any(|&index| items[index].label);
            if needs_positives && self.trained.contains(&fold) && !positive(&self.training(fold)) {
                return Err(FoldsError::NoPositives { fold });
            }
            if needs_positives && !positive(&held_out) {
                self.remarks.push(format!("fold {} holds out no positive image: its Dice is not meaningful", fold + 1));
            }
        }
        Ok(())
    }
}

fn trained(folds: &Folds) -> Result<Vec<u32>, FoldsError> {
    let Some(trained) = &folds.train else { return Ok((0..folds.count).collect()) };
    if let Some(&fold) = trained.iter().find(|&&fold| fold >= folds.count) {
        return Err(FoldsError::Trained { fold, count: folds.count });
    }
    let mut seen = HashSet::new();
    Ok(trained.iter().copied().filter(|&fold| seen.insert(fold)).collect())
}

/// The properties of images for a division: a recipe's folds are balanced only in positives.
fn subjects(items: &[Item]) -> Vec<Subject> {
    items.iter().map(|item| Subject { positive: item.label, area: 0 }).collect()
}

fn ids(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.id.as_str()).collect()
}

fn patients(folder: &Path, folds: &Folds, items: &[Item]) -> Result<Option<Vec<usize>>, FoldsError> {
    let csv = folds.patients.as_ref().map(|csv| folder.join(csv));
    csv.map(|csv| read_patients(&csv, &folds.patient_column, &ids(items))).transpose()
}

/// The patient number of each image from a CSV, counted from 0. The images' column is `ImageId`, the patients' is
/// `column`.
///
/// # Errors
/// If the CSV cannot be read, has other columns, or omits an image.
pub fn read_patients(csv: &Path, column: &str, ids: &[&str]) -> Result<Vec<usize>, FoldsError> {
    let table = table::read(csv, column)?;
    let missing: Vec<_> = ids.iter().filter(|&&id| !table.contains_key(id)).map(|&id| id.to_owned()).collect();
    if !missing.is_empty() {
        return Err(FoldsError::NoPatient { path: csv.into(), column: column.into(), ids: missing });
    }
    Ok(number(ids.iter().map(|&id| table[id].as_str())))
}

/// Numbers names from 0 in the order of their first appearance; equal names get the same number.
pub fn number<'a>(names: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    names
        .map(|name| {
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        })
        .collect()
}

/// The fold of each image from a CSV, and remarks on it.
fn read(
    csv: &Path,
    count: u32,
    items: &[Item],
    patients: Option<&[usize]>,
) -> Result<(Vec<u32>, Vec<String>), FoldsError> {
    let table = table::read(csv, "fold")?;
    let missing: Vec<_> = items.iter().filter(|item| !table.contains_key(&item.id)).map(|i| i.id.clone()).collect();
    if !missing.is_empty() {
        return Err(FoldsError::NoFold { path: csv.into(), ids: missing });
    }
    let fold = |item: &Item| {
        let text = &table[&item.id];
        text.parse().ok().filter(|&fold| fold < count).ok_or_else(|| FoldsError::Range {
            path: csv.into(),
            id: item.id.clone(),
            fold: text.clone(),
            count,
        })
    };
    let folds = items.iter().map(fold).collect::<Result<Vec<u32>, _>>()?;
    let mut remarks = Vec::new();
    // every image has its row, and no id comes twice
    if table.len() > items.len() {
        let more = table.len() - items.len();
        remarks.push(format!("`{}` has folds for {more} images without a file", csv.display()));
    }
    if let Some(split) = patients.map(|patients| split(patients, &folds)).filter(|&split| split > 0) {
        remarks.push(format!("`{}` has {split} patients with images in several folds", csv.display()));
    }
    Ok((folds, remarks))
}

/// The number of patients in several folds.
fn split(patients: &[usize], folds: &[u32]) -> usize {
    let mut of: HashMap<usize, HashSet<u32>> = HashMap::new();
    for (&patient, &fold) in patients.iter().zip(folds) {
        of.entry(patient).or_default().insert(fold);
    }
    of.values().filter(|folds| folds.len() > 1).count()
}

/// Writes the CSV `ImageId,fold` that a recipe's `folds.csv` and `pleura predict` read, replacing any file at `csv`.
/// Images are in the given order.
///
/// # Errors
/// If it cannot be written; `csv` is then unchanged.
pub fn write(csv: &Path, ids: &[&str], folds: &[u32]) -> Result<(), FoldsError> {
    write_and_rename(csv, ids, folds).map_err(|source| FoldsError::Write { path: csv.into(), source })
}

fn write_and_rename(csv: &Path, ids: &[&str], folds: &[u32]) -> std::io::Result<()> {
    let mut temporary = atomic::beside(csv)?;
    let mut writer = csv::Writer::from_writer(&mut temporary);
    writer.write_record(["ImageId", "fold"])?;
    for (id, fold) in ids.iter().zip(folds) {
        writer.write_record([id, fold.to_string().as_str()])?;
    }
    writer.flush()?;
    drop(writer);
    temporary.flush()?;
    atomic::place(temporary, csv)
}
