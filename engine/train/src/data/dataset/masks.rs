//! Truth from a folder of mask images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use pleura::pool::Pool;
use pleura::submission::Runs;
use pleura::{mask_image, radiograph};
use rayon::prelude::*;

use super::super::error::{DataError, Problem};
use super::{Image, Item};

/// Assigns each image the mask of the same stem.
pub(super) fn join(
    images: Vec<Image>,
    folder: &Path,
    absent_is_empty: bool,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Item>, DataError> {
    let mut masks = by_stem(radiograph::find(&[folder])?, problems);
    let mut pairs = Vec::with_capacity(images.len());
    let mut taken: HashMap<String, PathBuf> = HashMap::new();
    for image in images {
        let stem = radiograph::stem(&image.path);
        if let Some(first) = taken.get(&stem) {
            problems.push(Problem::TwoStems { first: first.clone(), second: image.path });
            continue;
        }
        taken.insert(stem.clone(), image.path.clone());
        match masks.shift_remove(&stem) {
            None if !absent_is_empty => {
                let wanted = format!("mask in `{}`", folder.display());
                problems.push(Problem::NoTruth { id: image.glance.id, path: image.path, wanted });
            }
            mask => pairs.push((image, mask)),
        }
    }
    problems.extend(masks.into_values().map(Problem::NoImage));
    let read = |(image, mask): (Image, Option<PathBuf>)| marked(image, mask.as_deref());
    let read: Vec<_> = Pool::shared(0).map_err(DataError::Threads)?.run(|| pairs.into_par_iter().map(read).collect());
    let mut items = Vec::with_capacity(read.len());
    for item in read {
        match item {
            Ok(item) => items.push(item),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(items)
}

fn by_stem(files: Vec<PathBuf>, problems: &mut Vec<Problem>) -> IndexMap<String, PathBuf> {
    let mut masks: IndexMap<String, PathBuf> = IndexMap::new();
    for path in files {
        let stem = radiograph::stem(&path);
        match masks.get(&stem) {
            Some(first) => problems.push(Problem::TwoStems { first: first.clone(), second: path }),
            None => drop(masks.insert(stem, path)),
        }
    }
    masks
}

fn marked(image: Image, mask: Option<&Path>) -> Result<Item, Problem> {
    let size = image.glance.size;
    let Some(path) = mask else { return Ok(image.with(Runs::default(), size)) };
    let (_, mask) = mask_image::open(path)?;
    if mask.size() != size {
        return Err(Problem::Size { path: path.into(), mask: mask.size(), image: size });
    }
    Ok(image.with(Runs::from(&mask), size))
}
