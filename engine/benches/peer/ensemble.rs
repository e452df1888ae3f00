//! The ensemble that both sides run: five networks of realistic shapes and costs, classifiers and segmenters, whose
//! random weights are adjusted to give outputs like trained ones.
//!
//! What is synthetic: the weights are random, and random networks give nearly the same output for every image. So each
//! network's last layer is scaled and shifted by its outputs on the measured images. A fifth of a classifier's scores
//! are then above 0.5 and half below 0.05, and the classifiers agree as far as their random features do, less than
//! trained ones would; maps have a tenth of their pixels above 0.5. The segmenters' skips are damped, which costs no
//! arithmetic and gives maps of blobs. The outputs determine how many images pass, how soon bounds decide a gate, and
//! how ragged masks are, but nothing else of either side's work.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use pleura::ensemble::{batch, prepare};
use pleura::manifest::{Fit, Input, Intensity, Layout, Normalize, Resize, Unit};
use pleura::runtime::{Device, Loaded, Model, SessionOptions};
use pleura::{Radiograph, Size};

use super::resnet;
use super::unet::{self, Draw};

type Error = Box<dyn std::error::Error>;

/// The number of networks.
const MEMBERS: usize = 5;
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];
/// The share of images that pass the classifiers.
const PASSING: f64 = 0.2;
/// The minimum distance of scores beside the gate: the sides' scores differ by less.
const APART: f32 = 4e-3;
/// The share of a map's pixels above 0.5.
const MARKED: f64 = 0.1;
/// The logit of a median score or pixel: that of 0.05.
const MEDIAN: f32 = -3.0;
/// The number of images from which the spread of a map's pixels is estimated.
const MAPS: usize = 8;

/// The composition of the ensemble.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Height and width of the networks' input.
    pub size: u32,
    /// The number of classifiers among the five; the others are segmenters.
    pub classifiers: usize,
}

impl Shape {
    /// A shape with at least one network per stage.
    pub fn new(size: usize, classifiers: usize) -> Result<Self, Error> {
        if !(1..MEMBERS).contains(&classifiers) {
            return Err(format!("{classifiers} classifiers: 1 to {} leave a segmenter", MEMBERS - 1).into());
        }
        Ok(Self { size: u32::try_from(size)?, classifiers })
    }

    /// Names and seeds.
    fn classifiers(self) -> impl Iterator<Item = (String, u32)> {
        (0..self.classifiers).map(|i| named("classifier", i, 101 * (i + 1)))
    }

    fn segmenters(self) -> impl Iterator<Item = (String, u32)> {
        (0..MEMBERS - self.classifiers).map(|i| named("segmenter", i, 404 + 101 * i))
    }
}

fn named(stage: &str, index: usize, seed: usize) -> (String, u32) {
    (format!("{stage}-{}", ["a", "b", "c", "d"][index]), seed as u32)
}

/// Makes the five networks in a folder.
pub fn make(folder: &Path, files: &[PathBuf], shape: Shape, runtime: &Loaded) -> Result<(), Error> {
    let Shape { size, .. } = shape;
    let side = size as usize;
    let plane = |file| Ok(prepare(&Radiograph::open(file)?, Intensity::Stored, Size::new(side, side), Resize::Linear));
    let planes: Vec<Array2<f32>> = files.iter().map(plane).collect::<Result<_, Error>>()?;
    let mut first: Option<Vec<f32>> = None;
    for (name, seed) in shape.classifiers() {
        let path = folder.join(format!("{name}.onnx"));
        let draw = Draw { seed, ..Draw::default() };
        resnet::resnet34(draw).write(&path)?;
        let logits = answers(&path, "score", &planes, size, runtime)?;
        // The sign of a random feature means nothing: all get the sign of the first.
        let sign = first.as_ref().map_or(1.0, |first| covariance(first, &logits).signum());
        let signed: Vec<f32> = logits.iter().map(|logit| logit * sign).collect();
        let (gain, shift) = spread(signed, 1.0 - PASSING);
        resnet::resnet34(Draw { gain: gain * sign, shift, ..draw }).write(&path)?;
        first.get_or_insert(logits);
    }
    for (name, seed) in shape.segmenters() {
        let path = folder.join(format!("{name}.onnx"));
        let draw = Draw { seed, skips: 0.1, ..Draw::default() };
        unet::resnet34(draw).write(&path)?;
        let logits = answers(&path, "mask", &planes[..planes.len().min(MAPS)], size, runtime)?;
        let (gain, shift) = spread(logits, 1.0 - MARKED);
        unet::resnet34(Draw { gain, shift, ..draw }).write(&path)?;
    }
    Ok(())
}

/// The manifest of the networks in its folder.
pub fn manifest(shape: Shape, gate: f32) -> String {
    let Shape { size, .. } = shape;
    let member = |stage: &str, name: &str, answer: &str| {
        format!(
            "\n[[{stage}.members]]\nname = \"{name}\"\nmodel = \"{name}.onnx\"\n\
             input = {{ name = \"image\", size = [{size}, {size}], channels = 3, mean = {MEAN:?}, std = {STD:?} }}\n{answer}\n\
             tta = [{{ plugin = \"flip\", params = {{ axis = \"horizontal\" }} }}]\n"
        )
    };
    let score = "score = { output = \"score\", values = \"logits\" }";
    let map = "map = { output = \"mask\", values = \"logits\", resize_as = \"probabilities\" }";
    let mut text = format!(
        "schema = 1\nname = \"peer\"\noutput = {{ size = [1024, 1024] }}\npostprocess = [\n    \
         {{ plugin = \"threshold\", params = {{ above = 0.5 }} }},\n    \
         {{ plugin = \"min-area\", params = {{ area = 800, at = [1024, 1024], per_component = true }} }},\n    \
         {{ plugin = \"fill-holes\" }},\n]\n\n[classifier]\ngate = {{ kind = \"score\", above = {gate} }}\n"
    );
    text.extend(shape.classifiers().map(|(name, _)| member("classifier", &name, score)));
    text.extend(shape.segmenters().map(|(name, _)| member("segmenter", &name, map)));
    text
}

/// A gate that [`PASSING`] of the images pass: midway between two scores, or, if these are so close that rounding could
/// decide, between the two above or below them.
pub fn gate(mut scores: Vec<f32>) -> Option<f32> {
    scores.sort_by(f32::total_cmp);
    let rank = ((1.0 - PASSING) * scores.len() as f64).round() as usize;
    let gap = |rank: usize| Some((*scores.get(rank.checked_sub(1)?)?, *scores.get(rank)?));
    let mut gaps = [rank, rank + 1, rank.saturating_sub(1)].into_iter().filter_map(gap);
    gaps.find(|(low, high)| high - low > APART).map(|(low, high)| f32::midpoint(low, high))
}

/// A network's raw outputs for the planes.
fn answers(path: &Path, output: &str, planes: &[Array2<f32>], size: u32, runtime: &Loaded) -> Result<Vec<f32>, Error> {
    let options = SessionOptions { device: Device::Cpu, threads: 0, tensorrt: false, fp16: false, memory: None };
    let model = Model::open(runtime, path, options)?;
    let input = Input {
        name: "image".into(),
        size: [size, size],
        channels: 3,
        layout: Layout::Nchw,
        scale: 1.0,
        mean: MEAN.into(),
        std: STD.into(),
        resize: Resize::Linear,
        fit: Fit::Stretch,
        normalize: Normalize::None,
        unit: Unit::Intensity,
    };
    let mut values = Vec::new();
    for planes in planes.chunks(2) {
        let views: Vec<ArrayView2<'_, f32>> = planes.iter().map(|plane| plane.view()).collect();
        let tensor = batch(&views, views.len(), &input);
        values.extend(model.run("image", tensor.view().into_dyn(), &[output])?.iter().flatten());
    }
    Ok(values)
}

/// Gain and shift of logits that move their quantile `middle` to 0 and their median to [`MEDIAN`].
fn spread(mut logits: Vec<f32>, middle: f64) -> (f32, f32) {
    logits.sort_by(f32::total_cmp);
    let quantile = |share: f64| logits[(share * (logits.len() - 1) as f64).round() as usize];
    let gain = MEDIAN / (quantile(0.5) - quantile(middle));
    (gain, -gain * quantile(middle))
}

fn covariance(a: &[f32], b: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum()
}
