//! Start weights from files: PyTorch's checkpoints, safetensors and ONNX models.
//!
//! [`read`] gives a file's tensors by name, [`apply`] puts them in the place of a network's weights: its initializers of
//! 32-bit floats that are no constants of the graph, named as PyTorch names them. Nothing is matched by guess: what does
//! not fit is told, all of it at once, with the key of the recipe that would allow it.

mod apply;
mod convolution;
mod error;
mod hint;
mod mismatch;
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
    /// Floats; those of 16 and 64 bits are read as of 32.
    Floats(Vec<f32>),
    /// Anything else, which is no weight: only its element type is kept, as its format names it.
    Other(String),
}
