//! Errors of models.

use std::path::PathBuf;

use super::verify::Difference;

/// Why a model cannot be opened or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// ONNX Runtime refuses the file, or the device for it.
    #[error("cannot load model `{}`", path.display())]
    Open {
        /// The ONNX file.
        path: PathBuf,
        /// ONNX Runtime's message.
        source: ort::Error,
    },
    /// A run failed.
    #[error("model `{}` {}", path.display(), if wants_memory(source) { "ran out of memory" } else { "failed" })]
    Run {
        /// The ONNX file.
        path: PathBuf,
        /// ONNX Runtime's message.
        source: ort::Error,
    },
    /// The model does not match the manifest.
    #[error("model `{}` does not match its member's `{key}`: {message}", path.display())]
    Mismatch {
        /// The ONNX file.
        path: PathBuf,
        /// The key that does not match.
        key: &'static str,
        /// What does not match, and what to do.
        message: String,
    },
    /// The model has no such output.
    #[error("model `{}` has no output `{name}`", path.display())]
    NoOutput {
        /// The ONNX file.
        path: PathBuf,
        /// The requested output.
        name: String,
    },
    /// Its results on a device are not the CPU's.
    #[error(
        "model `{}` gives other results on {} than on the CPU, {}: output `{}` differs by {:.2e}, more than the tolerance \
         of {}; use another device (`--device cpu`), another driver or another ONNX Runtime, or raise the manifest's \
         `runtime.tolerance`",
        path.display(), difference.device, difference.nodes, difference.output, difference.size, difference.tolerance
    )]
    Differs {
        /// The ONNX file.
        path: PathBuf,
        /// What differs, by how much, and where it begins.
        difference: Box<Difference>,
    },
}

impl ModelError {
    /// Whether a run needed more memory than there was.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Run { source, .. } if wants_memory(source))
    }
}

/// ONNX Runtime has no code for it, only messages: its own arena's, the C++ library's, and those of CUDA and its
/// libraries.
fn wants_memory(error: &ort::Error) -> bool {
    const WORDS: [&str; 5] = ["allocate memory", "bad_alloc", "out of memory", "ALLOC_FAILED", "Available memory of"];
    WORDS.iter().any(|words| error.message().contains(words))
}
