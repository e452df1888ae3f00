//! nnU-Net's own answers, and how far an import's differ.

use std::fs::File;
use std::path::Path;

use ndarray::{Array2, ArrayD, Axis};
use ndarray_npy::NpzReader;

use super::Target;
use crate::Mask;
use crate::ensemble::Finding;
use crate::import::ImportError;

/// The array of nnU-Net's `--save_probabilities`.
const ARRAY: &str = "probabilities";

/// nnU-Net's own answer to an image.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The label's probability, (height, width), from NAME.npz.
    pub map: Option<Array2<f32>>,
    /// The label's pixels, (height, width), from NAME.png.
    pub mask: Option<Array2<bool>>,
}

/// How far an answer differs from nnU-Net's own.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Difference {
    /// The largest difference of a pixel's probability.
    pub probability: Option<f32>,
    /// Pixels of the mask that differ, and how many there are.
    pub pixels: Option<(usize, usize)>,
}

impl Expected {
    /// nnU-Net's answer to the image of a name in a folder of its predictions; `None` if there is none.
    ///
    /// # Errors
    /// If a file cannot be read, or does not hold the heads of the target.
    pub fn read(folder: &Path, name: &str, target: &Target) -> Result<Option<Self>, ImportError> {
        let (npz, png) = (folder.join(format!("{name}.npz")), folder.join(format!("{name}.png")));
        let map = npz.is_file().then(|| probability(&npz, target)).transpose()?;
        let mask = png.is_file().then(|| pixels(&png, target)).transpose()?;
        Ok((map.is_some() || mask.is_some()).then_some(Self { map, mask }))
    }

    /// Compares it with a finding whose map was kept.
    ///
    /// # Errors
    /// If the two differ in size.
    pub fn compare(&self, finding: &Finding) -> Result<Difference, String> {
        let size = finding.mask.size();
        let sizes = self.map.as_ref().map(Array2::dim).into_iter().chain(self.mask.as_ref().map(Array2::dim));
        if let Some(other) = sizes.into_iter().find(|other| *other != size.dim()) {
            return Err(format!("expected an answer of {}×{} pixels, found {size}", other.0, other.1));
        }
        let probability = match (&self.map, &finding.map) {
            (Some(expected), Some(found)) => {
                Some(expected.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
            }
            _ => None,
        };
        let differ = |expected: &Array2<bool>, found: &Mask| {
            expected.iter().zip(found.pixels()).filter(|(expected, found)| expected != found).count()
        };
        let pixels = self.mask.as_ref().map(|mask| (differ(mask, &finding.mask), mask.len()));
        Ok(Difference { probability, pixels })
    }
}

/// The target's probability: of its heads the highest; where it competes, against the likeliest other head alone.
fn probability(path: &Path, target: &Target) -> Result<Array2<f32>, ImportError> {
    let wrong = |message: String| ImportError::Format {
        path: path.into(),
        expected: "a file of nnU-Net's `--save_probabilities`",
        message,
    };
    let file = File::open(path).map_err(|source| ImportError::Read { path: path.into(), source })?;
    let mut npz = NpzReader::new(file).map_err(|error| wrong(error.to_string()))?;
    let heads: ArrayD<f32> = match npz.by_name(ARRAY) {
        Ok(heads) => heads,
        Err(error) => {
            let wide: Result<ArrayD<f64>, _> = npz.by_name(ARRAY);
            wide.map_err(|_| wrong(error.to_string()))?.mapv(|p| p as f32)
        }
    };
    let planes: Vec<_> = heads.axis_iter(Axis(0)).collect();
    if let Some(head) = target.heads.iter().find(|head| **head >= planes.len()) {
        return Err(wrong(format!("it has {} heads, and not number {head}", planes.len())));
    }
    let (height, width) = match heads.shape() {
        [_, 1, height, width] | [_, height, width] => (*height, *width),
        shape => return Err(wrong(format!("expected probabilities of (heads, 1, height, width), found {shape:?}"))),
    };
    let highest = |wanted: bool| {
        let some = planes.iter().enumerate().filter(|(head, _)| target.heads.contains(head) == wanted);
        let mut highest = vec![0.0_f32; height * width];
        some.for_each(|(_, plane)| highest.iter_mut().zip(plane).for_each(|(highest, &p)| *highest = highest.max(p)));
        highest
    };
    let mut found = highest(true);
    if target.competes {
        found.iter_mut().zip(highest(false)).for_each(|(p, other)| *p /= *p + other);
    }
    Array2::from_shape_vec((height, width), found).map_err(|error| wrong(error.to_string()))
}

/// Where a mask of labels has the target's values.
fn pixels(path: &Path, target: &Target) -> Result<Array2<bool>, ImportError> {
    let wrong = |error: image::ImageError| ImportError::Format {
        path: path.into(),
        expected: "a mask of labels as PNG",
        message: error.to_string(),
    };
    let labels = image::open(path).map_err(wrong)?.to_luma8();
    let size = (labels.height() as usize, labels.width() as usize);
    let is_target = |(y, x)| target.values.contains(&i64::from(labels.get_pixel(x as u32, y as u32).0[0]));
    Ok(Array2::from_shape_fn(size, is_target))
}
