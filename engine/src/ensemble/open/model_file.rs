//! Checks a model's files before ONNX Runtime opens them: their size, hash and location.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::bounded::{self, BoundedError};
use crate::digest;
use crate::manifest::{Folder, FolderError};
use crate::onnx::{Skeleton, unsteady};

/// The default size limit of a model, external data included: 4 GiB; see [`crate::ensemble::Options`].
pub const MAX_MODEL_BYTES: u64 = 4 << 30;

/// The maximum number of a model's nodes; large networks have some ten thousand.
const MAX_NODES: u64 = 1_000_000;

/// Why a model's file is not opened.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    #[error("cannot read `{path}`", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "`{path}` has {bytes} bytes{with}, more than the limit of {most} bytes (`--max-model`, \
         `Options::max_model_bytes`)",
        path = path.display(), with = if *external { " with its external data" } else { "" }
    )]
    TooLarge { path: PathBuf, bytes: u64, external: bool, most: u64 },
    #[error(
        "`{path}` holds sparse tensors of {bytes} bytes when dense, more than the limit of {most} bytes \
         (`--max-model`, `Options::max_model_bytes`)", path = path.display()
    )]
    Sparse { path: PathBuf, bytes: u64, most: u64 },
    #[error(
        "`{path}` has functions that call one another: more than {MAX_NODES} nodes when inlined",
        path = path.display()
    )]
    Nodes { path: PathBuf },
    #[error("`{path}` is not a complete ONNX model: {reason}", path = path.display())]
    NotOnnx { path: PathBuf, sha256: String, reason: String },
    #[error(
        "`{path}` is in training form: {node}, so that its results depend on chance or on the other images of a batch; \
         export it after `model.eval()`, without `training=TrainingMode.TRAINING`", path = path.display()
    )]
    TrainingForm { path: PathBuf, node: String },
    #[error("`{path}` keeps weights in another file", path = path.display())]
    External { path: PathBuf, source: FolderError },
}

/// The SHA-256 of a model's file, in lowercase hexadecimal; for a model with external data, of the concatenated digests
/// of all of its files, its own first and the others by name.
///
/// # Errors
/// If the files together have more than `most` bytes, which is checked before any of it is read; if weights are not in
/// `folder`, the manifest's; if the file is not an ONNX model.
pub fn sha256(path: &Path, folder: &Folder, most: u64) -> Result<String, ModelFileError> {
    let content = bounded::read(path, most).map_err(|error| ModelFileError::from_bounded(error, path, most))?;
    let (mut bytes, own) = (content.len() as u64, digest::bytes(&content));
    let skeleton = match Skeleton::read(&content) {
        Ok(skeleton) => skeleton,
        Err(reason) => return Err(ModelFileError::NotOnnx { path: path.into(), sha256: own, reason }),
    };
    if let Some(node) = unsteady(&skeleton, &content) {
        return Err(ModelFileError::TrainingForm { path: path.into(), node });
    }
    drop(content);
    let sparse = skeleton.sparse_bytes();
    if sparse > most {
        return Err(ModelFileError::Sparse { path: path.into(), bytes: sparse, most });
    }
    if skeleton.inlined_nodes() > MAX_NODES {
        return Err(ModelFileError::Nodes { path: path.into() });
    }
    // Relative to the model, which is relative to the manifest.
    let beside = path.strip_prefix(folder.path()).unwrap_or(path).parent().unwrap_or(Path::new(""));
    let mut files = BTreeSet::new();
    for name in skeleton.external_files() {
        let outside = |source| ModelFileError::External { path: path.into(), source };
        let file = folder.resolve(&beside.join(name)).map_err(outside)?;
        let more = bounded::size(&file).map_err(|error| ModelFileError::from_bounded(error, &file, most))?;
        bytes = bytes.saturating_add(more);
        files.insert(file);
    }
    if bytes > most {
        return Err(ModelFileError::TooLarge { path: path.into(), bytes, external: true, most });
    }
    if files.is_empty() {
        return Ok(own);
    }
    let mut digests = own;
    for file in files {
        digests += &digest::file(&file).map_err(|source| ModelFileError::Read { path: file, source })?;
    }
    Ok(digest::bytes(digests))
}

impl ModelFileError {
    /// Converts the error of a file that was not read.
    fn from_bounded(error: BoundedError, path: &Path, most: u64) -> Self {
        let path = path.into();
        match error {
            BoundedError::Io(source) => Self::Read { path, source },
            BoundedError::TooLarge { bytes } => Self::TooLarge { path, bytes, external: false, most },
        }
    }

    /// The SHA-256 of a file that is not an ONNX model: if another one is declared, that is the fault to report.
    pub fn sha256(&self) -> Option<&str> {
        match self {
            Self::NotOnnx { sha256, .. } => Some(sha256),
            _ => None,
        }
    }

    /// Whether this file itself is missing, and not one beside it.
    pub fn is_missing(&self, model: &Path) -> bool {
        matches!(self, Self::Read { path, source } if path == model && source.kind() == io::ErrorKind::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::onnx::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto};

    /// The fault of a model of a few hundred bytes.
    fn fault(graph: GraphProto, functions: Vec<FunctionProto>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let model = ModelProto { graph: Some(graph), functions, ..ModelProto::default() };
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        let folder = Folder::containing(&folder.path().join("ensemble.toml"), false);
        sha256(&path, &folder, MAX_MODEL_BYTES).map_or_else(|error| crate::chain(&error), |_| String::new())
    }

    #[test]
    fn a_few_bytes_that_become_gigabytes_are_not_given_to_onnx_runtime() {
        let sparse = SparseTensorProto {
            values: Some(TensorProto { data_type: 1, ..TensorProto::default() }),
            dims: vec![1 << 20, 1 << 20],
            ..SparseTensorProto::default()
        };
        let graph = GraphProto { sparse_initializer: vec![sparse], ..GraphProto::default() };
        assert!(fault(graph, vec![]).contains("sparse tensors of 4398046511104 bytes"));

        let node = |level: u32| NodeProto { op_type: format!("f{level}"), domain: "d".into(), ..NodeProto::default() };
        let function = |level: u32| FunctionProto {
            name: format!("f{level}"),
            domain: "d".into(),
            node: vec![node(level + 1), node(level + 1)],
            ..FunctionProto::default()
        };
        let doubled = |levels| {
            let graph = GraphProto { node: vec![node(0)], ..GraphProto::default() };
            fault(graph, (0..levels).map(function).collect())
        };
        assert_eq!(doubled(19), "");
        assert!(doubled(20).contains("more than 1000000 nodes when inlined"));
    }
}
