//! Smaller, faster variants of an ensemble: half precision, and 8 bits.
//!
//! An [`Optimizer`] observes an ensemble's networks while they run on images, and then writes a variant of the
//! ensemble: the manifest with its comments, and each network in another [`Form`]. Nothing is refused: a network or
//! node that cannot be changed, or would lose accuracy, is kept, and a [`Note`] reports it. [`compare`] measures the
//! cost.

mod compare;
mod elements;
mod error;
mod fold;
mod folder;
mod graph;
mod half;
mod int8;
mod network;
mod note;
mod ranges;
mod tidy;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml_edit::DocumentMut;

pub use compare::{Answers, Comparison, Truth, compare};
pub use error::OptimizeError;
pub use network::Written;
pub use note::Note;

use crate::ensemble::model_file;
use crate::ensemble::{Decision, Ensemble, Finding, ImageError};
use crate::manifest::{self, Folder, Manifest};
use crate::{Radiograph, atomic, chain};
use folder::Layout;
use network::Network;

/// The number format of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// 16-bit floats.
    Fp16,
    /// 8-bit integers.
    Int8,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
        })
    }
}

/// An ensemble whose networks are being calibrated.
pub struct Optimizer<'e> {
    ensemble: &'e Ensemble,
    networks: Vec<Network>,
}

/// A variant of an ensemble, as written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// Its number format.
    pub form: Form,
    /// The manifest.
    pub manifest: PathBuf,
    /// The result for each network.
    pub models: Vec<Written>,
}

impl<'e> Optimizer<'e> {
    /// Opens an ensemble's networks again, with the bounds of their values as outputs.
    ///
    /// # Errors
    /// If one cannot be read or opened.
    pub fn new(ensemble: &'e Ensemble) -> Result<Self, OptimizeError> {
        let networks = ensemble.networks().into_iter().map(Network::open).collect::<Result<_, _>>()?;
        Ok(Self { ensemble, networks })
    }

    /// Runs the networks on an image, prepared as for the ensemble's members. Segmenters run on images that passed the
    /// classifiers' gate according to `finding`, or on all if `everything` is true.
    ///
    /// # Errors
    /// If the image cannot be prepared, or a network fails.
    pub fn calibrate(
        &mut self,
        radiograph: &Radiograph,
        finding: &Finding,
        everything: bool,
    ) -> Result<(), OptimizeError> {
        let segmented = everything || finding.decision != Decision::ClassifierGate;
        let networks = &mut self.networks;
        let shown = self.ensemble.fed(radiograph, finding, segmented, |fed| {
            let network = networks.iter_mut().find(|network| network.file() == fed.file);
            network.map_or(Ok(()), |network| network.look(fed)).map_err(Failed::Model)
        });
        shown.map_err(|failed| match failed {
            Failed::Model(error) => error.into(),
            Failed::Image(source) => OptimizeError::Image { id: radiograph.id().to_owned(), source: Box::new(source) },
        })
    }

    /// Whether some network has seen no image, because none passed the gate before it.
    #[must_use]
    pub fn lacks_images(&self) -> bool {
        self.networks.iter().any(|network| network.fed == 0)
    }

    /// Ends calibration.
    pub fn calibrated(&mut self) {
        self.networks.iter_mut().for_each(Network::seen);
    }

    /// Writes a variant of the ensemble into a folder. Files of the same names are replaced.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn write(&self, form: Form, folder: &Path) -> Result<Variant, OptimizeError> {
        let mut models = Vec::new();
        let manifest = self.write_with(folder, |file, to| {
            models.extend(self.write_model(form, file, folder, to)?);
            Ok(())
        })?;
        Ok(Variant { form, manifest, models })
    }

    /// Whether the ensemble runs on the CPU, where a half-precision network gives other results than on a GPU.
    #[must_use]
    pub fn on_cpu(&self) -> bool {
        self.networks.iter().any(Network::on_cpu)
    }

    /// Writes an ensemble whose results on a CPU equal those of the half-precision variant on hardware with halves:
    /// every value is rounded to a half, and computed in single precision. For comparison only. Returns its manifest.
    ///
    /// # Errors
    /// As [`Optimizer::write`].
    pub fn write_rounding(&self, folder: &Path) -> Result<PathBuf, OptimizeError> {
        self.write_with(folder, |file, to| {
            let target = folder.join(to);
            match self.networks.iter().find(|network| network.file() == file) {
                Some(network) => network.write_rounding(&target),
                None if file.is_file() => folder::copy_model(file, &target),
                None => Ok(()),
            }
        })
    }

    /// Writes the ensemble into a folder, with `write` for each model (its file and its new place); returns the
    /// manifest.
    fn write_with(
        &self,
        folder: &Path,
        mut write: impl FnMut(&Path, &Path) -> Result<(), OptimizeError>,
    ) -> Result<PathBuf, OptimizeError> {
        let source = self.ensemble.path();
        let failed = |message: String| OptimizeError::Manifest { path: source.into(), message };
        let text = manifest::written_out(source).map_err(|error| failed(chain(&error)))?.text;
        let mut document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| failed(error.to_string()))?;
        let home = source.parent().unwrap_or(Path::new(""));
        let layout = Layout::plan(&document, home);
        let manifest = folder.join(source.file_name().unwrap_or_default());
        let mut sums = BTreeMap::new();
        for (named, to) in &layout.models {
            let target = folder.join(to);
            make_folder(&target)?;
            write(&home.join(named), to)?;
            if target.is_file() {
                // A file outside has been allowed, or the ensemble would not be open.
                let sum = model_file::sha256(&target, &Folder::containing(&manifest, true), u64::MAX);
                sums.insert(named.clone(), sum.map_err(|error| failed(error.to_string()))?);
            }
        }
        for (library, to) in layout.plugins.values() {
            let target = folder.join(to);
            make_folder(&target)?;
            folder::copy(library, &target)?;
        }
        layout.rewrite(&mut document, &sums);
        let text = document.to_string();
        Manifest::parse(&text, &manifest).map_err(|error| failed(error.to_string()))?;
        let written = || -> std::io::Result<()> {
            let mut temporary = atomic::beside(&manifest)?;
            temporary.write_all(text.as_bytes())?;
            atomic::place(temporary, &manifest)
        };
        written().map_err(OptimizeError::file("write", &manifest))?;
        Ok(manifest)
    }

    /// Writes one model; `None` if the file does not exist, and no member runs it.
    fn write_model(&self, form: Form, file: &Path, folder: &Path, to: &Path) -> Result<Option<Written>, OptimizeError> {
        if let Some(network) = self.networks.iter().find(|network| network.file() == file) {
            return network.write(form, folder, to).map(Some);
        }
        let Ok(found) = std::fs::metadata(file) else { return Ok(None) };
        folder::copy_model(file, &folder.join(to))?;
        let stack = self.ensemble.files().any(|(path, _)| path == file);
        let why = if stack { "it is a small merge model" } else { "its member has weight 0 and does not run" };
        Ok(Some(Written {
            file: file.into(),
            to: to.into(),
            bytes_before: found.len(),
            bytes_after: found.len(),
            seconds_before: None,
            seconds_after: None,
            fed: 0,
            notes: vec![Note::AsIs { why: why.into() }],
        }))
    }
}

/// Errors while calibrating on an image.
enum Failed {
    Image(ImageError),
    Model(crate::runtime::ModelError),
}

impl From<ImageError> for Failed {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

fn make_folder(file: &Path) -> Result<(), OptimizeError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(OptimizeError::file("make the folder", folder))
}
