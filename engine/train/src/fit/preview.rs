//! Images before and after augmentation, as a training would see them.

use std::path::Path;

use pleura::pool::Pool;
use pleura::radiograph::DecodeLimits;
use rayon::prelude::*;

use super::TrainError;
use super::subject::{dataset, files_are_there};
use crate::data::augment::{self, augment, cut};
use crate::data::{DataError, Dataset, Draw, Sample};
use crate::recipe::{Phase, Recipe};

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The number of images; half of them positive, where there are enough.
    pub images: usize,
    /// How often each is augmented.
    pub copies: u32,
    /// The recipe's phase, from 0: its size and crop.
    pub phase: u32,
}

/// One image.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Its id.
    pub id: String,
    /// The image at the phase's size.
    pub before: Sample,
    /// The same, augmented, and cropped where the phase crops.
    pub after: Vec<Sample>,
}

/// Augments some of a recipe's images as its training would in its first epochs, without mixup.
///
/// # Errors
/// If the recipe or its data are invalid, it has no such phase, its images are too small for an augmentation, or one
/// cannot be read.
pub fn preview(recipe: &Path, shown: Shown, limits: DecodeLimits) -> Result<Vec<Preview>, TrainError> {
    let (path, recipe) = (recipe, Recipe::read(recipe)?);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files_are_there(&recipe, folder)?;
    let phases = recipe.phases.len();
    let phase = recipe.phases.get(shown.phase as usize).ok_or(TrainError::NoPhase { phase: shown.phase, phases })?;
    let data = dataset(&recipe, folder)?.within(limits);
    augment::check(&recipe.augment, phase.size.into())?;
    let chosen = choose(&data, shown.images);
    let one = |index: usize| image(&data, (&recipe, phase), index, shown);
    let pool = Pool::shared(0).map_err(DataError::Threads)?;
    Ok(pool.run(|| chosen.into_par_iter().map(one).collect::<Result<_, _>>())?)
}

fn image(data: &Dataset, (recipe, phase): (&Recipe, &Phase), index: usize, shown: Shown) -> Result<Preview, DataError> {
    let before = Sample::clone(&*data.prepared(index, phase.size.into())?);
    let copy = |epoch: u32| {
        let draw = Draw { seed: recipe.seed, phase: shown.phase, epoch };
        let sample = augment(&recipe.augment, before.clone(), draw, index);
        match phase.crop {
            Some(part) => cut(&sample, part.into(), draw, index),
            None => sample,
        }
    };
    let after = (0..shown.copies).map(copy).collect();
    Ok(Preview { id: data.items()[index].id.clone(), before, after })
}

/// Indices of images: positives first, evenly picked from all.
fn choose(data: &Dataset, count: usize) -> Vec<usize> {
    let (positives, others): (Vec<usize>, Vec<usize>) =
        (0..data.items().len()).partition(|&index| data.items()[index].label);
    let half = count.div_ceil(2).max(count.saturating_sub(others.len())).min(positives.len());
    let mut chosen = evenly(&positives, half);
    chosen.extend(evenly(&others, count - half));
    chosen
}

fn evenly(list: &[usize], count: usize) -> Vec<usize> {
    let count = count.min(list.len());
    (0..count).map(|place| list[place * list.len() / count]).collect()
}
