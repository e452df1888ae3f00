//! Labelled images of components.

use image::{ImageBuffer, Luma};
use imageproc::region_labelling::{self, connected_components};

use super::components::Connectivity;
use super::crop::Crop;

/// Component labels from 1; 0 is background.
pub(super) type Labels = ImageBuffer<Luma<u32>, Vec<u32>>;

pub(super) fn label(crop: &Crop, connectivity: Connectivity) -> Labels {
    let connectivity = match connectivity {
        Connectivity::Four => region_labelling::Connectivity::Four,
        Connectivity::Eight => region_labelling::Connectivity::Eight,
    };
    connected_components(&crop.image, connectivity, Luma([0]))
}

/// Labels the background, connected by sides: the dual of a mask that is also connected by corners.
pub(super) fn label_background(crop: &Crop) -> Labels {
    connected_components(&crop.image, region_labelling::Connectivity::Four, Luma([1]))
}

pub(super) fn highest(labels: &Labels) -> usize {
    labels.iter().copied().max().unwrap_or(0) as usize
}
