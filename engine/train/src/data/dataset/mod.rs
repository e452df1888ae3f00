//! Images with their truth.

mod masks;
mod rle;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Once;

use pleura::pool::Pool;
use pleura::radiograph::{self, DecodeLimits, ImageHeader, LeftOut, RadiographError};
use pleura::submission::Runs;
use pleura::{Mask, Radiograph, Size};
use rayon::prelude::*;

use super::cache::Cache;
use super::error::{DataError, Problem};
use crate::recipe::{Data, Truth};

/// One image with its truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The image's id: SOPInstanceUID, or the file's stem.
    pub id: String,
    /// The image's file.
    pub path: PathBuf,
    /// Size of the image in pixels.
    pub size: Size,
    /// Whether its mask marks anything.
    pub label: bool,
    /// The share of pixels that its mask marks, in 0..=1.
    pub area: f32,
    pub(super) mask: Marked,
}

impl Item {
    /// The true mask at the image's own size.
    #[must_use]
    pub fn truth(&self) -> Mask {
        self.mask.whole(self.size)
    }
}

/// A mask as runs, a few hundred bytes; converted to pixels on demand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Marked {
    pub(super) runs: Runs,
    /// Size that the runs are of.
    pub(super) size: Size,
}

/// A recipe's images with their truth, in the order in which they were found.
#[derive(Debug)]
pub struct Dataset {
    items: Vec<Item>,
    remarks: Vec<String>,
    pub(super) data: Data,
    pub(super) cache: Cache,
    /// Reports once, not in every epoch, that a file has no window.
    pub(super) no_window: Once,
    pub(super) limits: DecodeLimits,
}

impl Dataset {
    /// Finds the images that a recipe names, and joins them with their truth. Masks are decoded, images are not.
    ///
    /// `folder` is the recipe's, to which its paths are relative.
    ///
    /// # Errors
    /// If there are no images, the truth cannot be read, or the two do not match: then every mismatch is listed at
    /// once.
    pub fn open(folder: &Path, data: &Data) -> Result<Self, DataError> {
        let found = radiograph::search(&inputs(folder, &data.images))?;
        let mut remarks = Vec::from_iter(left_out(&found.left_out));
        let (images, mut problems) = look(found.images)?;
        let items = match &data.truth {
            Truth::Rle { csv, size, absent_is_empty } => {
                let size = size.map(Size::from);
                rle::join(images, &folder.join(csv), size, *absent_is_empty, &mut problems, &mut remarks)?
            }
            Truth::Masks { folder: masks, absent_is_empty } => {
                masks::join(images, &folder.join(masks), *absent_is_empty, &mut problems)?
            }
        };
        if !problems.is_empty() {
            return Err(DataError::Problems(problems));
        }
        let items = if data.positives_only { positives(items)? } else { items };
        let cache = Cache::new(data.cache_mib);
        let limits = DecodeLimits::default();
        Ok(Self { items, remarks, data: data.clone(), cache, no_window: Once::new(), limits })
    }

    /// Checks that there are images, without reading their truth.
    ///
    /// # Errors
    /// If there are none.
    pub fn find_images(folder: &Path, data: &Data) -> Result<(), DataError> {
        radiograph::search(&inputs(folder, &data.images))?;
        Ok(())
    }

    /// The errors of images that cannot be decoded, in order.
    ///
    /// # Errors
    /// If the system refuses the threads.
    pub fn broken(&self) -> Result<Vec<RadiographError>, DataError> {
        let open = |item: &Item| Radiograph::open_with(&item.path, self.limits).err();
        let pool = Pool::shared(0).map_err(DataError::Threads)?;
        Ok(pool.run(|| self.items.par_iter().filter_map(open).collect()))
    }

    /// The same images, with a memory limit for reading and decoding each.
    #[must_use]
    pub fn within(self, limits: DecodeLimits) -> Self {
        Self { limits, ..self }
    }

    /// The images.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The number of images with a non-empty mask.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.items.iter().filter(|item| item.label).count()
    }

    /// Harmless oddities: one sentence each, to be shown to the recipe's author.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

/// An image whose truth has not been read yet.
#[derive(Debug)]
struct Image {
    glance: ImageHeader,
    path: PathBuf,
}

impl Image {
    fn with(self, runs: Runs, size: Size) -> Item {
        let area = runs.area() as f64 / size.area() as f64;
        Item {
            id: self.glance.id,
            path: self.path,
            size: self.glance.size,
            label: !runs.is_empty(),
            area: area as f32,
            mask: Marked { runs, size },
        }
    }
}

/// A remark on the files of folders that are not images.
fn left_out(files: &[LeftOut]) -> Option<String> {
    let first = files.first()?;
    Some(format!("{} files in its folders are not images and are left out; the first is {first}", files.len()))
}

/// The inputs that a recipe names, relative to its folder. A folder whose own name looks like a glob is not one.
fn inputs(folder: &Path, images: &[String]) -> Vec<PathBuf> {
    let input = |input: &String| {
        let path = folder.join(input);
        if path.exists() || Path::new(input).is_absolute() || !input.contains(['*', '?', '[']) {
            return path;
        }
        Path::new(&glob::Pattern::escape(&folder.to_string_lossy())).join(input)
    };
    images.iter().map(input).collect()
}

/// Reads id and size of each file. Files that are not images, and duplicate ids, are problems.
fn look(files: Vec<PathBuf>) -> Result<(Vec<Image>, Vec<Problem>), DataError> {
    let open = |path: PathBuf| (ImageHeader::open(&path), path);
    let pool = Pool::shared(0).map_err(DataError::Threads)?;
    let seen: Vec<_> = pool.run(|| files.into_par_iter().map(open).collect());
    let (mut images, mut problems) = (Vec::new(), Vec::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    for (glance, path) in seen {
        match glance {
            Err(error) => problems.push(error.into()),
            Ok(glance) => match places.get(&glance.id) {
                Some(&first) => {
                    let Image { path: first, glance } = &images[first];
                    problems.push(Problem::TwoImages { id: glance.id.clone(), first: first.clone(), second: path });
                }
                None => {
                    places.insert(glance.id.clone(), images.len());
                    images.push(Image { glance, path });
                }
            },
        }
    }
    Ok((images, problems))
}

fn positives(mut items: Vec<Item>) -> Result<Vec<Item>, DataError> {
    let images = items.len();
    items.retain(|item| item.label);
    if items.is_empty() { Err(DataError::NoPositives { images }) } else { Ok(items) }
}
