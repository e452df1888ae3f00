//! Makes a manifest of a network as another tool describes it: its preparation, its outputs, its postprocessing.
//!
//! | source | from |
//! |---|---|
//! | [`nnunet`] | a folder that `nnunet_to_onnx.py` ([`nnunet::SCRIPT`]) wrote where nnU-Net is |
//! | [`encoder`] | an ONNX file of segmentation_models_pytorch or timm, and its preprocessing as JSON |
//! | [`torchxrayvision`] | an ONNX file of a torchxrayvision classifier |
//!
//! What a manifest cannot say exactly is refused, by name.

pub mod encoder;
mod error;
pub mod nnunet;
#[cfg(test)]
mod tests;
mod text;
pub mod torchxrayvision;

use std::path::{Path, PathBuf};

use crate::manifest::Manifest;

pub use error::ImportError;

/// A manifest, and the models that belong beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The manifest as TOML.
    pub manifest: String,
    /// The ONNX files, which the manifest names by their file names.
    pub models: Vec<PathBuf>,
    /// What the import could not know, or left out: a sentence each.
    pub remarks: Vec<String>,
}

impl Imported {
    /// Writes `ensemble.toml` and copies of the models into a folder, which is created; the manifest's path.
    ///
    /// # Errors
    /// If the manifest exists already, or a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, ImportError> {
        let path = folder.join("ensemble.toml");
        Manifest::parse(&self.manifest, &path).map_err(Box::new)?;
        if path.exists() {
            return Err(ImportError::Exists(path));
        }
        std::fs::create_dir_all(folder).map_err(|source| ImportError::write(folder, source))?;
        for model in &self.models {
            let Some(name) = model.file_name() else { continue };
            let target = folder.join(name);
            let is_there =
                || target.canonicalize().is_ok_and(|target| model.canonicalize().is_ok_and(|it| it == target));
            if !is_there() {
                std::fs::copy(model, &target).map_err(|source| ImportError::write(&target, source))?;
            }
        }
        let written = crate::atomic::beside(&path).and_then(|mut file| {
            std::io::Write::write_all(&mut file, self.manifest.as_bytes())?;
            crate::atomic::place(file, &path)
        });
        written.map_err(|source| ImportError::write(&path, source))?;
        Ok(path)
    }
}
