//! Contours above a minimum area, as in OpenCV's `findContours`, `contourArea` and `drawContours`.

use imageproc::contours::{BorderType, find_contours};
use imageproc::point::Point;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::components::Connectivity;
use super::crop::Crop;
use super::labels::{highest, label, label_background};

/// Keeps the 8-connected components whose contour encloses more than `min_area`, and fills their holes except those
/// whose contour encloses more than `min_area`.
///
/// A contour is the polygon through the centres of the border's pixels; for a hole, of the pixels around it. So the
/// area is less than the number of pixels: a square of 11 × 11 has area 100.
pub fn keep_contours(mask: ArrayView2<'_, bool>, min_area: f64, mut out: ArrayViewMut2<'_, bool>) {
    let Some(crop) = Crop::new(mask) else { return };
    let (components, background) = (label(&crop, Connectivity::Eight), label_background(&crop));
    let mut kept = vec![false; highest(&components) + 1];
    let mut filled = vec![false; highest(&background) + 1];
    // A contour follows those that contain it. `within[i]`: contour i lies in a filled hole, or is one.
    let mut within: Vec<bool> = Vec::new();
    for contour in find_contours::<u32>(&crop.image) {
        let large = area(&contour.points) > min_area;
        let (x, y) = (contour.points[0].x, contour.points[0].y);
        let component = components.get_pixel(x, y).0[0] as usize;
        let mut fill = contour.parent.is_some_and(|parent| within[parent]);
        match contour.border_type {
            BorderType::Outer => kept[component] = large || fill,
            BorderType::Hole => {
                fill |= kept[component] && !large;
                // the contour of a hole starts at the pixel left of it
                filled[background.get_pixel(x + 1, y).0[0] as usize] = fill;
            }
        }
        within.push(fill);
    }
    for (x, y) in crop.inside() {
        let (component, hole) = (components.get_pixel(x, y).0[0], background.get_pixel(x, y).0[0]);
        out[crop.place(x, y)] = kept[component as usize] || filled[hole as usize];
    }
}

/// The area of a polygon, by the shoelace formula.
fn area(points: &[Point<u32>]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let twice: i64 =
        points.iter().zip(next).map(|(a, b)| i64::from(a.x) * i64::from(b.y) - i64::from(b.x) * i64::from(a.y)).sum();
    twice.unsigned_abs() as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::drawn;
    use super::*;

    fn kept(rows: &[&str], min_area: f64) -> Array2<bool> {
        let mask = drawn(rows);
        let mut out = Array2::from_elem(mask.dim(), false);
        keep_contours(mask.view(), min_area, out.view_mut());
        out
    }

    #[test]
    fn area_runs_through_the_centres() {
        // 3 × 3 pixels enclose 2 × 2
        let rows = ["###..", "###..", "###.#"];
        assert_eq!(kept(&rows, 3.9), drawn(&["###..", "###..", "###.."]));
        assert_eq!(kept(&rows, 4.0), drawn(&[".....", ".....", "....."]));
    }

    #[test]
    fn small_holes_are_filled_with_what_is_in_them() {
        let rows = ["#######", "#.....#", "#.#.#.#", "#.....#", "#######"];
        // outer contour 6 × 4 = 24; the hole's contour is the same border seen from inside, minus its corners: 22
        assert_eq!(kept(&rows, 22.0), drawn(&["#######"; 5]));
        assert_eq!(kept(&rows, 21.0), drawn(&["#######", "#.....#", "#.....#", "#.....#", "#######"]));
        assert_eq!(kept(&rows, 24.0), drawn(&["......."; 5]));
        assert_eq!(kept(&["...", "..."], 0.0), drawn(&["...", "..."]));
    }
}
