//! A binary mask.

use ndarray::{Array2, ArrayView2};

use crate::Size;

/// Which pixels of an image are marked: (height, width), row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Array2<bool>);

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
        self.0.iter().filter(|&&marked| marked).count()
    }

    /// Whether no pixel is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.0.iter().any(|&marked| marked)
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
        Self(if pixels.is_standard_layout() { pixels } else { pixels.as_standard_layout().into_owned() })
    }
}
