//! Resizing by whole pixels: the mean of those whose centres are covered (Pillow's `BOX`, with the arithmetic of its
//! Resample.c), and the one that contains the centre.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Zip, s};

use crate::Size;

/// Pillow's `BOX`: first across, then down, in double precision, rounded to single in between.
pub(super) fn mean(plane: ArrayView2<'_, f32>, size: Size) -> Array2<f32> {
    let columns = covered(plane.ncols(), size.width);
    let mut across = Array2::zeros((plane.nrows(), size.width));
    for (from, mut to) in plane.rows().into_iter().zip(across.rows_mut()) {
        for (mean, covered) in to.iter_mut().zip(&columns) {
            let share = 1.0 / covered.len() as f64;
            *mean =
                from.slice(s![covered.clone()]).iter().fold(0.0, |sum, &value| sum + f64::from(value) * share) as f32;
        }
    }
    let mut down = Array2::zeros(size);
    let mut sums = Array2::<f64>::zeros((1, size.width));
    for (mut to, covered) in down.rows_mut().into_iter().zip(covered(plane.nrows(), size.height)) {
        let share = 1.0 / covered.len() as f64;
        sums.fill(0.0);
        for from in across.slice(s![covered, ..]).rows() {
            Zip::from(sums.row_mut(0)).and(from).for_each(|sum, &value| *sum += f64::from(value) * share);
        }
        Zip::from(&mut to).and(sums.row(0)).for_each(|to, &sum| *to = sum as f32);
    }
    down
}

/// The pixels of a side of `from` whose centres each pixel of a side of `to` covers; a centre on a shared edge belongs
/// to the first of the two. When enlarging, the one pixel whose centre is nearest.
fn covered(from: usize, to: usize) -> Vec<Range<usize>> {
    let scale = from as f64 / to as f64;
    let (widened, support) = (1.0 / scale.max(1.0), 0.5 * scale.max(1.0));
    let range = |place: usize| {
        let center = (place as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let is_covered = |pixel: &usize| {
            let distance = (*pixel as f64 - center + 0.5) * widened;
            distance > -0.5 && distance <= 0.5
        };
        let mut inside = (first..end).filter(is_covered);
        match inside.next() {
            Some(start) => start..inside.next_back().unwrap_or(start) + 1,
            None => nearest(place, from, to)..nearest(place, from, to) + 1,
        }
    };
    (0..to).map(range).collect()
}

/// The pixel that contains each place's centre: exactly `floor((place + 0.5) * from / to)`.
pub(super) fn at_centres(plane: ArrayView2<'_, f32>, size: Size) -> Array2<f32> {
    let columns: Vec<usize> = (0..size.width).map(|column| nearest(column, plane.ncols(), size.width)).collect();
    Array2::from_shape_fn(size, |(row, column)| plane[(nearest(row, plane.nrows(), size.height), columns[column])])
}

fn nearest(place: usize, from: usize, to: usize) -> usize {
    (2 * place + 1) * from / (2 * to)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn a_centre_on_an_edge_is_the_first_ones() {
        // Image.fromarray(numpy.array([[1, 2, 4]], "f")).resize((2, 1), Image.Resampling.BOX)
        assert_eq!(mean(array![[1.0, 2.0, 4.0]].view(), Size::new(1, 2)), array![[1.5, 4.0]]);
        assert_eq!(mean(array![[1.0], [2.0], [4.0]].view(), Size::new(2, 1)), array![[1.5], [4.0]]);
        // (numpy.arange(1000) * 7 % 251)[None] to 384 columns, at some of them, and 7 to 16
        let row = Array1::from_iter((0..1000).map(|x| (x * 7 % 251) as f32)).insert_axis(ndarray::Axis(0));
        let found = mean(row.view(), Size::new(1, 384));
        assert_eq!([0, 4, 12, 100, 144, 383].map(|x| found[(0, x)]), PILLOW_384);
        let found = mean(row.slice(s![.., ..7]), Size::new(1, 16));
        assert_eq!(found.into_raw_vec_and_offset().0, PILLOW_16);
    }

    #[test]
    fn the_pixel_under_the_centre_is_exact() {
        // 1024 to 320: every fifth centre lies on an edge
        let row = Array1::from_iter((0..1024).map(|x| x as f32)).insert_axis(ndarray::Axis(0));
        let found = at_centres(row.view(), Size::new(1, 320));
        assert_eq!([0, 1, 2, 7, 319].map(|x| found[(0, x)]), [1.0, 4.0, 8.0, 24.0, 1022.0]);
    }

    const PILLOW_384: [f32; 6] = [7.0, 77.0, 224.0, 70.0, 122.0, 209.0];
    const PILLOW_16: [f32; 16] =
        [0.0, 0.0, 7.0, 7.0, 7.0, 14.0, 14.0, 21.0, 21.0, 28.0, 28.0, 35.0, 35.0, 35.0, 42.0, 42.0];
}
