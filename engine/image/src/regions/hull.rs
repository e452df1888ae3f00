//! Convex hulls of pixels, as in scikit-image's `convex_hull_image`.

use ndarray::{ArrayView2, ArrayViewMut2, s};

/// The marked pixels of one row: the row, the first column and the last.
pub type Span = (usize, usize, usize);

/// The spans of a mask as a whole, from top to bottom.
#[must_use]
pub fn spans(mask: ArrayView2<'_, bool>) -> Vec<Span> {
    let rows = mask.rows().into_iter().enumerate();
    let span = |(row, pixels): (usize, ndarray::ArrayView1<'_, bool>)| {
        let first = pixels.iter().position(|&marked| marked)?;
        Some((row, first, pixels.iter().rposition(|&marked| marked)?))
    };
    rows.filter_map(span).collect()
}

/// Marks every pixel whose centre is within or on the convex hull of some pixels; `spans` holds their outermost ones,
/// from top to bottom.
///
/// A pixel is the diamond between the midpoints of its four sides, so that the hull of a slanted line is connected.
/// Computed in integers, so that rounding cannot decide.
pub fn fill_hull(spans: &[Span], mut out: ArrayViewMut2<'_, bool>) {
    let [Some(&(top, ..)), Some(&(bottom, ..))] = [spans.first(), spans.last()] else { return };
    let left = envelope(spans.iter().map(|&(row, first, _)| (row, whole(first))));
    let right = envelope(spans.iter().map(|&(row, _, last)| (row, -whole(last))));
    for row in top..=bottom {
        let (first, last) = (least(&left, row), -least(&right, row));
        if first <= last {
            out.slice_mut(s![row, first as usize..=last as usize]).fill(true);
        }
    }
}

/// A corner of a hull in half pixels: down, across.
type Corner = (i64, i64);

fn whole(pixels: usize) -> i64 {
    i64::try_from(pixels).expect("a mask fits into memory")
}

/// The corners of the hull's left side, from top to bottom; `pixels` holds one (row, column) per row.
fn envelope(pixels: impl Iterator<Item = (usize, i64)>) -> Vec<Corner> {
    let mut corners: Vec<Corner> = Vec::new();
    for (row, column) in pixels {
        let (down, across) = (2 * whole(row), 2 * column);
        for corner in [(down - 1, across), (down, across - 1), (down + 1, across)] {
            // The lower side of one row and the upper side of the next are at the same height.
            if corners.last().is_some_and(|last| last.0 == corner.0 && last.1 <= corner.1) {
                continue;
            }
            while let [.., a, b] = corners[..]
                && !turns_left(a, b, corner)
            {
                corners.pop();
            }
            if corners.last().is_some_and(|last| last.0 == corner.0) {
                corners.pop();
            }
            corners.push(corner);
        }
    }
    corners
}

/// Whether `b` lies left of the straight line from `a` down to `c`.
fn turns_left(a: Corner, b: Corner, c: Corner) -> bool {
    (b.1 - a.1) * (c.0 - a.0) < (c.1 - a.1) * (b.0 - a.0)
}

/// The first column of a row whose centre is on an envelope or to its right.
fn least(corners: &[Corner], row: usize) -> i64 {
    let down = 2 * whole(row);
    // There are corners above and below every row: those of its own diamond, or of the rows around it.
    let below = corners.partition_point(|corner| corner.0 < down).min(corners.len() - 1);
    let (a, b) = (corners[below - 1], corners[below]);
    // across = a.1 + (b.1 - a.1) * (down - a.0) / (b.0 - a.0), and half of it, rounded up
    let (numerator, denominator) = (a.1 * (b.0 - a.0) + (b.1 - a.1) * (down - a.0), 2 * (b.0 - a.0));
    -(-numerator).div_euclid(denominator)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::super::drawn;
    use super::*;

    fn hull(mask: &Array2<bool>) -> Array2<bool> {
        let mut out = Array2::from_elem(mask.dim(), false);
        fill_hull(&spans(mask.view()), out.view_mut());
        out
    }

    #[test]
    fn bays_are_filled_and_corners_kept() {
        assert_eq!(hull(&drawn(&["###", "#..", "#.."])), drawn(&["###", "##.", "#.."]));
        assert_eq!(hull(&drawn(&["#.#", "...", "#.#"])), drawn(&["###"; 3]));
        assert_eq!(hull(&drawn(&["...", ".#.", "..."])), drawn(&["...", ".#.", "..."]));
        assert_eq!(hull(&drawn(&["...", "..."])), drawn(&["...", "..."]));
        // a slanted line stays connected: the centres of the two middle pixels are within the hull of diamonds
        assert_eq!(hull(&drawn(&["#...", "...#"])), drawn(&["##..", "..##"]));
    }

    proptest! {
        #[test]
        fn a_hull_holds_its_mask_and_no_more_than_its_box(
            pixels in prop::collection::vec(prop::bool::weighted(0.15), 9 * 12),
        ) {
            let mask = Array2::from_shape_vec((9, 12), pixels).unwrap();
            let once = hull(&mask);
            prop_assert!(mask.iter().zip(&once).all(|(&before, &after)| after || !before));
            let bounds = |mask: &Array2<bool>| {
                let spans = spans(mask.view());
                let columns = |of: fn(&Span) -> usize| spans.iter().map(of).collect::<Vec<_>>();
                let first = columns(|span| span.1).into_iter().min();
                (spans.first().map(|s| s.0), spans.last().map(|s| s.0), first, columns(|s| s.2).into_iter().max())
            };
            prop_assert_eq!(bounds(&mask), bounds(&once));
            let upside_down = hull(&mask.slice(s![..;-1, ..]).to_owned());
            prop_assert_eq!(upside_down.slice(s![..;-1, ..]).to_owned(), once.clone());
            prop_assert_eq!(hull(&mask.t().to_owned()).t().to_owned(), once);
        }
    }
}
