//! Engine efficiency: the time of bare `Session::run` calls for the same batches, divided by the wall time of a run
//! over files (decode, TTA, postprocessing and CSV included). 1.0 would be an engine without overhead.
//!
//! Run with `cargo bench --bench efficiency`. Each round measures both, one after the other, so that the ratio holds
//! on a noisy machine; the median of the rounds is printed. `PLEURA_DATA` names a folder with `siim/train_dicom`;
//! without it, radiograph-sized PNG files are made.

#[path = "support/unet.rs"]
mod unet;

use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::{Array2, Array4};
use pleura::Radiograph;
use pleura::ensemble::{Ensemble, batch, prepare};
use pleura::runtime::{self, Device, Model, SessionOptions};
use pleura::submission::{SIIM_SIZE, Submission};

const ROUNDS: usize = 9;
const IMAGES: usize = 24;
const BATCH: usize = 2;

const MANIFEST: &str = r#"
schema = 1
name = "efficiency"
output = { size = [1024, 1024] }
postprocess = [
    { plugin = "threshold", params = { above = 0.5 } },
    { plugin = "min-area", params = { area = 800, at = [1024, 1024] } },
    { plugin = "fill-holes" },
]

[[segmenter.members]]
name = "unet-resnet34"
model = "unet.onnx"
input = { name = "image", size = [512, 512], channels = 3, mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }
map = { output = "mask", values = "logits" }
tta = [{ plugin = "flip", params = { axis = "horizontal" } }]
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    runtime::keep_freed_memory();
    let folder = tempfile::tempdir()?;
    unet::resnet34(unet::Draw::default()).write(folder.path().join("unet.onnx"))?;
    std::fs::write(folder.path().join("ensemble.toml"), MANIFEST)?;
    let files = images(folder.path())?;
    let ensemble = Ensemble::options().device(Device::Cpu).batch(BATCH).open(folder.path().join("ensemble.toml"))?;
    let options = SessionOptions { device: Device::Cpu, threads: 0, tensorrt: false, fp16: false, memory: None };
    let model = Model::open(runtime::load(None)?, &folder.path().join("unet.onnx"), options)?;
    let input = seen(&ensemble, &files[..BATCH])?;
    let batches = files.len() * 2 / BATCH; // identity and flip
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let bare = bare(&model, &input, batches)?;
        ensemble.reset_times();
        let whole = whole(&ensemble, &files, &folder.path().join("submission.csv"))?;
        // Model time lost to concurrent work; the rest is time in which no model ran.
        let inside: f64 = ensemble.times().models.values().map(|usage| usage.time.as_secs_f64()).sum();
        // The first round warms up.
        if round > 0 {
            println!(
                "round {round}: bare {bare:.2} s, whole {whole:.2} s (models {inside:.2} s of it), efficiency {:.3}",
                bare / whole
            );
            ratios.push(bare / whole);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "engine efficiency: {:.3} (median of {ROUNDS}, {} images, batch {BATCH})",
        ratios[ROUNDS / 2],
        files.len()
    );
    Ok(())
}

/// A batch as given to the model: the run time depends on the numbers, too.
fn seen(ensemble: &Ensemble, files: &[PathBuf]) -> Result<Array4<f32>, Box<dyn std::error::Error>> {
    let member = &ensemble.manifest().segmenter.members[0];
    let (input, size) = (&member.input, member.input.size.into());
    let look = |file: &PathBuf| -> Result<Array2<f32>, Box<dyn std::error::Error>> {
        Ok(prepare(&Radiograph::open(file)?, member.intensity, size, input.resize))
    };
    let planes: Vec<_> = files.iter().map(look).collect::<Result<_, _>>()?;
    Ok(batch(&planes.iter().map(|plane| plane.view()).collect::<Vec<_>>(), planes.len(), input))
}

/// Seconds of the model's runs alone.
fn bare(model: &Model, input: &Array4<f32>, batches: usize) -> Result<f64, runtime::ModelError> {
    let start = Instant::now();
    for _ in 0..batches {
        model.run("image", input.view().into_dyn(), &["mask"])?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds from files to a CSV.
fn whole(ensemble: &Ensemble, files: &[PathBuf], out: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut submission = Submission::new(SIIM_SIZE);
    ensemble.predict_files(files, |_, finding, _| {
        let finding = finding.map_err(Box::new)?;
        submission.insert(finding.id.clone(), &finding.mask)?;
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    submission.sort();
    submission.write(out)?;
    Ok(start.elapsed().as_secs_f64())
}

fn images(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let data = std::env::var_os("PLEURA_DATA").map_or_else(|| PathBuf::from("../../shared/data"), PathBuf::from);
    let real = data.join("siim/train_dicom");
    if real.is_dir() {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(real)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "dcm"));
        files.sort();
        files.truncate(IMAGES);
        return Ok(files);
    }
    (0..IMAGES)
        .map(|index| {
            let path = folder.join(format!("image{index}.png"));
            let pixel = |x: u32, y: u32| image::Luma([((x / 4 + y / 3 + index as u32 * 40) % 256) as u8]);
            image::GrayImage::from_fn(1024, 1024, pixel).save(&path)?;
            Ok(path)
        })
        .collect()
}
