//! The bounding box of a mask's marked pixels.

use image::GrayImage;
use ndarray::ArrayView2;

/// The bounding box of all marked pixels, with a border of one unmarked pixel: the outside is connected all around, and
/// the cost depends on the lesion's size, not on the radiograph's.
pub(super) struct Crop {
    /// 1 where marked, 0 elsewhere.
    pub image: GrayImage,
    /// The mask's row and column at the image's pixel (1, 1).
    origin: (usize, usize),
}

impl Crop {
    /// `None` if nothing is marked.
    pub fn new(mask: ArrayView2<'_, bool>) -> Option<Self> {
        // Rows as slices, so that the compiler vectorises: most of a radiograph is not marked.
        let mask = mask.as_standard_layout();
        let rows: Vec<&[bool]> = mask.as_slice()?.chunks_exact(mask.ncols().max(1)).collect();
        let marked: Vec<bool> = rows.iter().map(|row| row.iter().fold(false, |any, &m| any | m)).collect();
        let (top, bottom) = ends(&marked)?;
        let mut marked = vec![false; mask.ncols()];
        for row in &rows[top..=bottom] {
            marked.iter_mut().zip(*row).for_each(|(any, &m)| *any |= m);
        }
        let (left, right) = ends(&marked)?;
        let mut image = GrayImage::new((right - left + 3) as u32, (bottom - top + 3) as u32);
        let width = right - left + 3;
        for (inside, row) in image.chunks_exact_mut(width).skip(1).zip(&rows[top..=bottom]) {
            inside[1..].iter_mut().zip(&row[left..=right]).for_each(|(pixel, &m)| *pixel = u8::from(m));
        }
        Some(Self { image, origin: (top, left) })
    }

    /// The mask's (row, column) of an image's pixel within the border.
    pub fn place(&self, x: u32, y: u32) -> (usize, usize) {
        (self.origin.0 + y as usize - 1, self.origin.1 + x as usize - 1)
    }

    /// Image coordinates within the border, row by row.
    pub fn inside(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (width, height) = self.image.dimensions();
        (1..height - 1).flat_map(move |y| (1..width - 1).map(move |x| (x, y)))
    }
}

/// The first and the last `true`.
fn ends(marked: &[bool]) -> Option<(usize, usize)> {
    Some((marked.iter().position(|&m| m)?, marked.iter().rposition(|&m| m)?))
}
