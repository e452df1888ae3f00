//! The filters on arrays.

use ndarray::{Array2, Axis, Zip, s};

use crate::filters::Filters;

/// Filters on maps of (height, width).
pub struct Arrays;

/// Keeps the root's slope finite, and texture's floor well below noise.
pub const TINY: f32 = 1e-6;

impl Filters for Arrays {
    type Map = Array2<f32>;

    fn mean(&mut self, map: &Array2<f32>, window: usize) -> Array2<f32> {
        let columns = slide(map, window);
        slide(&columns.reversed_axes(), window).reversed_axes().as_standard_layout().into_owned()
    }

    fn shrink(&mut self, map: &Array2<f32>) -> Array2<f32> {
        map.exact_chunks((2, 2))
            .into_iter()
            .map(|block| block.sum() / 4.0)
            .collect::<ndarray::Array1<f32>>()
            .into_shape_with_order((map.nrows() / 2, map.ncols() / 2))
            .expect("as many blocks as pixels")
    }

    fn grow(&mut self, map: &Array2<f32>, times: usize) -> Array2<f32> {
        let rows = stretch(map, times);
        stretch(&rows.reversed_axes(), times).reversed_axes().as_standard_layout().into_owned()
    }

    fn subtract(&mut self, one: &Array2<f32>, other: &Array2<f32>) -> Array2<f32> {
        one - other
    }

    fn multiply(&mut self, one: &Array2<f32>, other: &Array2<f32>) -> Array2<f32> {
        one * other
    }

    fn root(&mut self, map: &Array2<f32>) -> Array2<f32> {
        map.mapv(|value| (value + TINY).sqrt())
    }

    fn mirror(&mut self, map: &Array2<f32>) -> Array2<f32> {
        map.slice(s![.., ..;-1]).to_owned()
    }

    fn down(&mut self, map: &Array2<f32>) -> Array2<f32> {
        let positions = positions_down(map.nrows());
        Array2::from_shape_fn(map.dim(), |(row, _)| positions[row])
    }

    fn aside(&mut self, map: &Array2<f32>) -> Array2<f32> {
        let positions = positions_aside(map.ncols());
        Array2::from_shape_fn(map.dim(), |(_, column)| positions[column])
    }
}

/// 0 to 1, at the pixels' centres.
pub fn positions_down(len: usize) -> Vec<f32> {
    (0..len).map(|index| (index as f32 + 0.5) / len as f32).collect()
}

/// The distance from the middle, 0 to 1, at the pixels' centres.
pub fn positions_aside(len: usize) -> Vec<f32> {
    positions_down(len).into_iter().map(|position| (position * 2.0 - 1.0).abs()).collect()
}

/// The mean of each image over blocks that cover it: from any size to `side` × `side`, each source pixel by its share.
pub fn shrink_to(map: &Array2<f32>, side: usize) -> Array2<f32> {
    let rows = cover(map, side);
    cover(&rows.reversed_axes(), side).reversed_axes().as_standard_layout().into_owned()
}

/// Means over windows of rows, fewer at the borders.
fn slide(map: &Array2<f32>, window: usize) -> Array2<f32> {
    let (rows, half) = (map.nrows(), window / 2);
    let mut sums = Array2::<f64>::zeros((rows + 1, map.ncols()));
    for row in 0..rows {
        let (before, mut after) = sums.multi_slice_mut((s![row, ..], s![row + 1, ..]));
        Zip::from(&mut after)
            .and(&before)
            .and(map.row(row))
            .for_each(|sum, &old, &value| *sum = old + f64::from(value));
    }
    let mut means = Array2::zeros(map.dim());
    for row in 0..rows {
        let (low, high) = (row.saturating_sub(half), (row + half + 1).min(rows));
        Zip::from(means.row_mut(row)).and(sums.row(high)).and(sums.row(low)).for_each(|mean, &high_sum, &low_sum| {
            *mean = ((high_sum - low_sum) / (high - low) as f64) as f32;
        });
    }
    means
}

/// More rows, bilinear between pixel centres.
fn stretch(map: &Array2<f32>, times: usize) -> Array2<f32> {
    let (rows, columns) = map.dim();
    let mut grown = Array2::zeros((rows * times, columns));
    for (index, mut row) in grown.axis_iter_mut(Axis(0)).enumerate() {
        let position = ((index as f32 + 0.5) / times as f32 - 0.5).clamp(0.0, rows as f32 - 1.0);
        let low = position as usize;
        let (high, t) = ((low + 1).min(rows - 1), position - low as f32);
        Zip::from(&mut row).and(map.row(low)).and(map.row(high)).for_each(|to, &a, &b| *to = a + (b - a) * t);
    }
    grown
}

/// Fewer rows: means of the rows that each covers.
fn cover(map: &Array2<f32>, len: usize) -> Array2<f32> {
    let step = map.nrows() as f32 / len as f32;
    let mut covered = Array2::zeros((len, map.ncols()));
    for (index, mut row) in covered.axis_iter_mut(Axis(0)).enumerate() {
        let (low, high) = (index as f32 * step, (index + 1) as f32 * step);
        for source in low as usize..(high.ceil() as usize).min(map.nrows()) {
            let share = (high.min(source as f32 + 1.0) - low.max(source as f32)) / step;
            row.scaled_add(share, &map.row(source));
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn filters_do_what_they_say() {
        let map = array![[0.0, 4.0], [8.0, 0.0]];
        assert_eq!(Arrays.mean(&map, 3), array![[3.0, 3.0], [3.0, 3.0]]);
        assert_eq!(Arrays.shrink(&map), array![[3.0]]);
        assert_eq!(Arrays.mirror(&map), array![[4.0, 0.0], [0.0, 8.0]]);
        assert_eq!(Arrays.grow(&array![[0.0, 4.0]], 2), array![[0.0, 1.0, 3.0, 4.0], [0.0, 1.0, 3.0, 4.0]]);
        assert_eq!(Arrays.down(&map), array![[0.25, 0.25], [0.75, 0.75]]);
        assert_eq!(Arrays.aside(&map), array![[0.5, 0.5], [0.5, 0.5]]);
        assert_eq!(
            shrink_to(&array![[0.0, 3.0, 6.0], [0.0, 3.0, 6.0], [0.0, 3.0, 6.0]], 2),
            array![[1.0, 5.0], [1.0, 5.0]]
        );
    }
}
