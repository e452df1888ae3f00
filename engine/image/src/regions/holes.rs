//! The holes of a mask, by runs of unmarked pixels: a radiograph has a thousand times fewer runs than pixels.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis};

/// Unmarked pixels of a row from `start` to before `end`.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
}

/// Which runs are connected, as a forest: each run points towards its root, whose index is never larger than its own.
struct Forest(Vec<usize>);

/// The root of everything that is connected to the border.
const OUTSIDE: usize = 0;

impl Forest {
    fn root(&mut self, mut run: usize) -> usize {
        while self.0[run] != run {
            self.0[run] = self.0[self.0[run]];
            run = self.0[run];
        }
        run
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }
}

/// Marks the mask's pixels, and every unmarked pixel without a path of side neighbours to the image's border.
pub fn fill_holes(mask: ArrayView2<'_, bool>, mut out: ArrayViewMut2<'_, bool>) {
    out.assign(&mask);
    let rows: Vec<Vec<Run>> = mask.axis_iter(Axis(0)).map(runs).collect();
    let mut forest = Forest(vec![OUTSIDE]);
    let mut above: &[Run] = &[];
    for (row, here) in rows.iter().enumerate() {
        let (first_above, first) = (forest.0.len() - above.len(), forest.0.len());
        let mut meets = 0;
        for run in here {
            let this = forest.add();
            if row == 0 || row + 1 == rows.len() || run.start == 0 || run.end == mask.ncols() {
                forest.join(this, OUTSIDE);
            }
            while above.get(meets).is_some_and(|other| other.end <= run.start) {
                meets += 1;
            }
            let sharing = above[meets..].iter().take_while(|other| other.start < run.end).count();
            (meets..meets + sharing).for_each(|other| forest.join(this, first_above + other));
        }
        debug_assert_eq!(forest.0.len(), first + here.len());
        above = here;
    }
    let mut number = OUTSIDE;
    for (runs, mut row) in rows.iter().zip(out.axis_iter_mut(Axis(0))) {
        for run in runs {
            number += 1;
            if forest.root(number) != OUTSIDE {
                row.slice_mut(ndarray::s![run.start..run.end]).fill(true);
            }
        }
    }
}

/// The runs of unmarked pixels of a row.
fn runs(row: ArrayView1<'_, bool>) -> Vec<Run> {
    let row = row.as_standard_layout();
    let pixels: &[u8] = bytemuck::cast_slice(row.as_slice().unwrap_or_default());
    let (mut runs, mut at) = (Vec::new(), 0);
    while let Some(skipped) = memchr::memchr(0, &pixels[at..]) {
        let start = at + skipped;
        at = memchr::memchr(1, &pixels[start..]).map_or(pixels.len(), |marked| start + marked);
        runs.push(Run { start, end: at });
    }
    runs
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::super::components::label_background;
    use super::super::crop::Crop;
    use super::super::drawn;
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
