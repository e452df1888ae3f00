//! The holes of a mask.

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::runs::{Forest, Rows};

/// Marks the mask's pixels, and every unmarked pixel without a path of side neighbours to the image's border.
pub fn fill_holes(mask: ArrayView2<'_, bool>, mut out: ArrayViewMut2<'_, bool>) {
    out.assign(&mask);
    let (height, width) = mask.dim();
    let rows = Rows::new(mask, false);
    // one more than there are runs: the outside
    let outside = 0;
    let mut forest = Forest::new(1 + rows.runs().len());
    let mut numbers = 1..;
    for (row, runs) in rows.rows() {
        for (run, number) in runs.iter().zip(&mut numbers) {
            if row == 0 || row + 1 == height || run.start == 0 || run.end == width {
                forest.join(outside, number);
            }
        }
    }
    rows.touching(false, |above, below| forest.join(1 + above, 1 + below));
    let mut numbers = 1..;
    for (row, runs) in rows.rows() {
        for (run, number) in runs.iter().zip(&mut numbers) {
            if forest.root(number) != outside {
                out.slice_mut(s![row, run.start..run.end]).fill(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::super::crop::Crop;
    use super::super::drawn;
    use super::super::labels::label_background;
    use super::*;

    fn filled(mask: &Array2<bool>) -> Array2<bool> {
        let mut out = Array2::from_elem(mask.dim(), false);
        fill_holes(mask.view(), out.view_mut());
        out
    }

    #[test]
    fn a_bay_at_the_border_is_no_hole() {
        assert_eq!(filled(&drawn(&["###", "#.#", "###"])), drawn(&["###", "###", "###"]));
        assert_eq!(filled(&drawn(&["#.#", "#.#", "###"])), drawn(&["#.#", "#.#", "###"]));
        // a ring closed only by corners encloses, because the background is connected by sides
        assert_eq!(filled(&drawn(&[".#.", "#.#", ".#."])), drawn(&[".#.", "###", ".#."]));
        assert_eq!(filled(&drawn(&["...", "..."])), drawn(&["...", "..."]));
        assert_eq!(filled(&drawn(&["##", "##"])), drawn(&["##", "##"]));
    }

    #[test]
    fn a_bay_may_wind() {
        let bay = drawn(&["######", "#....#", "#.##.#", "#.#..#", "#.####", "#.####"]);
        assert_eq!(filled(&bay), bay);
        let ring = drawn(&["#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"]);
        assert_eq!(filled(&ring), Array2::from_elem((7, 7), true));
    }

    proptest! {
        #[test]
        fn holes_are_what_is_not_connected_to_the_outside(
            (height, width, pixels) in (1_usize..12, 1_usize..12).prop_flat_map(|(height, width)| {
                let pixels = prop::collection::vec(prop::bool::weighted(0.6), height * width);
                (Just(height), Just(width), pixels)
            }),
        ) {
            let mask = Array2::from_shape_vec((height, width), pixels).unwrap();
            let mut expected = mask.clone();
            if let Some(crop) = Crop::new(mask.view()) {
                let labels = label_background(&crop);
                for (x, y) in crop.inside() {
                    expected[crop.place(x, y)] = labels.get_pixel(x, y) != labels.get_pixel(0, 0);
                }
            }
            prop_assert_eq!(filled(&mask), expected);
        }
    }
}
