//! Errors of files of weights.

use std::path::PathBuf;

use super::Mismatch;
use crate::recipe::WeightsFormat;

/// Why a file does not provide the network's weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The name has no known extension.
    #[error(
        "`{}`: unknown file name extension: expected .pth, .pt, .bin or .ckpt (PyTorch), .safetensors or .onnx",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read weights `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file does not have the format of its name, or is damaged.
    #[error("`{}` {}", path.display(), unlike(*format))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format of its name.
        format: WeightsFormat,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file contains no weights.
    #[error("`{}` holds no tensors", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The recipe allows every mismatch, and nothing is left to load.
    #[error("nothing was loaded from `{}`: none of its keys is in the network, and the recipe's `weights.missing` and \
             `weights.unused` allow that", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
    },
    /// A replacement in keys is not a regular expression.
    #[error("weights.rename: cannot read the keys of `{}`", path.display())]
    Rename {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: regex::Error,
    },
    /// The file's keys and shapes are not the network's.
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
}

fn unlike(format: WeightsFormat) -> &'static str {
    match format {
        WeightsFormat::Pytorch => {
            "cannot be read as a PyTorch checkpoint; `torch.save(model.state_dict(), file)` in Python writes one that can"
        }
        WeightsFormat::Safetensors => "cannot be read as safetensors",
        WeightsFormat::Onnx => "cannot be read as an ONNX model",
    }
}
