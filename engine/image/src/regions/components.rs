//! Connected components of a mask.

use image::{ImageBuffer, Luma};
use imageproc::region_labelling::{self, connected_components};
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::Deserialize;

use super::crop::Crop;
use super::hull::Span;

/// Component labels from 1; 0 is background.
pub(super) type Labels = ImageBuffer<Luma<u32>, Vec<u32>>;

/// Which neighbours of a pixel belong to its component; written 4 or 8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub enum Connectivity {
    /// Pixels that share a side.
    Four,
    /// Pixels that share a side or a corner. The default.
    #[default]
    Eight,
}

impl TryFrom<u64> for Connectivity {
    type Error = String;

    fn try_from(neighbours: u64) -> Result<Self, String> {
        match neighbours {
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            _ => Err(format!("`connectivity` is {neighbours}, expected 4 or 8")),
        }
    }
}

/// The connected components of a mask, numbered from 0.
pub struct Components {
    /// `None` if nothing is marked.
    found: Option<(Crop, Labels)>,
    areas: Vec<usize>,
}

impl Components {
    /// Finds the components of a mask.
    #[must_use]
    pub fn new(mask: ArrayView2<'_, bool>, connectivity: Connectivity) -> Self {
        let found = Crop::new(mask).map(|crop| {
            let labels = label(&crop, connectivity);
            (crop, labels)
        });
        let mut areas = vec![0; found.as_ref().map_or(0, |(_, labels)| highest(labels))];
        for label in found.iter().flat_map(|(_, labels)| labels.iter()).filter(|&&label| label > 0) {
            areas[*label as usize - 1] += 1;
        }
        Self { found, areas }
    }

    /// The number of pixels of each component.
    #[must_use]
    pub fn areas(&self) -> &[usize] {
        &self.areas
    }

    /// The mean of each component's pixels in a map of the mask's size.
    #[must_use]
    pub fn means(&self, map: ArrayView2<'_, f32>) -> Vec<f64> {
        let mut sums = vec![0.0; self.areas.len()];
        self.each(|component, place| sums[component] += f64::from(map[place]));
        sums.iter().zip(&self.areas).map(|(sum, &area)| sum / area as f64).collect()
    }

    /// The spans of each component, from top to bottom.
    #[must_use]
    pub fn spans(&self) -> Vec<Vec<Span>> {
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); self.areas.len()];
        self.each(|component, (row, column)| match spans[component].last_mut() {
            Some(span) if span.0 == row => span.2 = column,
            _ => spans[component].push((row, column, column)),
        });
        spans
    }

    /// Marks the pixels of the components that are kept.
    pub fn keep(&self, kept: &[bool], mut out: ArrayViewMut2<'_, bool>) {
        self.each(|component, place| out[place] = kept[component]);
    }

    /// Visits each marked pixel: the number of its component, and its (row, column).
    pub fn each(&self, mut visit: impl FnMut(usize, (usize, usize))) {
        let Some((crop, labels)) = &self.found else { return };
        for (x, y) in crop.inside() {
            if let Some(component) = labels.get_pixel(x, y).0[0].checked_sub(1) {
                visit(component as usize, crop.place(x, y));
            }
        }
    }
}

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

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::super::drawn;
    use super::*;

    const ROWS: [&str; 5] = ["##...", "##..#", "..#.#", ".....", "#...#"];

    #[test]
    fn corners_connect_eight_not_four() {
        let mask = drawn(&ROWS);
        assert_eq!(Components::new(mask.view(), Connectivity::Eight).areas(), [5, 2, 1, 1]);
        assert_eq!(Components::new(mask.view(), Connectivity::Four).areas(), [4, 2, 1, 1, 1]);
        assert!(Components::new(drawn(&["...", "..."]).view(), Connectivity::Eight).areas().is_empty());
    }

    #[test]
    fn means_are_taken_over_the_component() {
        let map = Array2::from_shape_fn((5, 5), |(row, column)| (row * 5 + column) as f32);
        let means = Components::new(drawn(&ROWS).view(), Connectivity::Eight).means(map.view());
        assert_eq!(means, [(1 + 5 + 6 + 12) as f64 / 5.0, 11.5, 20.0, 24.0]);
    }

    #[test]
    fn connectivity_is_four_or_eight() {
        assert_eq!(Connectivity::try_from(4), Ok(Connectivity::Four));
        assert_eq!(Connectivity::try_from(6), Err("`connectivity` is 6, expected 4 or 8".to_owned()));
    }

    proptest! {
        #[test]
        fn keeping_all_changes_nothing(pixels in prop::collection::vec(any::<bool>(), 7 * 9)) {
            let mask = Array2::from_shape_vec((7, 9), pixels).unwrap();
            for connectivity in [Connectivity::Four, Connectivity::Eight] {
                let components = Components::new(mask.view(), connectivity);
                let mut out = Array2::from_elem(mask.dim(), false);
                components.keep(&vec![true; components.areas().len()], out.view_mut());
                prop_assert_eq!(&out, &mask);
                prop_assert_eq!(components.areas().iter().sum::<usize>(), mask.iter().filter(|&&m| m).count());
            }
        }
    }
}
