//! The ensemble that both sides run: two classifiers and three segmenters of the real shapes and costs, whose random
//! weights are made to answer as trained ones do.
//!
//! What is synthetic: the weights are random, and random networks answer nearly the same to every image. So each
//! network's last layer is scaled and shifted, by what it says of the very images that are measured: scores then spread
//! over nearly all of 0..1, a fifth of them above the middle, and two classifiers agree as far as their random features do;
//! maps have a tenth of their pixels above 0.5. The segmenters' skips are damped, which costs no arithmetic and makes maps
//! of blobs. Neither side's work depends on what the numbers are, but for how many images pass and how soon bounds settle
//! a gate, which is what the spread is for.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use pleura::Radiograph;
use pleura::ensemble::{batch, prepare};
use pleura::manifest::{Input, Intensity, Layout, Resize};
use pleura::runtime::{Device, Loaded, Model, SessionOptions};

use super::resnet;
use super::unet::{self, Draw};

type Error = Box<dyn std::error::Error>;

const CLASSIFIERS: [(&str, u32); 2] = [("classifier-a", 101), ("classifier-b", 202)];
const SEGMENTERS: [(&str, u32); 3] = [("segmenter-a", 303), ("segmenter-b", 404), ("segmenter-c", 505)];
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];
/// Of the images, which share is to pass the classifiers.
pub const PASSING: f64 = 0.2;
/// Of a map's pixels, which share is above 0.5.
const MARKED: f64 = 0.1;
/// The logit of 0.98.
const SURE: f32 = 3.9;
/// So many images tell the spread of a map's pixels.
const MAPS: usize = 8;

/// Makes the five networks in a folder, for images of `size`² pixels.
pub fn make(folder: &Path, files: &[PathBuf], size: u32, runtime: &Loaded) -> Result<(), Error> {
    let side = size as usize;
    let plane = |file| Ok(prepare(&Radiograph::open(file)?, Intensity::Stored, (side, side), Resize::Linear));
    let planes: Vec<Array2<f32>> = files.iter().map(plane).collect::<Result<_, Error>>()?;
    let mut first: Option<Vec<f32>> = None;
    for (name, seed) in CLASSIFIERS {
        let path = folder.join(format!("{name}.onnx"));
        let draw = Draw { seed, ..Draw::default() };
        resnet::resnet34(draw).write(&path)?;
        let logits = answers(&path, "score", &planes, size, runtime)?;
        // Which way a random feature goes means nothing: all go as the first does.
        let sign = first.as_ref().map_or(1.0, |first| covariance(first, &logits).signum());
        let (gain, shift) =
            spread(&logits.iter().map(|logit| logit * sign).collect::<Vec<_>>(), 0.05, 1.0 - PASSING, 0.95);
        resnet::resnet34(Draw { gain: gain * sign, shift, ..draw }).write(&path)?;
        first.get_or_insert(logits);
    }
    for (name, seed) in SEGMENTERS {
        let path = folder.join(format!("{name}.onnx"));
        let draw = Draw { seed, skips: 0.1, ..Draw::default() };
        unet::resnet34(draw).write(&path)?;
        let logits = answers(&path, "mask", &planes[..planes.len().min(MAPS)], size, runtime)?;
        let (gain, shift) = spread(&logits, 0.05, 1.0 - MARKED, 0.99);
        unet::resnet34(Draw { gain, shift, ..draw }).write(&path)?;
    }
    Ok(())
}

/// The manifest of the networks in its folder.
pub fn manifest(size: u32, gate: f32) -> String {
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
    text.extend(CLASSIFIERS.iter().map(|(name, _)| member("classifier", name, score)));
    text.extend(SEGMENTERS.iter().map(|(name, _)| member("segmenter", name, map)));
    text
}

/// A gate that [`PASSING`] of the images pass: in the middle of the widest gap between two scores there or next to it, so
/// that no rounding decides.
pub fn gate(mut scores: Vec<f32>) -> f32 {
    scores.sort_by(f32::total_cmp);
    let last = scores.len() - 1;
    let rank = ((1.0 - PASSING) * scores.len() as f64).round() as usize;
    let gap = |rank: usize| (scores[rank - 1], scores[rank]);
    let near = (rank.saturating_sub(1).max(1)..=(rank + 1).min(last)).map(gap);
    let (low, high) = near.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0))).unwrap_or((0.0, 1.0));
    f32::midpoint(low, high)
}

/// All that a network says of the planes, unchanged.
fn answers(path: &Path, output: &str, planes: &[Array2<f32>], size: u32, runtime: &Loaded) -> Result<Vec<f32>, Error> {
    let options = SessionOptions { device: Device::Cpu, threads: 0, tensorrt: false, fp16: false };
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
    };
    let mut values = Vec::new();
    for planes in planes.chunks(2) {
        let views: Vec<ArrayView2<'_, f32>> = planes.iter().map(|plane| plane.view()).collect();
        let tensor = batch(&views, views.len(), &input);
        values.extend(model.run("image", tensor.view().into_dyn(), &[output])?.iter().flatten());
    }
    Ok(values)
}

/// Gain and shift of logits: the quantile `middle` comes to 0, and from `low` to `high` is from -[`SURE`] to [`SURE`] wide.
fn spread(logits: &[f32], low: f64, middle: f64, high: f64) -> (f32, f32) {
    let mut sorted = logits.to_vec();
    sorted.sort_by(f32::total_cmp);
    let quantile = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
    let gain = 2.0 * SURE / (quantile(high) - quantile(low));
    (gain, -gain * quantile(middle))
}

fn covariance(a: &[f32], b: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum()
}
