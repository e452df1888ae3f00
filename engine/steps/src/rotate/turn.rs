//! Rotates planes of floats.

use ndarray::{ArrayView2, ArrayViewMut2, s};
use pleura_plugin::Size;

/// Rotates by quarter turns, counter-clockwise.
pub fn quarters(quarters: u8, image: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    out.assign(&match quarters {
        1 => image.reversed_axes().slice_move(s![..;-1, ..]),
        2 => image.slice_move(s![..;-1, ..;-1]),
        _ => image.reversed_axes().slice_move(s![.., ..;-1]),
    });
}

/// Rotates by degrees, counter-clockwise, about the centre; bilinear, mirrored at the border.
pub fn about_centre(degrees: f64, image: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let centre = |Size { height, width }: Size| ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    let (from, to) = (centre(image.dim().into()), centre(out.dim().into()));
    for (row, mut pixels) in out.rows_mut().into_iter().enumerate() {
        let dy = row as f64 - to.0;
        for (column, pixel) in pixels.iter_mut().enumerate() {
            // the source of the pixel: rotated clockwise (rows count downwards)
            let dx = column as f64 - to.1;
            *pixel = bilinear(image, from.0 + sin * dx + cos * dy, from.1 + cos * dx - sin * dy);
        }
    }
}

fn bilinear(image: ArrayView2<'_, f32>, y: f64, x: f64) -> f32 {
    let (height, width) = image.dim();
    let (row, column) = (floor(y), floor(x));
    let (down, right) = ((y - row as f64) as f32, (x - column as f64) as f32);
    let (top, bottom) = (mirrored(row, height), mirrored(row + 1, height));
    let (near, far) = (mirrored(column, width), mirrored(column + 1, width));
    let along = |row: usize| image[(row, near)] + (image[(row, far)] - image[(row, near)]) * right;
    let (above, below) = (along(top), along(bottom));
    above + (below - above) * down
}

/// `f64::floor` is a call into the C library on plain x86-64, and each pixel needs two.
fn floor(value: f64) -> isize {
    let towards_zero = value as isize;
    if towards_zero as f64 > value { towards_zero - 1 } else { towards_zero }
}

/// Mirrors an index at the centres of the first and the last pixel, as often as necessary: -1 becomes 1, `length`
/// becomes `length - 2`.
fn mirrored(index: isize, length: usize) -> usize {
    if let Ok(inside) = usize::try_from(index)
        && inside < length
    {
        return inside;
    }
    let period = (2 * length as isize - 2).max(1);
    let index = index.rem_euclid(period) as usize;
    if index < length { index } else { period as usize - index }
}
