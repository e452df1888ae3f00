//! What can be wrong with a file of weights.

use std::path::PathBuf;

use super::Mismatch;
use crate::recipe::WeightsFormat;

/// A file that gives no weights, or not those of the network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The name tells no format.
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
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what its name says, or is damaged.
    #[error("`{}` {}", path.display(), unlike(*format))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What its name says it is.
        format: WeightsFormat,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file can be read, and no weight is in it.
    #[error("`{}` holds no tensors", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Everything that does not fit is allowed by the recipe, and nothing is left.
    #[error("nothing was loaded from `{}`: none of its keys is in the network, and the recipe's `weights.missing` and \
             `weights.unused` allow that", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
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
