//! `gamma`: applies a gamma curve, `out = in ^ gamma`.
//!
//! | parameter | meaning |
//! |---|---|
//! | `gamma` | above 0, up to 10; below 1 brightens, above 1 darkens |
//!
//! Intensities are in 0..=1. albumentations' `RandomGamma` counts in percent: its 80 is 0.8 here.

use ndarray::Zip;
use pleura_plugin::{Error, Image, ImageMut, Prepare};
use serde::Deserialize;

/// Applies a gamma curve.
pub struct Gamma {
    gamma: f32,
}

/// Parameters of [`Gamma`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    gamma: f32,
}

impl Prepare for Gamma {
    const NAME: &'static str = "gamma";
    type Params = Params;

    fn create(params: Params) -> Result<Self, Error> {
        let gamma = params.gamma;
        if !(gamma > 0.0 && gamma <= 10.0) {
            return Err(format!("`gamma` is {gamma}, expected above 0 and up to 10 (divide percentages by 100)").into());
        }
        Ok(Self { gamma })
    }

    fn apply(&self, image: Image<'_>, mut out: ImageMut<'_>) -> Result<(), Error> {
        // clamped, because a power of a negative number may be NaN
        Zip::from(&mut out).and(image).for_each(|out, &grey| *out = grey.clamp(0.0, 1.0).powf(self.gamma));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    fn apply(gamma: f32, image: &Array2<f32>) -> Array2<f32> {
        let mut out = Array2::from_elem(image.dim(), f32::NAN);
        Gamma::create(Params { gamma }).unwrap().apply(image.view(), out.view_mut()).unwrap();
        out
    }

    #[test]
    fn black_and_white_stay() {
        assert_eq!(apply(2.0, &array![[0.0, 0.5], [1.0, 0.25]]), array![[0.0, 0.25], [1.0, 0.0625]]);
        assert_eq!(apply(0.5, &array![[-0.1, 1.1]]), array![[0.0, 1.0]]);
    }

    proptest! {
        #[test]
        fn the_reciprocal_undoes_it(gamma in 0.5_f32..2.0, grey in 0.0_f32..=1.0) {
            let back = apply(1.0 / gamma, &apply(gamma, &array![[grey]]));
            // two powers in f32, each to an ulp or so; steep near black
            prop_assert!((back[(0, 0)] - grey).abs() < 1e-5);
        }
    }

    #[test]
    fn parameters_are_checked() {
        for gamma in [0.0, -1.0, 80.0, f32::NAN] {
            let error = Gamma::create(Params { gamma }).err().unwrap().0;
            assert!(error.starts_with(&format!("`gamma` is {gamma}, expected above 0 and up to 10")), "{error}");
        }
        assert!(serde_json::from_str::<Params>(r#"{"gama": 1}"#).is_err());
    }
}
