//! A model's files, looked at before ONNX Runtime is given them: how large they are, what they hash to, where they lie.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::digest;
use crate::manifest::{Folder, FolderError};
use crate::onnx;

/// The most bytes that a model may have, its external data included, unless [`super::Options`] say otherwise: 4 GiB.
pub const MAX_MODEL_BYTES: u64 = 4 << 30;

/// An ONNX file that was read once.
pub struct ModelFile {
    path: PathBuf,
    bytes: u64,
    /// In lowercase hexadecimal.
    pub sha256: String,
    /// The files in which it keeps weights, as it names them; or why it is no ONNX model.
    external: Result<Vec<PathBuf>, String>,
}

/// A model's file that is not to be opened.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    #[error("cannot read `{path}`: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is no plain file", path = path.display())]
    NoFile { path: PathBuf },
    #[error(
        "`{path}` has {bytes} bytes{with}, and models of more than {most} are not opened (`Options::max_model_bytes`)",
        path = path.display(), with = if *external { " with its external data" } else { "" }
    )]
    TooLarge { path: PathBuf, bytes: u64, external: bool, most: u64 },
    #[error("`{path}` is not an ONNX model, or not a whole one: {reason}", path = path.display())]
    NotOnnx { path: PathBuf, reason: String },
    #[error("`{path}` keeps weights in another file: {source}", path = path.display())]
    External { path: PathBuf, source: FolderError },
}

impl ModelFile {
    /// Reads a file of at most `most` bytes; a larger one is refused before any of it is read.
    pub fn read(path: &Path, most: u64) -> Result<Self, ModelFileError> {
        let failed = |source| ModelFileError::Read { path: path.into(), source };
        let bytes = size(path)?;
        let too_large = |bytes| ModelFileError::TooLarge { path: path.into(), bytes, external: false, most };
        if bytes > most {
            return Err(too_large(bytes));
        }
        let mut content = Vec::new();
        // The file may have grown since.
        File::open(path)
            .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut content))
            .map_err(failed)?;
        let bytes = content.len() as u64;
        if bytes > most {
            return Err(too_large(bytes));
        }
        let sha256 = digest::hex(&Sha256::digest(&content));
        Ok(Self { path: path.into(), bytes, sha256, external: onnx::external_files(&content) })
    }

    /// Makes sure that the files in which the model keeps weights lie in the manifest's folder, and that all together
    /// have at most `most` bytes. Gives the files.
    pub fn external_data(&self, folder: &Folder, most: u64) -> Result<BTreeSet<PathBuf>, ModelFileError> {
        let path = || self.path.clone();
        let named = self.external.as_ref();
        let named = named.map_err(|reason| ModelFileError::NotOnnx { path: path(), reason: reason.clone() })?;
        // Relative to the model, which is relative to the manifest.
        let beside = self.path.strip_prefix(folder.path()).unwrap_or(&self.path).parent().unwrap_or(Path::new(""));
        let mut bytes = self.bytes;
        let mut files = BTreeSet::new();
        for name in named {
            let outside = |source| ModelFileError::External { path: path(), source };
            let file = folder.resolve(&beside.join(name)).map_err(outside)?;
            bytes = bytes.saturating_add(size(&file)?);
            files.insert(file);
        }
        if bytes > most {
            return Err(ModelFileError::TooLarge { path: path(), bytes, external: true, most });
        }
        Ok(files)
    }
}

/// Bytes of a plain file: opening anything else may wait for ever, or never end.
fn size(path: &Path) -> Result<u64, ModelFileError> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => Ok(file.len()),
        Ok(_) => Err(ModelFileError::NoFile { path: path.into() }),
        Err(source) => Err(ModelFileError::Read { path: path.into(), source }),
    }
}

impl ModelFileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
