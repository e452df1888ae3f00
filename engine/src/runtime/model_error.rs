//! Errors of models.

use std::path::{Path, PathBuf};

use super::verify::Difference;

/// Why a model cannot be opened or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// ONNX Runtime refuses the file, or the device for it.
    #[error(
        "cannot load model `{}`{}", path.display(),
        if wants_memory(source) { ": it does not fit the device's memory; allow more (`--device-memory`)" } else { "" }
    )]
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

/// ONNX Runtime's error without this machine's name and ONNX Runtime's source files, which follow CUDA's own message.
pub(super) fn without_host(error: ort::Error) -> ort::Error {
    match error.message().split_once(" ; GPU=") {
        Some((message, _)) => ort::Error::new(message.to_owned()),
        None => error,
    }
}

pub(super) fn open_error(path: &Path, source: ort::Error) -> ModelError {
    ModelError::Open { path: path.into(), source: without_host(source) }
}

/// An error of TensorRT, with what a user who names a device may not expect.
pub(super) fn asked_for_tensorrt(error: ModelError) -> ModelError {
    match error {
        ModelError::Open { path, source } => {
            let hint = "requested by `runtime.tensorrt`; only `--device auto` falls back to CUDA";
            ModelError::Open { path, source: ort::Error::new(format!("{} ({hint})", source.message().trim_end())) }
        }
        other => other,
    }
}

/// ONNX Runtime has no code for it, only messages: its own arena's, the C++ library's, and those of CUDA and its
/// libraries.
fn wants_memory(error: &ort::Error) -> bool {
    const WORDS: [&str; 5] = ["allocate memory", "bad_alloc", "out of memory", "ALLOC_FAILED", "Available memory of"];
    WORDS.iter().any(|words| error.message().contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_cuda_end_before_the_host_s_name_and_still_count_as_memory() {
        let raw =
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=/src/a.cc ; line=282 ; expr=cudaMalloc(p, n)";
        let source = without_host(ort::Error::new(raw));
        assert_eq!(source.message(), "CUDA failure 2: out of memory");
        let path = || PathBuf::from("a.onnx");
        assert!(ModelError::Run { path: path(), source: without_host(ort::Error::new(raw)) }.is_out_of_memory());
        let text = ModelError::Open { path: path(), source }.to_string();
        assert!(text.ends_with("it does not fit the device's memory; allow more (`--device-memory`)"), "{text}");
    }
}
