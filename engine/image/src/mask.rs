//! A binary mask.

use ndarray::{Array2, ArrayView2};

use crate::{Size, planes};

/// Which pixels of an image are marked: (height, width), row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Array2<bool>);

/// Pixels that are counted in one small number.
const ROW: usize = 4096;

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
        // masks are row-major; whole rows are counted many pixels at a time
        let rows = self.0.as_slice().expect("masks are row-major").chunks(ROW);
        rows.map(|row| row.iter().fold(0_u16, |count, &marked| count + u16::from(marked))).map(usize::from).sum()
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
