//! `dilate`: dilates a mask by a disk.
//!
//! | parameter | meaning |
//! |---|---|
//! | `radius` | pixels of the map; 1 to 255. A pixel is marked if a marked one lies at dx² + dy² <= radius² |
//!
//! The disk is scikit-image's `disk(radius)`.

use ndarray::ArrayView1;
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
use serde::Deserialize;

use crate::params::needed;

/// Dilates a mask by a disk.
pub struct Dilate {
    /// Half the disk's width, without its centre, at each distance from its middle row.
    reach: Vec<usize>,
}

/// Parameters of [`Dilate`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    radius: u64,
}

impl Postprocess for Dilate {
    const NAME: &'static str = "dilate";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let Ok(radius @ 1..) = u8::try_from(params.radius).map(usize::from) else {
            return Err(format!("`radius` is {}, expected 1 to 255", params.radius).into());
        };
        Ok(Self { reach: (0..=radius).map(|dy| (radius * radius - dy * dy).isqrt()).collect() })
    }

    fn apply(&self, _: &Context, _: Map<'_>, mask: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        let mask = needed(mask)?;
        let (height, width) = mask.dim();
        for (row, pixels) in mask.rows().into_iter().enumerate() {
            for (start, end) in runs(pixels) {
                for near in row.saturating_sub(self.reach.len() - 1)..(row + self.reach.len()).min(height) {
                    let reach = self.reach[row.abs_diff(near)];
                    let grown = start.saturating_sub(reach)..(end + reach).min(width);
                    out.row_mut(near).slice_mut(ndarray::s![grown]).fill(true);
                }
            }
        }
        Ok(())
    }
}

/// The runs of marked pixels in a row: first, and one past the last.
fn runs(row: ArrayView1<'_, bool>) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for column in row.iter().enumerate().filter(|&(_, &marked)| marked).map(|(column, _)| column) {
        match runs.last_mut() {
            Some(last) if last.1 == column => last.1 += 1,
            _ => runs.push((column, column + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use pleura_image::regions::drawn;
    use proptest::prelude::*;

    use super::*;

    fn dilate(radius: u64, mask: &Array2<bool>) -> Array2<bool> {
        let context = Context::new("", mask.dim().into());
        let (map, mut out) = (Array2::zeros(mask.dim()), Array2::from_elem(mask.dim(), false));
        let step = Dilate::create(Params { radius }).unwrap();
        step.apply(&context, map.view(), Some(mask.view()), out.view_mut()).unwrap();
        out
    }

    #[test]
    fn the_disk_is_the_usual_one() {
        let mut point = Array2::from_elem((7, 7), false);
        point[(3, 3)] = true;
        let one = [".......", ".......", "...#...", "..###..", "...#...", ".......", "......."];
        let three = ["...#...", ".#####.", ".#####.", "#######", ".#####.", ".#####.", "...#..."];
        assert_eq!(dilate(1, &point), drawn(&one));
        assert_eq!(dilate(3, &point), drawn(&three));
        assert_eq!(dilate(2, &drawn(&["#..."])), drawn(&["###."]));
    }

    proptest! {
        #[test]
        fn marks_what_is_near(pixels in prop::collection::vec(prop::bool::weighted(0.1), 9 * 11), radius in 1_u64..6) {
            let mask = Array2::from_shape_vec((9, 11), pixels).unwrap();
            let near = |(row, column): (usize, usize)| {
                let distance = |(r, c): (usize, usize)| (row.abs_diff(r).pow(2) + column.abs_diff(c).pow(2)) as u64;
                mask.indexed_iter().any(|(place, &marked)| marked && distance(place) <= radius * radius)
            };
            prop_assert_eq!(dilate(radius, &mask), Array2::from_shape_fn(mask.dim(), near));
        }
    }

    #[test]
    fn parameters_are_checked() {
        for radius in [0, 256] {
            let error = Dilate::create(Params { radius }).err().unwrap();
            assert_eq!(error.0, format!("`radius` is {radius}, expected 1 to 255"));
        }
    }
}
