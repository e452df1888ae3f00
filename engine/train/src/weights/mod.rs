//! Initial weights from files: PyTorch's checkpoints, safetensors and ONNX models.
//!
//! [`read`] returns a file's tensors by name, [`apply`] replaces a network's weights by them: its initializers of
//! 32-bit floats that are not constants of the graph, named as in PyTorch. Nothing is matched by guess: every mismatch
//! is reported at once, with the key of the recipe that would allow it.

mod apply;
mod convolution;
mod efficientnet;
mod error;
mod hint;
mod mismatch;
mod names;
mod onnx;
mod pytorch;
mod read;
mod safetensors;
#[cfg(test)]
mod tests;

pub use apply::{Report, apply, is_weight};
pub use error::WeightsError;
pub use mismatch::Mismatch;
pub use read::read;

/// A tensor of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The lengths of the axes, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, row-major.
    pub numbers: Numbers,
}

/// The numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Floats; 16 and 64 bits are converted to 32.
    Floats(Vec<f32>),
    /// Any other type, which is not a weight: only its element type is kept, in its format's notation.
    Other(String),
}
