//! Height and width of an image, a map or a mask.

use std::fmt;

use ndarray::{Dim, IntoDimension, Ix};
use serde::{Deserialize, Serialize};

/// Height and width of an image, a map or a mask, in pixels: height first, as in an array's dimensions (rows, columns).
///
/// A size can be an array's shape (`Array2::zeros(size)`), and an array's size is `Size::from(array.dim())`. It is
/// serialised as the pair `[height, width]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(usize, usize)", into = "(usize, usize)")]
pub struct Size {
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

impl Size {
    /// A size in pixels, height first.
    #[must_use]
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// The number of pixels, at most `usize::MAX`.
    #[must_use]
    pub const fn area(self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// (rows, columns), like `ndarray`'s `dim()`.
    #[must_use]
    pub const fn dim(self) -> (usize, usize) {
        (self.height, self.width)
    }
}

/// As "height×width".
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.height, self.width)
    }
}

/// From (height, width), such as the `dim()` of an array with the axes (rows, columns).
impl From<(usize, usize)> for Size {
    fn from((height, width): (usize, usize)) -> Self {
        Self { height, width }
    }
}

/// From [height, width], the form in manifests and parameters.
impl From<[u32; 2]> for Size {
    fn from([height, width]: [u32; 2]) -> Self {
        Self { height: height as usize, width: width as usize }
    }
}

/// To (height, width).
impl From<Size> for (usize, usize) {
    fn from(size: Size) -> Self {
        size.dim()
    }
}

/// Use as an array's shape: `Array2::zeros(size)`.
impl IntoDimension for Size {
    type Dim = Dim<[Ix; 2]>;

    fn into_dimension(self) -> Self::Dim {
        self.dim().into_dimension()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn height_is_first_in_text_pairs_and_arrays() {
        let size = Size::new(2, 3);
        assert_eq!(size.to_string(), "2×3");
        assert_eq!((size.height, size.width, size.dim()), (2, 3, (2, 3)));
        assert_eq!((Size::from((2, 3)), Size::from([2, 3])), (size, size));
        assert_eq!(<(usize, usize)>::from(size), (2, 3));
        let array = Array2::<u8>::zeros(size);
        assert_eq!((array.nrows(), array.ncols()), (2, 3));
        assert_eq!(Size::from(array.dim()), size);
    }

    #[test]
    fn the_area_is_in_pixels_and_never_wraps() {
        assert_eq!(Size::new(2, 3).area(), 6);
        assert_eq!(Size::new(0, 3).area(), 0);
        assert_eq!(Size::new(usize::MAX, 2).area(), usize::MAX);
    }

    #[test]
    fn it_is_serialised_as_a_pair() {
        assert_eq!(serde_json::to_string(&Size::new(2, 3)).unwrap(), "[2,3]");
        assert_eq!(serde_json::from_str::<Size>("[2,3]").unwrap(), Size::new(2, 3));
        assert!(serde_json::from_str::<Size>("[2]").is_err());
    }
}
