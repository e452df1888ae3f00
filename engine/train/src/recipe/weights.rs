//! Initial weights from a file.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Initial weights. A key of the file becomes a name of the network by `strip_prefix`, `rename`, `names` and
/// `add_prefix`, in this order.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// A `.pth` (or `.pt`, `.bin`, `.ckpt`), `.safetensors` or `.onnx` file, relative to the recipe.
    pub file: PathBuf,
    /// Prefix removed from the file's keys, such as `module.`, or Lightning's `model.`; a key without it keeps its name.
    #[serde(default)]
    pub strip_prefix: String,
    /// Replacements in the file's keys, each in all of them.
    #[serde(default)]
    pub rename: Vec<Rename>,
    /// The package whose names the keys are. Default: the network's own, which are those of segmentation_models.pytorch
    /// with timm's names in EfficientNets.
    #[serde(default)]
    pub names: Option<Package>,
    /// Prefix added to the file's keys after that, such as `encoder.` for the weights of an encoder only.
    #[serde(default)]
    pub add_prefix: String,
    /// Keys of the network that the file may lack: weights whose key starts with one of these stay random.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Keys of the file, as written there, that the network may lack: keys that start with one of these are ignored.
    #[serde(default)]
    pub unused: Vec<String>,
}

/// A replacement in keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// A regular expression, as in `^layers\.(\d+)\.`.
    pub from: String,
    /// What replaces each match; `$1` or `${1}` is the match's first group.
    pub to: String,
}

/// A package that saves networks, by whose names a file's keys are read. A classifier's weights become those of an
/// encoder; its last layers, which no encoder has, are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Package {
    /// segmentation_models.pytorch: whole networks, also over its `efficientnet-b0` to `b7`, which are the encoders
    /// `smp-efficientnet-b0` to `b7` here.
    Smp,
    /// timm's classifiers.
    Timm,
    /// torchvision's classifiers, and the `backbone` of its segmentation networks.
    Torchvision,
    /// MONAI's `EfficientNetBN` and the encoder of its `FlexibleUNet`, which are `smp-efficientnet-b0` to `b7` here, and
    /// its SE-ResNets.
    Monai,
    /// transformers' ResNet and EfficientNet (`smp-efficientnet-b0` to `b7` here), and its wrapper of timm's classifiers.
    HuggingFace,
}

impl Package {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Smp, Self::Timm, Self::Torchvision, Self::Monai, Self::HuggingFace];

    /// The name in a recipe.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smp => "smp",
            Self::Timm => "timm",
            Self::Torchvision => "torchvision",
            Self::Monai => "monai",
            Self::HuggingFace => "hugging-face",
        }
    }
}

/// The format of a file of weights, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightsFormat {
    /// A PyTorch checkpoint: `.pth`, `.pt`, `.bin` or `.ckpt`.
    Pytorch,
    /// `.safetensors`.
    Safetensors,
    /// An ONNX model: `.onnx`.
    Onnx,
}

impl WeightsFormat {
    /// The format of a file name; `None` if its extension is unknown.
    #[must_use]
    pub fn recognize(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "pth" | "pt" | "bin" | "ckpt" => Some(Self::Pytorch),
            "safetensors" => Some(Self::Safetensors),
            "onnx" => Some(Self::Onnx),
            _ => None,
        }
    }
}
