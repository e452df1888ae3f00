//! Clears the mask within `pixels` of the border.

use ndarray::s;
use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess, export};

/// The plugin; its fields are its parameters.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearBorder {
    pixels: usize,
}

impl Postprocess for ClearBorder {
    const NAME: &'static str = "clear-border";
    type Params = Self;

    fn create(params: Self) -> Result<Self, Error> {
        if params.pixels > 4096 { Err("`pixels` must lie between 0 and 4096".into()) } else { Ok(params) }
    }

    fn apply(&self, _: &Context, _: Map<'_>, mask: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
        let mask = mask.ok_or("needs a mask: put it after `threshold`")?;
        let (height, width, border) = (mask.nrows(), mask.ncols(), self.pixels);
        if 2 * border < height.min(width) {
            let middle = s![border..height - border, border..width - border];
            out.slice_mut(middle).assign(&mask.slice(middle));
        }
        Ok(())
    }
}

export!(postprocess: ClearBorder);
