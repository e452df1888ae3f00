//! One image of a batch, and its state before a stage.

use ndarray::{Array2, ArrayView2, s};

use crate::Size;

/// One image of a batch, and its state so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageTask {
    /// The index of the batch's radiograph.
    pub image: usize,
    /// Size at which maps are merged.
    pub size: Size,
    /// The crop stage's box, which members with `crop = true` see; `None` without a crop stage.
    pub region: Option<Region>,
    /// Bounds of the classifier stage's score, after that stage.
    pub score: Option<(f32, f32)>,
    /// The fold that holds the image out, in an out-of-fold run.
    pub fold: Option<u32>,
}

/// The outputs that are needed of a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct RequiredOutputs {
    pub score: bool,
    pub map: bool,
}

impl RequiredOutputs {
    /// The outputs that either of two needs.
    pub fn or(self, other: Self) -> Self {
        Self { score: self.score || other.score, map: self.map || other.map }
    }
}

/// A non-empty box of pixels within an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Region {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// The image's size.
    pub of: Size,
}

impl Region {
    /// All of an image of a size.
    #[must_use]
    pub fn whole(of: Size) -> Self {
        Self { top: 0, left: 0, height: of.height, width: of.width, of }
    }

    /// The box in the same image at another size: edges go to the nearest pixel's edge.
    #[must_use]
    pub fn at(&self, size: Size) -> Self {
        let (top, height) = scaled(self.top, self.height, self.of.height, size.height);
        let (left, width) = scaled(self.left, self.width, self.of.width, size.width);
        Self { top, left, height, width, of: size }
    }

    /// The box's own size.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::new(self.height, self.width)
    }

    /// The part of an image whose size is `of`.
    pub(crate) fn cut<'a>(&self, image: ArrayView2<'a, f32>) -> ArrayView2<'a, f32> {
        image.slice_move(s![self.top..self.top + self.height, self.left..self.left + self.width])
    }

    /// A map of the box's size, pasted into an image of zeros.
    pub(crate) fn paste(&self, map: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut whole = Array2::zeros(self.of);
        whole.slice_mut(s![self.top..self.top + self.height, self.left..self.left + self.width]).assign(&map);
        whole
    }
}

/// Scales an interval from a side of `from` pixels to one of `to` pixels, never empty.
fn scaled(start: usize, length: usize, from: usize, to: usize) -> (usize, usize) {
    let edge = |at: usize| (2 * at * to + from) / (2 * from);
    let first = edge(start).min(to - 1);
    (first, edge(start + length).clamp(first + 1, to) - first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_scale_to_whole_pixels_and_never_vanish() {
        let region = Region { top: 10, left: 0, height: 5, width: 100, of: Size::new(100, 100) };
        let cases =
            [((200, 200), (20, 10, 0, 200)), ((50, 50), (5, 3, 0, 50)), ((4, 4), (0, 1, 0, 4)), ((1, 1), (0, 1, 0, 1))];
        for (size, (top, height, left, width)) in cases {
            let size = Size::from(size);
            assert_eq!(region.at(size), Region { top, left, height, width, of: size }, "{size}");
        }
        let last = Region { top: 99, left: 99, height: 1, width: 1, of: Size::new(100, 100) };
        let size = Size::new(3, 3);
        assert_eq!(last.at(size), Region { top: 2, left: 2, height: 1, width: 1, of: size });
    }

    #[test]
    fn what_is_cut_out_is_pasted_back_with_nothing_around() {
        let image = Array2::from_shape_fn((4, 5), |(row, column)| (row * 5 + column + 1) as f32);
        let region = Region { top: 1, left: 2, height: 2, width: 3, of: Size::new(4, 5) };
        let back = region.paste(region.cut(image.view()));
        for (place, &value) in back.indexed_iter() {
            let inside = (1..3).contains(&place.0) && (2..5).contains(&place.1);
            assert_eq!(value, if inside { image[place] } else { 0.0 });
        }
    }
}
