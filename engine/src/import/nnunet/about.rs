//! `nnunet.json`: an nnU-Net folder in plain words, as `nnunet_to_onnx.py` writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What `nnunet.json` says.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    /// The format's name and version.
    pub format: String,
    pub dataset: String,
    pub configuration: String,
    pub trainer: String,
    pub checkpoint: String,
    pub models: Vec<Fold>,
    pub reader: String,
    pub input: Input,
    pub window: Window,
    /// Axes along which views are mirrored: 0 are rows.
    pub mirror: Vec<usize>,
    pub output: Output,
    pub labels: BTreeMap<String, Label>,
    pub head_labels: Option<Vec<i64>>,
    pub regions_class_order: Option<Vec<i64>>,
    pub postprocessing: Vec<KeepLargest>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Fold {
    pub fold: String,
    pub file: String,
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Input {
    pub name: String,
    pub channels: Vec<Channel>,
    /// (row, column), in the reader's unit.
    pub spacing: [f64; 2],
    pub resample: Resample,
}

#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub name: String,
    pub normalization: Normalization,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Normalization {
    ZScore { nonzero_only: bool },
    Ct { low: f64, high: f64, mean: f64, std: f64 },
    MinMax,
    Rgb,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Resample {
    Spline { order: u32 },
    None,
}

#[derive(Debug, Deserialize)]
pub(super) struct Window {
    pub size: [u32; 2],
    /// The next window's distance, as a share of the window.
    pub step: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Output {
    pub name: String,
    pub heads: usize,
    pub nonlinearity: Nonlinearity,
    pub resample: Resample,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Nonlinearity {
    Softmax,
    Sigmoid,
}

/// A label's value, or those of a region.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Label {
    One(i64),
    Region(Vec<i64>),
}

impl Label {
    /// The values of pixels that have the label.
    pub fn values(&self) -> &[i64] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Region(values) => values,
        }
    }
}

/// A step of nnU-Net's postprocessing.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum KeepLargest {
    KeepLargest { labels: Vec<i64> },
}
