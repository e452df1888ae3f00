//! Ensembles of toy networks, in a folder of their own.

use std::path::PathBuf;

use ndarray::Array2;
use pleura::Radiograph;
pub use pleura::chain;
use pleura::ensemble::{Ensemble, Finding};
use pleura::manifest::Exit;
use pleura::runtime::Device;
use tempfile::TempDir;

use super::toy::{Toy, png};

/// A folder with a manifest and its models.
pub struct Case {
    pub folder: TempDir,
    pub manifest: PathBuf,
}

pub const POST: &str = r#"postprocess = [{ plugin = "threshold", params = { above = 0.5 } }]"#;

/// One member of a stage in TOML; `model` is the file's stem, `more` further keys.
pub fn member(stage: &str, model: &str, more: &str) -> String {
    format!(
        "[[{stage}.members]]\nname = \"{model}\"\nmodel = \"{model}.onnx\"\n\
         input = {{ name = \"image\", size = [8, 8], channels = 1 }}\n\
         map = {{ output = \"map\", values = \"probabilities\" }}\n{more}\n"
    )
}

pub fn score() -> &'static str {
    "score = { output = \"score\", values = \"probabilities\" }"
}

impl Case {
    pub fn new(models: &[(&str, Toy)], toml: &str) -> Self {
        super::runtime();
        let folder = tempfile::tempdir().unwrap();
        for (name, toy) in models {
            toy.write(&folder.path().join(format!("{name}.onnx")));
        }
        let manifest = folder.path().join("ensemble.toml");
        std::fs::write(&manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
        Self { folder, manifest }
    }

    /// A classifier `c` that stops scores up to 0.35, and a segmenter `s`; with the manifest's text.
    pub fn two_stages(post: &str) -> (Self, String) {
        let toml = format!(
            "{post}\n[classifier]\ngate = {{ kind = \"score\", above = 0.35 }}\n{}{}",
            member("classifier", "c", score()),
            member("segmenter", "s", "")
        );
        let case = Self::new(&[("c", Toy::default()), ("s", Toy { gain: 0.9, ..Toy::default() })], &toml);
        (case, toml)
    }

    pub fn open(&self, exit: Option<Exit>) -> Ensemble {
        let options = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(exit.is_none());
        let options = if let Some(exit) = exit { options.exit(exit) } else { options };
        options.open(&self.manifest).unwrap_or_else(|e| panic!("{}", chain(&e)))
    }

    pub fn predict(&self, pixels: &Array2<u8>) -> Finding {
        let image = self.image(pixels);
        self.open(None).predict(&image).unwrap_or_else(|e| panic!("{}", chain(&e)))
    }

    pub fn image(&self, pixels: &Array2<u8>) -> Radiograph {
        Radiograph::open(png(self.folder.path(), "image", pixels)).unwrap()
    }
}

pub fn close(a: &Array2<f32>, b: &Array2<f32>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

/// An 8×8 image whose intensities are `v / 255`.
pub fn ramp() -> Array2<u8> {
    Array2::from_shape_fn((8, 8), |(y, x)| (y * 31 + x * 3) as u8)
}

pub fn intensities(pixels: &Array2<u8>) -> Array2<f32> {
    pixels.mapv(|v| f32::from(v) / 255.0)
}
