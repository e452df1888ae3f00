//! A binary mask.

use ndarray::{Array2, ArrayView2};

use crate::{Size, planes};

/// Which pixels of an image are marked: (height, width), row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Array2<bool>);

/// Pixels that are counted side by side.
const LANES: usize = 64;
/// Rows of lanes that are counted in bytes.
const ROWS: usize = 255;

impl Mask {
    /// A mask of (height, width) = `size` without marked pixels.
    #[must_use]
    pub fn empty(size: Size) -> Self {
        Self(Array2::from_elem(size, false))
    }

    /// Height and width in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.0.dim().into()
    }

    /// The number of marked pixels.
    #[must_use]
    pub fn area(&self) -> usize {
        let pixels = self.0.as_slice().expect("masks are row-major");
        let counted = |rows: &[[bool; LANES]]| {
            let mut lanes = [0_u8; LANES];
            for row in rows {
                lanes.iter_mut().zip(row).for_each(|(count, &marked)| *count += u8::from(marked));
            }
            lanes.into_iter().map(usize::from).sum::<usize>()
        };
        let (rows, rest) = pixels.as_chunks::<LANES>();
        rows.chunks(ROWS).map(counted).sum::<usize>() + rest.iter().filter(|marked| **marked).count()
    }

    /// Whether no pixel is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        memchr::memchr(1, bytemuck::cast_slice(self.0.as_slice().expect("masks are row-major"))).is_none()
    }

    /// The pixels, (height, width).
    #[must_use]
    pub fn pixels(&self) -> ArrayView2<'_, bool> {
        self.0.view()
    }

    /// Returns the pixels, (height, width).
    #[must_use]
    pub fn into_pixels(self) -> Array2<bool> {
        self.0
    }
}

impl From<Array2<bool>> for Mask {
    /// Takes pixels of shape (height, width); the layout becomes row-major.
    fn from(pixels: Array2<bool>) -> Self {
        Self(planes::by_rows(pixels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_counted_once() {
        for size in [(1, 1), (3, 5), (255, 64), (255, 65), (300, 301)] {
            let full = Mask::from(Array2::from_elem(size, true));
            assert_eq!(full.area(), size.0 * size.1);
            let some = Mask::from(Array2::from_shape_fn(size, |(row, column)| (row * 7 + column) % 3 == 0));
            assert_eq!(some.area(), some.pixels().iter().filter(|marked| **marked).count());
        }
    }
}
