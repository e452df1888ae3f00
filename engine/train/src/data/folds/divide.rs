//! Divides images into folds.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::super::draw::{Draw, Purpose};
use super::FoldsError;

/// The properties of an image that matter for a division.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subject {
    /// Whether its mask marks anything.
    pub positive: bool,
    /// The number of marked pixels; 0 for all images if areas are not to be balanced.
    pub area: u64,
}

/// Images that stay together: a patient's, or a single one.
#[derive(Debug, Default)]
struct Group {
    images: Vec<usize>,
    positives: usize,
    area: u64,
}

/// The content of a fold so far.
#[derive(Debug, Clone, Copy, Default)]
struct Filling {
    images: usize,
    positives: usize,
    area: u64,
}

/// The fold of each image, in 0..`count`. `patients` holds each image's patient number; a patient's images stay
/// together. Without it each image is separate. The same seed divides in the same way on every machine.
///
/// Groups with the most positives come first, among equals those with the most marked pixels, each into the fold with
/// the fewest positives so far, among equals the one with the fewest marked pixels; those without positives come last,
/// each into the fold with the fewest images. So no two folds differ in positives by more than the largest group has,
/// and single images are spread by area: of any `count` images that are consecutive by area, each fold gets one.
///
/// # Errors
/// If there are fewer images, or patients, than folds.
pub fn divide(subjects: &[Subject], patients: Option<&[usize]>, count: u32, seed: u64) -> Result<Vec<u32>, FoldsError> {
    let mut groups = groups(subjects, patients);
    if groups.len() < count as usize {
        return Err(FoldsError::Few { groups: groups.len(), patients: patients.is_some(), count });
    }
    groups.shuffle(&mut Draw { seed, ..Draw::default() }.numbers(Purpose::Folds));
    // stable, so that equals stay shuffled
    groups.sort_by_key(|group| std::cmp::Reverse((group.positives, group.area, group.images.len())));
    let mut fillings = vec![Filling::default(); count as usize];
    let mut folds = vec![0; subjects.len()];
    for group in groups {
        let fold = emptiest(&fillings, group.positives > 0);
        fillings[fold].images += group.images.len();
        fillings[fold].positives += group.positives;
        fillings[fold].area += group.area;
        group.images.iter().for_each(|&index| folds[index] = fold as u32);
    }
    Ok(folds)
}

fn groups(subjects: &[Subject], patients: Option<&[usize]>) -> Vec<Group> {
    // ordered, so that the shuffle starts from the same order every time
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (index, subject) in subjects.iter().enumerate() {
        let group = groups.entry(patients.map_or(index, |patients| patients[index])).or_default();
        group.images.push(index);
        group.positives += usize::from(subject.positive);
        group.area += subject.area;
    }
    groups.into_values().collect()
}

fn emptiest(fillings: &[Filling], positive: bool) -> usize {
    let fill = |fold: &usize| {
        let Filling { images, positives, area } = fillings[*fold];
        // an empty fold takes precedence: none may remain in the end
        (images > 0 && !positive, if positive { positives } else { images }, area, images)
    };
    (0..fillings.len()).min_by_key(fill).expect("there are at least two folds")
}
