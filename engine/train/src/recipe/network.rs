//! The network: its architecture and its heads.

use std::path::PathBuf;

use pleura::manifest::Layout;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FoldedNorms, OnnxOutput};

/// The network.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The architecture, or an ONNX model to fine-tune.
    pub architecture: Architecture,
    /// Input channels: 1, or 3 for the grey image repeated three times.
    #[serde(default = "one")]
    #[schemars(extend("enum" = [1, 3]))]
    pub channels: u32,
    /// What the network predicts.
    #[serde(default)]
    pub heads: Heads,
    /// The rate of the dropout before the last layer of the label head.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f32,
    /// Batch norms keep their running statistics and use them in training, too.
    #[serde(default)]
    pub freeze_batch_norm: bool,
    /// Freeze the encoder's weights, including its batch norms.
    #[serde(default)]
    pub freeze_encoder: bool,
}

/// What a network predicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Heads {
    /// A map of logits: the output `map`, (batch, 1, height, width). The default.
    #[default]
    Map,
    /// One logit per image: the output `score`, (batch). The encoder with a classification head only.
    Score,
    /// Both, from one encoder.
    Both,
}

impl Heads {
    /// Whether there is a map.
    #[must_use]
    pub fn map(self) -> bool {
        self != Self::Score
    }

    /// Whether there is a score.
    #[must_use]
    pub fn score(self) -> bool {
        self != Self::Map
    }
}

/// An architecture. Widths are channels.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Architecture {
    /// 3 × 3 convolutions at full size, one after the other, each with batch norm and ReLU.
    ConvStack {
        /// The channels of each.
        #[schemars(length(min = 1), inner(range(min = 1)))]
        widths: Vec<u32>,
    },
    /// An encoder and a decoder without skip connections.
    EncoderDecoder {
        /// The channels at each size, halved from one to the next.
        #[schemars(length(min = 1), inner(range(min = 1)))]
        widths: Vec<u32>,
    },
    /// A fully convolutional AlexNet with a transposed convolution back to full size (Long et al., 2015).
    FcnAlexnet {},
    /// The U-Net of Ronneberger et al. (2015), padded so that the map has the image's size.
    UnetClassic {
        /// The channels at full size; 64 as published.
        #[serde(default = "sixty_four")]
        #[schemars(range(min = 1))]
        width: u32,
        /// Use a batch norm after each convolution instead of its bias: trains in fewer epochs; not in the publication.
        #[serde(default)]
        batch_norm: bool,
    },
    /// A U-Net over any encoder, as segmentation_models.pytorch defines it.
    Unet {
        /// The encoder.
        encoder: Encoder,
        /// The same as `attention = "scse"`.
        #[serde(default)]
        scse: bool,
        /// Attention in the decoder's blocks; default: none.
        #[serde(default)]
        attention: Option<Attention>,
        /// Atrous spatial pyramid pooling between encoder and decoder.
        #[serde(default)]
        aspp: bool,
        /// The decoder's channels, from the smallest size to the full one.
        #[serde(default = "decoder")]
        #[schemars(inner(range(min = 1)))]
        decoder: [u32; 5],
    },
    /// LinkNet over any encoder, as segmentation_models.pytorch defines it.
    Linknet {
        /// The encoder.
        encoder: Encoder,
    },
    /// DC-UNet (Lou et al., 2021): dual-channel blocks and residual paths.
    DcUnet {
        /// The channels at full size before the blocks' own factor; 32 as published.
        #[serde(default = "thirty_two")]
        #[schemars(range(min = 4))]
        width: u32,
    },
    /// DeepLabV3 (Chen et al., 2017).
    DeeplabV3 {
        /// The encoder, whose last stages are dilated.
        encoder: Encoder,
        /// Stride of the last features relative to the image: 8 or 16.
        #[serde(default = "eight")]
        #[schemars(extend("enum" = [8, 16]))]
        output_stride: u32,
    },
    /// DeepLabV3+ (Chen et al., 2018), with a decoder over the features at a quarter of the size.
    DeeplabV3Plus {
        /// The encoder, whose last stages are dilated.
        encoder: Encoder,
        /// Stride of the last features relative to the image: 8 or 16.
        #[serde(default = "sixteen")]
        #[schemars(extend("enum" = [8, 16]))]
        output_stride: u32,
        /// Number of groups (32 as published) of group norms (Wu & He, 2018) that replace all batch norms, including
        /// the encoder's: they do not depend on the batch, so it can be small. If the channels are not a multiple, uses
        /// as many groups as divide both. Default: batch norms. Weight files trained with batch norms have running
        /// statistics: list these in `weights.unused`.
        #[serde(default)]
        #[schemars(range(min = 1, max = 1024))]
        group_norm: Option<u32>,
    },
    /// EncNet (Zhang et al., 2018): context encoding over dilated features.
    Encnet {
        /// The encoder, whose last stages are dilated.
        encoder: Encoder,
        /// The number of code words.
        #[serde(default = "thirty_two")]
        #[schemars(range(min = 1))]
        codes: u32,
    },
    /// Feature pyramid network over any encoder, as segmentation_models.pytorch defines it.
    Fpn {
        /// The encoder.
        encoder: Encoder,
    },
    /// Any ONNX model of supported operators, with its weights: fine-tuning.
    Onnx {
        /// The model, relative to the recipe.
        model: PathBuf,
        /// The output that holds the map, (batch, channels, height, width) or (batch, height, width).
        #[serde(default)]
        map: Option<OnnxOutput>,
        /// The output that holds one score per image, (batch) or (batch, channels).
        #[serde(default)]
        score: Option<OnnxOutput>,
        /// The order of the image's and the map's axes.
        #[serde(default)]
        layout: Layout,
        /// What happens if the exporter folded batch norms into convolutions.
        #[serde(default)]
        norm: FoldedNorms,
    },
}

/// Attention in a decoder: gates on its features, with weights named `decoder.blocks.N.attention1.attention…` before a
/// block's convolutions and `attention2` after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attention {
    /// Concurrent spatial and channel squeeze & excitation (Roy et al., 2018).
    Scse,
    /// The convolutional block attention module (Woo et al., 2018): `mlp.0.weight` and `mlp.2.weight` make a gate for
    /// each channel from its mean and its maximum, `spatial.weight` (7 × 7) then one for each pixel from the channels'
    /// mean and maximum; without biases, as in the paper's formulas.
    Cbam,
}

impl Architecture {
    /// The attention of the decoder's blocks, if any.
    #[must_use]
    pub fn attention(&self) -> Option<Attention> {
        match self {
            Self::Unet { scse, attention, .. } => attention.or(scse.then_some(Attention::Scse)),
            _ => None,
        }
    }

    /// The number of groups, if group norms replace batch norms.
    #[must_use]
    pub fn groups(&self) -> Option<u32> {
        match self {
            Self::DeeplabV3Plus { group_norm, .. } => *group_norm,
            _ => None,
        }
    }

    /// The divisor of images' sides, so that a map has the image's size; 1 if the recipe does not determine it: an ONNX
    /// model's own graph does.
    #[must_use]
    pub fn stride(&self) -> u32 {
        match self {
            Self::ConvStack { .. } | Self::Onnx { .. } => 1,
            Self::EncoderDecoder { widths } => {
                let halvings = u32::try_from(widths.len()).unwrap_or(u32::MAX).saturating_sub(1);
                1_u32.checked_shl(halvings).unwrap_or(u32::MAX)
            }
            Self::UnetClassic { .. } | Self::DcUnet { .. } => 16,
            Self::DeeplabV3 { output_stride, .. } | Self::DeeplabV3Plus { output_stride, .. } => *output_stride,
            Self::Encnet { .. } => 8,
            Self::FcnAlexnet {} | Self::Unet { .. } | Self::Linknet { .. } | Self::Fpn { .. } => 32,
        }
    }

    /// Whether there is a separate encoder, which can be frozen.
    #[must_use]
    pub fn has_encoder(&self) -> bool {
        !matches!(self, Self::ConvStack { .. } | Self::UnetClassic { .. } | Self::DcUnet { .. } | Self::Onnx { .. })
    }
}

/// The encoder of a network: features of the image at ever smaller sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoder {
    /// AlexNet (torchvision).
    Alexnet,
    /// ResNet-18 (torchvision).
    Resnet18,
    /// ResNet-34 (torchvision).
    Resnet34,
    /// ResNet-50 (torchvision).
    Resnet50,
    /// ResNet-101 (torchvision).
    Resnet101,
    /// SE-ResNeXt-50 32×4d (timm, after Cadene).
    SeResnext50,
    /// SE-ResNeXt-101 32×4d (timm, after Cadene).
    SeResnext101,
    /// SENet-154 (timm, after Cadene).
    Senet154,
    /// EfficientNet-B0 (timm).
    EfficientnetB0,
    /// EfficientNet-B1 (timm).
    EfficientnetB1,
    /// EfficientNet-B2 (timm).
    EfficientnetB2,
    /// EfficientNet-B3 (timm).
    EfficientnetB3,
    /// EfficientNet-B4 (timm).
    EfficientnetB4,
    /// EfficientNet-B5 (timm).
    EfficientnetB5,
    /// EfficientNet-Lite0 (timm).
    EfficientnetLite0,
    /// EfficientNet-B0 as segmentation_models.pytorch's `efficientnet-b0`, with TensorFlow's padding and batch norms;
    /// `names = "smp"` loads its weights.
    SmpEfficientnetB0,
    /// EfficientNet-B1 as segmentation_models.pytorch's `efficientnet-b1`.
    SmpEfficientnetB1,
    /// EfficientNet-B2 as segmentation_models.pytorch's `efficientnet-b2`.
    SmpEfficientnetB2,
    /// EfficientNet-B3 as segmentation_models.pytorch's `efficientnet-b3`.
    SmpEfficientnetB3,
    /// EfficientNet-B4 as segmentation_models.pytorch's `efficientnet-b4`.
    SmpEfficientnetB4,
    /// EfficientNet-B5 as segmentation_models.pytorch's `efficientnet-b5`.
    SmpEfficientnetB5,
    /// EfficientNet-B6 as segmentation_models.pytorch's `efficientnet-b6`.
    SmpEfficientnetB6,
    /// EfficientNet-B7 as segmentation_models.pytorch's `efficientnet-b7`.
    SmpEfficientnetB7,
}

const fn one() -> u32 {
    1
}

const fn eight() -> u32 {
    8
}

const fn sixteen() -> u32 {
    16
}

const fn thirty_two() -> u32 {
    32
}

const fn sixty_four() -> u32 {
    64
}

const fn decoder() -> [u32; 5] {
    [256, 128, 64, 32, 16]
}
