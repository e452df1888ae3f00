//! `clahe`: contrast-limited adaptive histogram equalisation, as OpenCV does it.
//!
//! | parameter | meaning |
//! |---|---|
//! | `clip_limit` | OpenCV's `clipLimit`: a grey value may have this many times its even share of a tile; above 0, up to 256; default: 4 |
//! | `tiles` | `[down, across]`, each 1 to 256; default: `[8, 8]`. OpenCV's `tileGridSize` is (across, down) |
//!
//! Intensities in 0..=1 are first rounded to 8 bits, and the result has 8 bits: pixel for pixel OpenCV's result on the
//! 8-bit image.

use ndarray::Zip;
use pleura_plugin::{Error, Image, ImageMut, Prepare, Size};
use serde::Deserialize;

/// Contrast-limited adaptive histogram equalisation.
pub struct Clahe {
    clip_limit: f64,
    tiles: (usize, usize),
}

/// Parameters of [`Clahe`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(default = "four")]
    clip_limit: f64,
    #[serde(default = "eight_by_eight")]
    tiles: [usize; 2],
}

fn four() -> f64 {
    4.0
}

fn eight_by_eight() -> [usize; 2] {
    [8, 8]
}

impl Prepare for Clahe {
    const NAME: &'static str = "clahe";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let Params { clip_limit, tiles: [down, across] } = params;
        if !(clip_limit > 0.0 && clip_limit <= 256.0) {
            return Err(format!("`clip_limit` is {clip_limit}, expected above 0 and up to 256").into());
        }
        if !(1..=256).contains(&down) || !(1..=256).contains(&across) {
            return Err(format!("`tiles` is [{down}, {across}], expected 1 to 256 each").into());
        }
        Ok(Self { clip_limit, tiles: (down, across) })
    }

    fn apply(&self, image: Image<'_>, mut out: ImageMut<'_>) -> Result<(), Error> {
        let size @ Size { height, width } = image.dim().into();
        // tiles at the border are extended by mirroring, which needs that many pixels
        if height <= self.tiles.0 || width <= self.tiles.1 {
            let (down, across) = self.tiles;
            return Err(format!("an image of {size} is too small for {down}×{across} `tiles`").into());
        }
        let grey = image.mapv(|intensity| (intensity.clamp(0.0, 1.0) * 255.0).round_ties_even() as u8);
        let equal = pleura_image::equalise::clahe(grey.view(), self.clip_limit, self.tiles);
        Zip::from(&mut out).and(&equal).for_each(|out, &grey| *out = f32::from(grey) / 255.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use serde_json::{Value, json};

    use super::*;

    fn create(params: Value) -> Result<Clahe, String> {
        Clahe::create(serde_json::from_value(params).map_err(|e| e.to_string())?).map_err(|e| e.0)
    }

    #[test]
    fn defaults_are_filled_in() {
        let clahe = create(json!({})).unwrap();
        assert_eq!((clahe.clip_limit, clahe.tiles), (4.0, (8, 8)));
    }

    #[test]
    fn parameters_are_checked() {
        let table = [
            (json!({ "clip_limit": 0 }), "`clip_limit` is 0, expected above 0 and up to 256"),
            (json!({ "clip_limit": 257 }), "`clip_limit` is 257, expected above 0 and up to 256"),
            (json!({ "tiles": [0, 8] }), "`tiles` is [0, 8], expected 1 to 256 each"),
            (json!({ "tiles": [8] }), "invalid length 1"),
            (json!({ "tile": 8 }), "unknown field `tile`"),
        ];
        for (params, message) in table {
            let error = create(params).err().unwrap();
            assert!(error.contains(message), "{error}");
        }
        let (small, mut out) = (Array2::zeros((8, 20)), Array2::zeros((8, 20)));
        let error = create(json!({})).unwrap().apply(small.view(), out.view_mut()).unwrap_err();
        assert_eq!(error.0, "an image of 8×20 is too small for 8×8 `tiles`");
    }
}
