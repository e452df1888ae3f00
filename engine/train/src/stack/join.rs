//! Joins members' out-of-fold scores by image.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ndarray::Array2;

use super::error::{Images, StackError};
use crate::data::folds::{Subject, divide};
use crate::out_of_fold::{Scored, scores};
use crate::recipe::stack::{Join, StackRecipe};

/// Images that every member has scored, in the order of the first member's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The images' ids.
    pub ids: Vec<String>,
    /// Whether they are positive.
    pub labels: Vec<bool>,
    /// The fold with which each is held out.
    pub folds: Vec<u32>,
    /// (images, members): probabilities.
    pub scores: Array2<f32>,
    /// The number of images that are left out, over all members' files.
    pub left_out: usize,
}

impl Table {
    /// Reads and joins the files that a recipe names; `folder` is the recipe's.
    ///
    /// # Errors
    /// If a file does not exist, cannot be read or has no scores, or the files do not match.
    pub fn read(recipe: &StackRecipe, folder: &Path) -> Result<Self, StackError> {
        let files = files(recipe, folder)?;
        let by_id: Vec<HashMap<&str, &Scored>> =
            files.iter().map(|file| file.iter().map(|scored| (scored.id.as_str(), scored)).collect()).collect();
        let left_out = absent(recipe, &files, &by_id)?;
        let is_everywhere = |scored: &&Scored| by_id.iter().all(|file| file.contains_key(scored.id.as_str()));
        // (images, members)
        let rows: Vec<Vec<&Scored>> = files[0]
            .iter()
            .filter(is_everywhere)
            .map(|scored| by_id.iter().map(|file| file[scored.id.as_str()]).collect())
            .collect();
        if rows.is_empty() {
            return Err(StackError::Nothing);
        }
        agree(
            recipe,
            &rows,
            |scored| u32::from(scored.label),
            |one, other, images| StackError::Labels { one, other, images },
        )?;
        let labels: Vec<_> = rows.iter().map(|row| row[0].label).collect();
        let folds = folds(recipe, &rows, &labels)?;
        let score = |(image, member): (usize, usize)| rows[image][member].score.unwrap_or_default();
        Ok(Self {
            ids: rows.iter().map(|row| row[0].id.clone()).collect(),
            scores: Array2::from_shape_fn((rows.len(), files.len()), score),
            labels,
            folds,
            left_out,
        })
    }

    /// The distinct folds, ascending.
    pub fn held_out(&self) -> Vec<u32> {
        let mut folds: Vec<_> = self.folds.clone();
        folds.sort_unstable();
        folds.dedup();
        folds
    }

    /// The indices of the images on which a fold's head is fitted.
    ///
    /// # Errors
    /// If they are of one class only.
    pub fn training(&self, fold: u32) -> Result<Vec<usize>, StackError> {
        let rows: Vec<_> = (0..self.ids.len()).filter(|&row| self.folds[row] != fold).collect();
        let positives = rows.iter().filter(|&&row| self.labels[row]).count();
        if positives == 0 || positives == rows.len() {
            return Err(StackError::OneClass { fold, positives, images: rows.len() });
        }
        Ok(rows)
    }
}

/// Every member's file; each row has a score.
fn files(recipe: &StackRecipe, folder: &Path) -> Result<Vec<Vec<Scored>>, StackError> {
    let read = |(member, of): (usize, &crate::recipe::stack::Member)| {
        let path = folder.join(&of.oof);
        if !path.exists() {
            return Err(StackError::Missing { member, path });
        }
        let file = scores(&path)?;
        let without: Vec<_> =
            file.iter().filter(|scored| scored.score.is_none()).map(|scored| scored.id.clone()).collect();
        if without.is_empty() { Ok(file) } else { Err(StackError::NoScore { member, path, images: Images(without) }) }
    };
    recipe.members.iter().enumerate().map(read).collect()
}

/// The number of images that are not in every file, if the recipe allows leaving them out.
fn absent(recipe: &StackRecipe, files: &[Vec<Scored>], by_id: &[HashMap<&str, &Scored>]) -> Result<usize, StackError> {
    let mut seen = HashSet::new();
    let all: Vec<_> = files.iter().flatten().map(|scored| scored.id.as_str()).filter(|id| seen.insert(*id)).collect();
    let lacks = |file: &HashMap<&str, &Scored>| -> Vec<String> {
        all.iter().filter(|id| !file.contains_key(**id)).map(|id| (*id).to_owned()).collect()
    };
    if recipe.join == Join::Inner {
        return Ok(all.iter().filter(|id| !by_id.iter().all(|file| file.contains_key(**id))).count());
    }
    let names = recipe.members.iter().map(|member| member.name.clone());
    let absent: Vec<_> = names
        .zip(by_id)
        .map(|(name, file)| (name, Images(lacks(file))))
        .filter(|(_, Images(ids))| !ids.is_empty())
        .collect();
    if absent.is_empty() { Ok(0) } else { Err(StackError::Absent { absent }) }
}

/// Checks that all members have the same value for every image; the error names the first two that differ.
fn agree(
    recipe: &StackRecipe,
    rows: &[Vec<&Scored>],
    what: impl Fn(&Scored) -> u32,
    error: impl Fn(String, String, Images) -> StackError,
) -> Result<(), StackError> {
    let name = |member: usize| recipe.members[member].name.clone();
    for other in 1..recipe.members.len() {
        let differs = rows.iter().filter(|row| what(row[0]) != what(row[other]));
        let differing: Vec<_> = differs.map(|row| row[0].id.clone()).collect();
        if !differing.is_empty() {
            return Err(error(name(0), name(other), Images(differing)));
        }
    }
    Ok(())
}

/// The members' own folds, or new ones.
fn folds(recipe: &StackRecipe, rows: &[Vec<&Scored>], labels: &[bool]) -> Result<Vec<u32>, StackError> {
    if let Some(redraw) = recipe.folds {
        let subjects: Vec<_> = labels.iter().map(|&positive| Subject { positive, area: 0 }).collect();
        return Ok(divide(&subjects, None, redraw.count, redraw.seed)?);
    }
    agree(recipe, rows, |scored| scored.fold, |one, other, images| StackError::Folds { one, other, images })?;
    let folds: Vec<_> = rows.iter().map(|row| row[0].fold).collect();
    match folds.iter().all(|fold| *fold == folds[0]) {
        true => Err(StackError::OneFold { fold: folds[0] }),
        false => Ok(folds),
    }
}
