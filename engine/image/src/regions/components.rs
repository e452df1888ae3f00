//! Connected components of a mask.

use ndarray::{ArrayView2, ArrayViewMut2, s};
use serde::Deserialize;

use super::hull::Span;
use super::runs::{Forest, Rows, Run};

/// Which neighbours of a pixel belong to its component; written 4 or 8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub enum Connectivity {
    /// Pixels that share a side.
    Four,
    /// Pixels that share a side or a corner. The default.
    #[default]
    Eight,
}

impl TryFrom<u64> for Connectivity {
    type Error = String;

    fn try_from(neighbours: u64) -> Result<Self, String> {
        match neighbours {
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            _ => Err(format!("`connectivity` is {neighbours}, expected 4 or 8")),
        }
    }
}

/// The connected components of a mask, numbered from 0 in the order of their first pixels, row by row.
pub struct Components {
    rows: Rows,
    /// The component of each run.
    of: Vec<usize>,
    areas: Vec<usize>,
}

impl Components {
    /// Finds the components of a mask.
    #[must_use]
    pub fn new(mask: ArrayView2<'_, bool>, connectivity: Connectivity) -> Self {
        let rows = Rows::new(mask, true);
        let mut forest = Forest::new(rows.runs().len());
        rows.touching(connectivity == Connectivity::Eight, |above, below| forest.join(above, below));
        let (mut of, mut areas) = (Vec::with_capacity(rows.runs().len()), Vec::new());
        for (number, run) in rows.runs().iter().enumerate() {
            let root = forest.root(number);
            // a root comes before all others
            let component = if root == number { areas.len() } else { of[root] };
            if root == number {
                areas.push(0);
            }
            areas[component] += run.end - run.start;
            of.push(component);
        }
        Self { rows, of, areas }
    }

    /// The number of pixels of each component.
    #[must_use]
    pub fn areas(&self) -> &[usize] {
        &self.areas
    }

    /// The mean of each component's pixels in a map of the mask's size.
    #[must_use]
    pub fn means(&self, map: ArrayView2<'_, f32>) -> Vec<f64> {
        let mut sums = vec![0.0; self.areas.len()];
        self.each(|component, place| sums[component] += f64::from(map[place]));
        sums.iter().zip(&self.areas).map(|(sum, &area)| sum / area as f64).collect()
    }

    /// The spans of each component, from top to bottom.
    #[must_use]
    pub fn spans(&self) -> Vec<Vec<Span>> {
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); self.areas.len()];
        self.each_run(|component, row, run| match spans[component].last_mut() {
            Some(span) if span.0 == row => span.2 = run.end - 1,
            _ => spans[component].push((row, run.start, run.end - 1)),
        });
        spans
    }

    /// Marks the pixels of the components that are kept, in an unmarked mask.
    pub fn keep(&self, kept: &[bool], mut out: ArrayViewMut2<'_, bool>) {
        self.each_run(|component, row, run| {
            if kept[component] {
                out.slice_mut(s![row, run.start..run.end]).fill(true);
            }
        });
    }

    /// Visits each marked pixel: the number of its component, and its (row, column).
    pub fn each(&self, mut visit: impl FnMut(usize, (usize, usize))) {
        self.each_run(|component, row, run| (run.start..run.end).for_each(|column| visit(component, (row, column))));
    }

    /// Visits each run: the number of its component, and its row.
    fn each_run(&self, mut visit: impl FnMut(usize, usize, Run)) {
        let mut of = self.of.iter();
        for (row, runs) in self.rows.rows() {
            runs.iter().zip(&mut of).for_each(|(&run, &component)| visit(component, row, run));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::super::crop::Crop;
    use super::super::drawn;
    use super::super::labels::label;
    use super::*;

    const ROWS: [&str; 5] = ["##...", "##..#", "..#.#", ".....", "#...#"];

    #[test]
    fn corners_connect_eight_not_four() {
        let mask = drawn(&ROWS);
        assert_eq!(Components::new(mask.view(), Connectivity::Eight).areas(), [5, 2, 1, 1]);
        assert_eq!(Components::new(mask.view(), Connectivity::Four).areas(), [4, 2, 1, 1, 1]);
        assert!(Components::new(drawn(&["...", "..."]).view(), Connectivity::Eight).areas().is_empty());
    }

    #[test]
    fn means_are_taken_over_the_component() {
        let map = Array2::from_shape_fn((5, 5), |(row, column)| (row * 5 + column) as f32);
        let means = Components::new(drawn(&ROWS).view(), Connectivity::Eight).means(map.view());
        assert_eq!(means, [(1 + 5 + 6 + 12) as f64 / 5.0, 11.5, 20.0, 24.0]);
    }

    #[test]
    fn connectivity_is_four_or_eight() {
        assert_eq!(Connectivity::try_from(4), Ok(Connectivity::Four));
        assert_eq!(Connectivity::try_from(6), Err("`connectivity` is 6, expected 4 or 8".to_owned()));
    }

    proptest! {
        #[test]
        fn components_are_numbered_as_a_labelled_image_is(
            (height, width, pixels) in (1_usize..14, 1_usize..14).prop_flat_map(|(height, width)| {
                (Just(height), Just(width), prop::collection::vec(prop::bool::weighted(0.45), height * width))
            }),
        ) {
            let mask = Array2::from_shape_vec((height, width), pixels).unwrap();
            for connectivity in [Connectivity::Four, Connectivity::Eight] {
                let components = Components::new(mask.view(), connectivity);
                let mut found = Array2::from_elem(mask.dim(), 0);
                components.each(|component, place| found[place] = component as u32 + 1);
                let mut expected = Array2::from_elem(mask.dim(), 0);
                if let Some(crop) = Crop::new(mask.view()) {
                    let labels = label(&crop, connectivity);
                    crop.inside().for_each(|(x, y)| expected[crop.place(x, y)] = labels.get_pixel(x, y).0[0]);
                }
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn keeping_all_changes_nothing(pixels in prop::collection::vec(any::<bool>(), 7 * 9)) {
            let mask = Array2::from_shape_vec((7, 9), pixels).unwrap();
            for connectivity in [Connectivity::Four, Connectivity::Eight] {
                let components = Components::new(mask.view(), connectivity);
                let mut out = Array2::from_elem(mask.dim(), false);
                components.keep(&vec![true; components.areas().len()], out.view_mut());
                prop_assert_eq!(&out, &mask);
                prop_assert_eq!(components.areas().iter().sum::<usize>(), mask.iter().filter(|&&m| m).count());
            }
        }
    }
}
