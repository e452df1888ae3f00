//! The precision of a training.

use pleura::onnx::ElementType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The precision of a training's convolutions and matrix products. Validation and the exported network are in single
/// precision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision. The default.
    #[default]
    Fp32,
    /// Mixed precision, for GPUs with tensor cores: convolutions, matrix products and what lies between them in half
    /// precision; weights, the optimiser, norms and the loss in single precision. The loss is scaled so that small
    /// gradients are not lost, as PyTorch's `GradScaler` does: by 65536 at first, by half of that after an update whose
    /// gradients overflow, which is skipped, and by twice that after 2000 updates without one.
    Fp16,
}

impl Precision {
    /// The 16-bit type, if the precision is mixed.
    #[must_use]
    pub(crate) fn half(self) -> Option<ElementType> {
        match self {
            Self::Fp32 => None,
            Self::Fp16 => Some(ElementType::Half),
        }
    }

    /// Whether small gradients would be lost if the loss were not scaled.
    #[must_use]
    pub(crate) fn scales_loss(self) -> bool {
        self == Self::Fp16
    }
}
