//! Prepares images at a phase's size.

use std::sync::Arc;

use ndarray::Array2;
use pleura::ensemble::prepare;
use pleura::manifest::Intensity;
use pleura::{Mask, Radiograph, Size, mask_image};

use super::dataset::{Dataset, Marked};
use super::error::DataError;

/// An image with its mask, of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Intensities in 0..=1, (height, width).
    pub image: Array2<f32>,
    /// 1 where it is marked, 0 elsewhere, (height, width).
    pub mask: Array2<u8>,
}

impl Dataset {
    /// The image of an index, and its mask, brought to `size`: kept in memory from then on, where
    /// there is room.
    ///
    /// # Errors
    /// If the file cannot be read or decoded, or its size has changed since the data were opened.
    pub fn prepared(&self, index: usize, size: Size) -> Result<Arc<Sample>, DataError> {
        if let Some(sample) = self.cache.get(index, size) {
            return Ok(sample);
        }
        let item = &self.items()[index];
        let radiograph = Radiograph::open_with(&item.path, self.limits)?;
        if radiograph.size() != item.size {
            return Err(DataError::Changed { path: item.path.clone(), was: item.size, is: radiograph.size() });
        }
        if self.data.intensity == Intensity::Window && !radiograph.has_window() {
            self.no_window.call_once(|| {
                let path = item.path.display();
                tracing::warn!("`{path}` has no window and is read as `stored`, as are all files without one");
            });
        }
        let image = prepare(&radiograph, self.data.intensity, size, self.data.resize);
        let sample = Arc::new(Sample { image, mask: item.mask.at(size) });
        self.cache.put(index, &sample);
        Ok(sample)
    }
}

impl Marked {
    /// The mask at a size: marked where half of the area or more is.
    fn at(&self, size: Size) -> Array2<u8> {
        if self.runs.is_empty() {
            return Array2::zeros(size);
        }
        self.whole(size).pixels().mapv(u8::from)
    }

    /// The same, as a mask.
    pub(super) fn whole(&self, size: Size) -> Mask {
        mask_image::resized(&self.runs.to_mask(self.size), size)
    }
}

#[cfg(test)]
mod tests {
    use pleura::submission::Runs;

    use super::*;

    fn marked(size: Size, mark: impl Fn(usize, usize) -> bool) -> Marked {
        let mask = Mask::from(Array2::from_shape_fn(size, |(row, column)| mark(row, column)));
        Marked { runs: Runs::from(&mask), size }
    }

    #[test]
    fn at_its_own_size_a_mask_is_itself() {
        let mark = |row: usize, column: usize| (row * 7 + column * 3) % 5 < 2;
        let size = Size::new(9, 6);
        let mask = marked(size, mark).at(size);
        assert_eq!(mask, Array2::from_shape_fn(size, |(row, column)| u8::from(mark(row, column))));
        assert_eq!(marked(size, |_, _| false).at(Size::new(3, 2)).sum(), 0);
    }
}
