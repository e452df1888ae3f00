//! `flip`: mirrored views.
//!
//! | parameter | meaning |
//! |---|---|
//! | `axis` | `"horizontal"`: left and right exchanged, one view; `"vertical"`: top and bottom, one view; `"both"`: three views, horizontal, vertical, and the two together |

use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};
use pleura_plugin::{Error, Image, ImageMut, Map, MapMut, Tta};
use serde::Deserialize;

/// Mirrored views.
pub struct Flip {
    views: &'static [Mirror],
}

/// Which axes are mirrored.
#[derive(Debug, Clone, Copy)]
struct Mirror {
    columns: bool,
    rows: bool,
}

const HORIZONTAL: Mirror = Mirror { columns: true, rows: false };
const VERTICAL: Mirror = Mirror { columns: false, rows: true };
const BOTH: Mirror = Mirror { columns: true, rows: true };

/// Parameters of [`Flip`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    axis: Axis,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Axis {
    Horizontal,
    Vertical,
    Both,
}

impl Tta for Flip {
    const NAME: &'static str = "flip";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let views: &[Mirror] = match params.axis {
            Axis::Horizontal => &[HORIZONTAL],
            Axis::Vertical => &[VERTICAL],
            Axis::Both => &[HORIZONTAL, VERTICAL, BOTH],
        };
        Ok(Self { views })
    }

    fn views(&self) -> usize {
        self.views.len()
    }

    fn forward(&self, view: usize, image: Image<'_>, out: ImageMut<'_>) -> Result<(), Error> {
        mirror(self.views[view], image, out);
        Ok(())
    }

    fn inverse(&self, view: usize, map: Map<'_>, out: MapMut<'_>) -> Result<(), Error> {
        mirror(self.views[view], map, out);
        Ok(())
    }
}

/// Mirrors an image or a map; it is its own inverse.
fn mirror(mirror: Mirror, image: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let height = image.nrows();
    for (row, mut to) in out.rows_mut().into_iter().enumerate() {
        let from = image.row(if mirror.rows { height - 1 - row } else { row });
        to.assign(&from);
        if mirror.columns {
            reverse(to);
        }
    }
}

fn reverse(mut row: ArrayViewMut1<'_, f32>) {
    let width = row.len();
    match row.as_slice_mut() {
        Some(row) => row.reverse(),
        None => (0..width / 2).for_each(|column| row.swap(column, width - 1 - column)),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn flip(axis: &str) -> Flip {
        Flip::create(serde_json::from_value(json!({ "axis": axis })).unwrap()).unwrap()
    }

    fn forward(flip: &Flip, view: usize, image: &Array2<f32>) -> Array2<f32> {
        let mut out = Array2::from_elem(flip.view_size(view, image.dim().into()), f32::NAN);
        flip.forward(view, image.view(), out.view_mut()).unwrap();
        out
    }

    #[test]
    fn views_are_mirrored() {
        let image = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let horizontal = array![[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]];
        let vertical = array![[4.0, 5.0, 6.0], [1.0, 2.0, 3.0]];
        let both = array![[6.0, 5.0, 4.0], [3.0, 2.0, 1.0]];
        assert_eq!((flip("horizontal").views(), flip("vertical").views(), flip("both").views()), (1, 1, 3));
        assert_eq!(forward(&flip("horizontal"), 0, &image), horizontal);
        assert_eq!(forward(&flip("vertical"), 0, &image), vertical);
        for (view, expected) in [horizontal, vertical, both].iter().enumerate() {
            assert_eq!(&forward(&flip("both"), view, &image), expected);
        }
    }

    proptest! {
        #[test]
        fn flipping_back_changes_nothing((height, width) in (1_usize..9, 1_usize..9), view in 0_usize..3) {
            let image = Array2::from_shape_fn((height, width), |(row, column)| (row * 16 + column) as f32);
            let flip = flip("both");
            let there = forward(&flip, view, &image);
            let mut back = Array2::from_elem(image.dim(), f32::NAN);
            flip.inverse(view, there.view(), back.view_mut()).unwrap();
            prop_assert_eq!(back, image);
        }
    }

    #[test]
    fn parameters_are_checked() {
        let error = serde_json::from_value::<Params>(json!({ "axis": "diagonal" })).unwrap_err().to_string();
        assert_eq!(error, "unknown variant `diagonal`, expected one of `horizontal`, `vertical`, `both`");
        assert!(serde_json::from_value::<Params>(json!({})).is_err());
    }
}
