//! segmentation_models_pytorch and timm: an ONNX file, and its preprocessing as their own functions give it.
//!
//! | source | the JSON is |
//! |---|---|
//! | segmentation_models_pytorch | `smp.encoders.get_preprocessing_params(ENCODER, WEIGHTS)` |
//! | timm | `timm.data.resolve_model_data_config(MODEL)` |

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ImportError;
use super::text::{json, numbers};
use crate::models::{self, Known};

const EXPECTED: &str = "a dictionary of smp's `get_preprocessing_params` or of timm's `resolve_model_data_config`";

/// A preprocessing dictionary of either.
#[derive(Debug, Deserialize)]
struct Preprocessing {
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
    /// smp: the range before mean and standard deviation.
    input_range: Option<[f64; 2]>,
    /// smp: the order of the channels, which a grey image does not have.
    #[serde(rename = "input_space")]
    _space: Option<String>,
    /// timm: channels, height, width.
    input_size: Option<[u32; 3]>,
    interpolation: Option<String>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
}

/// What is imported besides the network's own graph.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// (height, width) of the input; default: that of the preprocessing, or of the graph.
    pub size: Option<[u32; 2]>,
    /// The channel of the outputs that is wanted, counted from 0.
    pub channel: Option<u32>,
}

/// A member of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The member as TOML.
    pub member: String,
    /// Whether it has a map, and belongs to the segmenter.
    pub has_map: bool,
    /// What is not exactly as the source does it: a sentence each.
    pub remarks: Vec<String>,
}

impl Imported {
    /// A whole manifest of one segmenter, whose mask is what is above 0.5.
    #[must_use]
    pub fn ensemble(&self, model: &Path) -> Option<super::Imported> {
        let name = super::text::quoted(&model.file_stem()?.to_string_lossy());
        let head = format!("schema = 1\nname = {name}\n\n[[postprocess]]\nplugin = \"threshold\"\n");
        let manifest = format!("{head}params = {{ above = 0.5 }}\n\n{}", self.member);
        let models = vec![PathBuf::from(model)];
        self.has_map.then(|| super::Imported { manifest, models, remarks: self.remarks.clone() })
    }
}

/// Makes a member of a network and its preprocessing.
///
/// # Errors
/// If a file cannot be read, or a manifest cannot say the preprocessing exactly.
pub fn import(model: &Path, preprocessing: &Path, options: &Options) -> Result<Imported, ImportError> {
    let about: Preprocessing = json(preprocessing, EXPECTED)?;
    if about.mean.is_none() && about.input_range.is_none() && about.crop_pct.is_none() {
        let message = "it has neither `mean`, `input_range` nor `crop_pct`".into();
        return Err(ImportError::Format { path: preprocessing.into(), expected: EXPECTED, message });
    }
    let refused = |field, message: String| Err(ImportError::field(preprocessing, field, message));
    let mut remarks = Vec::new();
    let size = options.size.or(about.input_size.map(|[_, height, width]| [height, width]));
    let scale = match about.input_range {
        None | Some([0.0, 1.0]) => "1",
        Some([0.0, 255.0]) => "255",
        Some(range) => return refused("input_range", format!("expected [0, 1] or [0, 255], found {range:?}")),
    };
    let mut preparation = vec![format!("input.scale = {scale}")];
    preparation.extend(about.mean.as_deref().map(|mean| format!("input.mean = {}", numbers(mean))));
    preparation.extend(about.std.as_deref().map(|std| format!("input.std = {}", numbers(std))));
    if let Some(interpolation) = &about.interpolation {
        match interpolation.as_str() {
            "bicubic" => preparation.push("input.resize = \"cubic-antialias\"".into()),
            "bilinear" => preparation.push("input.resize = \"linear-antialias\"".into()),
            other => return refused("interpolation", format!("expected bicubic or bilinear, found {other}")),
        }
        remarks.push("timm rounds the resized image to 8 bits, and a manifest does not".into());
    } else {
        remarks.push("the preprocessing does not say how images are resized: `input.resize` is linear".into());
    }
    if let Some(crop) = about.crop_pct {
        let Some([height, width]) = size else {
            return refused("input_size", "expected it beside `crop_pct`".into());
        };
        let fitted = fit(&about, crop, [height, width]);
        preparation.extend(fitted.map_err(|(field, message)| ImportError::field(preprocessing, field, message))?);
    }
    let known = Known { size, preparation, channel: options.channel, score_values: None };
    let (member, has_map) = super::text::member(model, &models::describe(model)?, &known)?;
    Ok(Imported { member, has_map, remarks })
}

/// The keys of timm's crop.
fn fit(about: &Preprocessing, crop: f64, [height, width]: [u32; 2]) -> Result<Option<String>, (&'static str, String)> {
    let mode = about.crop_mode.as_deref().unwrap_or("center");
    let means = about.mean.as_deref().unwrap_or_default();
    match mode {
        "center" if height == width => {
            let short = (f64::from(height) / crop).floor();
            Ok(Some(format!("input.fit = {{ kind = \"center-crop\", short_side = {short} }}")))
        }
        "center" => Err(("input_size", "timm's centre of an input that is not square cannot be said".into())),
        _ if crop != 1.0 => Err(("crop_pct", format!("expected 1 with the mode {mode}, found {crop}"))),
        "squash" => Ok(None),
        "border" if means.iter().all(|mean| *mean == means[0]) => {
            let border = super::text::number(means.first().copied().unwrap_or(0.0));
            Ok(Some(format!("input.fit = {{ kind = \"letterbox\", border = {border} }}")))
        }
        "border" => Err(("crop_mode", "timm's border has a colour, which a grey image has not".into())),
        other => Err(("crop_mode", format!("expected center, squash or border, found {other}"))),
    }
}
