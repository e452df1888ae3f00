//! The optional stage before the others: from a map to the box of the relevant part.

use ndarray::{Array2, ArrayView2};
use pleura_image::regions::{Components, Connectivity};

use super::{Stage, Verdict};
use crate::Size;
use crate::ensemble::error::ImageError;
use crate::ensemble::task::Region;
use crate::manifest::{self, Otherwise};

/// The crop stage, ready to run.
pub struct Crop {
    pub stage: Stage,
    /// Size at which its members' maps are merged.
    pub size: Size,
    pub above: f32,
    pub components: Option<u32>,
    pub margin: f32,
    pub otherwise: Otherwise,
}

impl Crop {
    pub fn new(stage: Stage, manifest: &manifest::Crop) -> Self {
        Self {
            stage,
            size: manifest.members.first().map_or([1, 1], |member| member.input.size).into(),
            above: manifest.above,
            components: manifest.components,
            margin: manifest.margin,
            otherwise: manifest.otherwise,
        }
    }

    /// The box of an image of size `of`, by the stage's verdict, in pixels of the radiograph.
    ///
    /// # Errors
    /// If nothing is marked, and the manifest says to skip such an image.
    pub fn region(&self, verdict: &Verdict, of: Size) -> Result<Region, ImageError> {
        let map = verdict.map.as_ref().map(|map| map.view());
        match (map.and_then(|map| self.enclose(map, of)), self.otherwise) {
            (Some(region), _) => Ok(region),
            (None, Otherwise::Whole) => Ok(Region::whole(of)),
            (None, Otherwise::Skip) => Err(ImageError::NoCrop { above: self.above }),
        }
    }

    /// The box around the marked pixels, extended by the margin, in an image of size `of`.
    fn enclose(&self, map: ArrayView2<'_, f32>, of: Size) -> Option<Region> {
        let mut mask = map.mapv(|p| p > self.above);
        if let Some(count) = self.components {
            mask = largest(&mask, count as usize);
        }
        let rows = extent(mask.rows().into_iter().map(|row| row.iter().any(|&marked| marked)))?;
        let columns = extent(mask.columns().into_iter().map(|column| column.iter().any(|&marked| marked)))?;
        let (top, height) = self.side(rows, map.nrows(), of.height);
        let (left, width) = self.side(columns, map.ncols(), of.width);
        Some(Region { top, left, height, width, of })
    }

    /// Scales an interval of a map's side, first and last pixel, to the radiograph's side: outward to whole pixels.
    fn side(&self, (first, last): (usize, usize), map: usize, image: usize) -> (usize, usize) {
        // In single precision, like the margin: 0.05 of 160 pixels is 8.
        let grown = f64::from(self.margin * (last + 1 - first) as f32);
        let scale = image as f64 / map as f64;
        let start = ((first as f64 - grown) * scale).floor().max(0.0) as usize;
        let end = (((last + 1) as f64 + grown) * scale).ceil().min(image as f64) as usize;
        (start, end - start)
    }
}

/// The first and the last marked index.
fn extent(marked: impl Iterator<Item = bool>) -> Option<(usize, usize)> {
    let mut places = marked.enumerate().filter(|(_, marked)| *marked).map(|(place, _)| place);
    let first = places.next()?;
    Some((first, places.last().unwrap_or(first)))
}

/// The `count` largest components; of equal ones, the first in row order.
fn largest(mask: &Array2<bool>, count: usize) -> Array2<bool> {
    let components = Components::new(mask.view(), Connectivity::Eight);
    let areas = components.areas();
    let mut order: Vec<usize> = (0..areas.len()).collect();
    order.sort_by_key(|&component| std::cmp::Reverse(areas[component]));
    let mut kept = vec![false; areas.len()];
    order.into_iter().take(count).for_each(|component| kept[component] = true);
    let mut out = Array2::from_elem(mask.dim(), false);
    components.keep(&kept, out.view_mut());
    out
}
