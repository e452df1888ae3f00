//! Divides images anew.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::super::draw::{Draw, Purpose};
use super::FoldsError;

/// Images that stay together: a patient's, or a single one.
#[derive(Debug, Default)]
struct Group {
    images: Vec<usize>,
    positives: usize,
}

/// How full a fold is.
#[derive(Debug, Clone, Copy, Default)]
struct Filling {
    images: usize,
    positives: usize,
}

/// The fold of each image, by whether they are positive.
///
/// Groups with the most positives come first, each into the fold with the fewest so far; those with none come last,
/// each into the fold with the fewest images. So no two folds differ in positives by more than the largest group has.
pub(crate) fn divide(
    labels: &[bool],
    patients: Option<&[usize]>,
    count: u32,
    seed: u64,
) -> Result<Vec<u32>, FoldsError> {
    let mut groups = groups(labels, patients);
    if groups.len() < count as usize {
        return Err(FoldsError::Few { groups: groups.len(), patients: patients.is_some(), count });
    }
    groups.shuffle(&mut Draw { seed, ..Draw::default() }.numbers(Purpose::Folds));
    // stable, so that equals stay shuffled
    groups.sort_by_key(|group| std::cmp::Reverse((group.positives, group.images.len())));
    let mut fillings = vec![Filling::default(); count as usize];
    let mut folds = vec![0; labels.len()];
    for group in groups {
        let fold = emptiest(&fillings, group.positives > 0);
        fillings[fold].images += group.images.len();
        fillings[fold].positives += group.positives;
        group.images.iter().for_each(|&index| folds[index] = fold as u32);
    }
    Ok(folds)
}

fn groups(labels: &[bool], patients: Option<&[usize]>) -> Vec<Group> {
    // ordered, so that the shuffle starts from the same order every time
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (index, &label) in labels.iter().enumerate() {
        let group = groups.entry(patients.map_or(index, |patients| patients[index])).or_default();
        group.images.push(index);
        group.positives += usize::from(label);
    }
    groups.into_values().collect()
}

fn emptiest(fillings: &[Filling], positive: bool) -> usize {
    let fill = |fold: &usize| {
        let Filling { images, positives } = fillings[*fold];
        // an empty fold comes before all else: there must be none in the end
        (images > 0 && !positive, if positive { positives } else { images }, images)
    };
    (0..fillings.len()).min_by_key(fill).expect("there are at least two folds")
}
