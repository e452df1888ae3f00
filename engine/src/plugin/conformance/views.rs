//! The checks of views: inverse after forward must restore the position, because ensembles add maps up.

use ndarray::{Array2, ArrayView2, s};

use super::inputs::{self, BLOB};
use super::roles::{remembers, settle};
use super::{Report, Subject, Trouble};
use crate::plugin::Size;

/// Sizes of test images: squares, odd ones, and either side the longer. The middle of each stays visible in a view
/// rotated by any angle.
const SIZES: [Size; 5] =
    [Size::new(96, 96), Size::new(97, 97), Size::new(96, 128), Size::new(131, 97), Size::new(256, 256)];
/// Additional sizes at which a view that only rearranges pixels must be exact.
const SMALL: [Size; 6] =
    [Size::new(2, 2), Size::new(7, 5), Size::new(1, 7), Size::new(9, 1), Size::new(16, 16), Size::new(33, 33)];
/// Sizes of images whose maps are of half the size.
const HALVED: [Size; 3] = [Size::new(192, 192), Size::new(192, 256), Size::new(260, 196)];

pub(super) fn tta(subject: &Subject, report: &mut Report<'_>) {
    let inputs = inputs::all();
    for view in 0..subject.alone.views() {
        for input in &inputs {
            let outcome = there_and_back(subject, view, input.plane.view());
            report.add(&format!("view {view} of {}", input.name), settle(outcome, input.is_small()));
        }
        report.add(&format!("view {view} is not the identity"), settle(not_identity(subject, view), false));
        for size in SIZES {
            report
                .add(&format!("view {view} of {} comes back as it went", named(size)), comes_back(subject, view, size));
        }
        for size in SMALL {
            let outcome = small(subject, view, size).or_else(|trouble| trouble.outcome(true));
            report.add(&format!("view {view} of {} comes back as it went", named(size)), outcome);
        }
        for size in HALVED {
            let what = format!("view {view} of a map of half of {} comes back as it went", named(size));
            report.add(&what, half(subject, view, size));
        }
        let remembers = remembers(&inputs, |input| {
            let seen = subject.alone.forward(view, input.plane.view())?;
            subject.alone.inverse(view, seen.view(), input.plane.dim().into())
        });
        report.add(&format!("view {view} is the same whatever came before it"), remembers);
    }
}

fn named(Size { height, width }: Size) -> String {
    format!("{height}x{width}")
}

/// Applies a view and its inverse.
fn there_and_back(subject: &Subject, view: usize, image: ArrayView2<'_, f32>) -> Result<Array2<f32>, Trouble> {
    let seen = subject.agree(|plugin| plugin.forward(view, image))?;
    subject.agree(|plugin| plugin.inverse(view, seen.view(), image.dim().into()))
}

fn not_identity(subject: &Subject, view: usize) -> Result<(), Trouble> {
    let noise = inputs::noise(Size::new(64, 48));
    let seen = subject.agree(|plugin| plugin.forward(view, noise.view()))?;
    if seen == noise {
        return Err(Trouble::Wrong("the engine already adds the identity, so it would count twice".to_owned()));
    }
    Ok(())
}

/// A view that rearranges pixels must restore each to its place; any other one must restore a smooth picture.
fn comes_back(subject: &Subject, view: usize, size: Size) -> Result<String, String> {
    let noise = inputs::noise(size);
    let seen = subject.alone.forward(view, noise.view()).map_err(|error| error.to_string())?;
    if rearranged(&noise, &seen) {
        return there_and_back(subject, view, noise.view()).and_then(|back| exact(&noise, &back)).or_else(refused);
    }
    // A view of few pixels needs larger blobs to show them. If the plugin rounds sides to multiples of a number,
    // another size may change the ratio a little, which the tolerance accounts for.
    let by = (coarseness(subject, view, size)? / 2.0).ceil().max(1.0) as usize;
    let size = Size::new(size.height * by, size.width * by);
    let smooth = inputs::smooth(size);
    let back = there_and_back(subject, view, smooth.view()).or_else(refused)?;
    compare(&smooth, &back, tolerance(size, coarseness(subject, view, size)?))
}

/// Checks images too small for a smooth picture, if the view rearranges pixels.
fn small(subject: &Subject, view: usize, size: Size) -> Result<String, Trouble> {
    let noise = inputs::noise(size);
    let seen = subject.alone.forward(view, noise.view())?;
    if !rearranged(&noise, &seen) {
        return Ok(String::new());
    }
    exact(&noise, &there_and_back(subject, view, noise.view())?)
}

/// Checks a map of half the size of its view: the inverse then works on the same fraction of both sizes.
fn half(subject: &Subject, view: usize, size: Size) -> Result<String, String> {
    let by = (coarseness(subject, view, size)? / 2.0).ceil().max(1.0) as usize;
    let size = Size::new(size.height * by, size.width * by);
    let coarseness = coarseness(subject, view, size)?;
    let smooth = inputs::smooth(size);
    let seen = subject.alone.forward(view, smooth.view()).map_err(|error| error.to_string())?;
    let (map, expected) = (halved(&seen), halved(&smooth));
    let size = expected.dim().into();
    let back = subject.agree(|plugin| plugin.inverse(view, map.view(), size)).or_else(refused)?;
    compare(&expected, &back, tolerance(size, coarseness))
}

fn refused<T>(trouble: Trouble) -> Result<T, String> {
    let (Ok(text) | Err(text)) = trouble.outcome(false);
    Err(text)
}

/// The number of an image's pixels per pixel of its view along a side, at least 1.
fn coarseness(subject: &Subject, view: usize, size: Size) -> Result<f32, String> {
    let seen = subject.alone.view_size(view, size).map_err(|error| error.to_string())?;
    // a quarter turn exchanges the sides
    let shares = [size.height as f32 / seen.height as f32, size.width as f32 / seen.width as f32];
    let turned = [size.height as f32 / seen.width as f32, size.width as f32 / seen.height as f32];
    let most = |[a, b]: [f32; 2]| a.max(b);
    Ok(most(shares).min(most(turned)).max(1.0))
}

/// How far a smooth picture may change by a view and its inverse. Interpolating between points at distance h is off by
/// h²/8 times the curvature, a blob's being at most 2 · 0.5 / σ²; it happens twice, once with h = 1. A shift of one
/// pixel is off by 0.6 · 0.5 / σ.
fn tolerance(Size { height, width }: Size, h: f32) -> f32 {
    let sigma = height.min(width) as f32 / BLOB;
    1.6 * (1.0 + h * h) / 8.0 / (sigma * sigma)
}

/// Whether a view has the same values as the image, in any order.
fn rearranged(image: &Array2<f32>, seen: &Array2<f32>) -> bool {
    let sorted = |plane: &Array2<f32>| {
        let mut values: Vec<f32> = plane.iter().copied().collect();
        values.sort_by(f32::total_cmp);
        values
    };
    image.len() == seen.len() && sorted(image) == sorted(seen)
}

fn exact(image: &Array2<f32>, back: &Array2<f32>) -> Result<String, Trouble> {
    let moved = image.iter().zip(back).filter(|(a, b)| a != b).count();
    if moved == 0 {
        return Ok("exactly".into());
    }
    let all = image.len();
    Err(Trouble::Wrong(format!(
        "the view only rearranges pixels, but the inverse moves {moved} of {all} to a different place"
    )))
}

/// Compares the middle halves: at the border, views may lack data.
fn compare(smooth: &Array2<f32>, back: &Array2<f32>, allowed: f32) -> Result<String, String> {
    let (height, width) = smooth.dim();
    let middle = s![height / 4..height * 3 / 4, width / 4..width * 3 / 4];
    let difference = &smooth.slice(middle) - &back.slice(middle);
    let worst = difference.iter().fold(0.0_f32, |worst, d| worst.max(d.abs()));
    if worst <= allowed {
        return Ok(format!("within {worst:.4}"));
    }
    Err(format!(
        "the middle of a smooth picture is off by up to {worst:.4}, more than interpolation explains ({allowed:.4}): \
         the inverse moves it"
    ))
}

/// The picture at half its size, odd sides rounded up: each pixel is the mean of what it covers, which is two by two
/// pixels if sides are even.
fn halved(plane: &Array2<f32>) -> Array2<f32> {
    halved_rows(&halved_rows(plane).reversed_axes()).reversed_axes()
}

fn halved_rows(plane: &Array2<f32>) -> Array2<f32> {
    let (from, to) = (plane.nrows(), plane.nrows().div_ceil(2));
    let mut out = Array2::zeros((to, plane.ncols()));
    for (row, mut sum) in out.rows_mut().into_iter().enumerate() {
        // in source rows times `to`: row r covers r * from up to (r + 1) * from
        let (start, end) = (row * from, (row + 1) * from);
        for covered in start / to..end.div_ceil(to) {
            let overlap = end.min((covered + 1) * to) - start.max(covered * to);
            sum.scaled_add(overlap as f32 / from as f32, &plane.row(covered));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The effect of a shift and of the symmetries of a square on the picture is far beyond the tolerance.
    #[test]
    fn the_smooth_picture_has_no_symmetry() {
        for size in SIZES.into_iter().chain([Size::new(192, 192)]) {
            let smooth = inputs::smooth(size);
            let mut moved = vec![
                ("flip", smooth.slice(s![.., ..;-1]).to_owned()),
                ("upside down", smooth.slice(s![..;-1, ..]).to_owned()),
                ("half a turn", smooth.slice(s![..;-1, ..;-1]).to_owned()),
            ];
            if size.height == size.width {
                let turned = smooth.t();
                moved.push(("transposed", turned.to_owned()));
                moved.push(("a quarter", turned.slice(s![..;-1, ..]).to_owned()));
                moved.push(("three quarters", turned.slice(s![.., ..;-1]).to_owned()));
                moved.push(("the other diagonal", turned.slice(s![..;-1, ..;-1]).to_owned()));
            }
            for (dy, dx) in [(1, 0), (0, 1), (1, 1)] {
                let shifted =
                    Array2::from_shape_fn(size, |(y, x)| smooth[((y + dy) % size.height, (x + dx) % size.width)]);
                moved.push(("shifted", shifted));
            }
            for (what, moved) in moved {
                assert!(compare(&smooth, &moved, tolerance(size, 1.5)).is_err(), "{what} of {size}");
            }
            assert!(smooth.iter().all(|p| (0.0..=1.0).contains(p)), "{size}");
        }
    }

    #[test]
    fn half_the_size_covers_the_whole_picture() {
        let columns = |values: &[f32]| Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
        assert_eq!(halved(&columns(&[1.0, 3.0, 5.0, 9.0])), columns(&[2.0, 7.0]));
        // three pixels to two: one and a half each
        let odd = halved(&columns(&[0.0, 3.0, 6.0]));
        assert!((odd[[0, 0]] - 1.0).abs() < 1e-6 && (odd[[1, 0]] - 5.0).abs() < 1e-6, "{odd}");
        assert_eq!(halved(&columns(&[4.0])), columns(&[4.0]));
    }
}
