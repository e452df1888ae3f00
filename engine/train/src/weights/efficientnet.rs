//! The names that packages give to EfficientNets' layers, as timm's.

/// The number of blocks in each of an encoder's stages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stages(Vec<usize>);

/// How a package names blocks and layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `_blocks.7._depthwise_conv`, counted over all stages (lukemelas, segmentation_models.pytorch).
    Flat,
    /// `_blocks.3.7._depthwise_conv`, counted over all stages beside the stage (MONAI).
    Nested,
    /// `features.4.0.block.1.0` (torchvision).
    Torchvision,
    /// `encoder.blocks.7.depthwise_conv.depthwise_conv` (transformers).
    HuggingFace,
}

/// timm's names of a block's layers: those of a block that expands, and of one that does not.
type Layer = [&'static str; 2];

const EXPAND: [Layer; 2] = [["conv_pw", ""], ["bn1", ""]];
const DEPTHWISE: [Layer; 2] = [["conv_dw", "conv_dw"], ["bn2", "bn1"]];
const PROJECT: [Layer; 2] = [["conv_pwl", "conv_pw"], ["bn3", "bn2"]];
const SQUEEZE: [Layer; 2] = [["se.conv_reduce"; 2], ["se.conv_expand"; 2]];

impl Stages {
    /// The stages of a network with these names of weights.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut counts = Vec::new();
        for name in names {
            let mut parts = name.strip_prefix("encoder.blocks.").unwrap_or_default().split('.');
            let place = (parts.next().and_then(|it| it.parse().ok()), parts.next().and_then(|it| it.parse().ok()));
            let (Some(stage), Some(block)): (Option<usize>, Option<usize>) = place else { continue };
            if stage < 64 && block < 64 {
                counts.resize(counts.len().max(stage + 1), 0);
                counts[stage] = counts[stage].max(block + 1);
            }
        }
        Self(counts)
    }

    /// The stage of a block that is counted over all stages, and its place there.
    fn place(&self, mut block: usize) -> Option<(usize, usize)> {
        for (stage, &count) in self.0.iter().enumerate() {
            if block < count {
                return Some((stage, block));
            }
            block -= count;
        }
        None
    }
}

impl Layout {
    /// timm's name for a key. The outer `None` is a key that is not this layout's, the inner one a layer that no encoder
    /// has.
    #[expect(clippy::option_option, reason = "two answers: not mine, and mine but unused")]
    pub(super) fn name(self, key: &str, stages: &Stages) -> Option<Option<String>> {
        let parts: Vec<&str> = key.split('.').collect();
        let outer = |name: &str, rest: &[&str]| Some(Some(format!("{name}.{}", rest.join("."))));
        let (stage, block, rest) = match (self, parts.as_slice()) {
            (Self::Flat | Self::Nested, ["_conv_stem", rest @ ..])
            | (Self::Torchvision, ["features", "0", "0", rest @ ..])
            | (Self::HuggingFace, ["embeddings", "convolution", rest @ ..]) => return outer("conv_stem", rest),
            (Self::Flat | Self::Nested, ["_bn0", rest @ ..])
            | (Self::Torchvision, ["features", "0", "1", rest @ ..])
            | (Self::HuggingFace, ["embeddings", "batchnorm", rest @ ..]) => return outer("bn1", rest),
            (Self::Flat | Self::Nested, ["_conv_head" | "_bn1" | "_fc", ..])
            | (Self::Torchvision, ["features", "8", "0" | "1", ..])
            | (Self::HuggingFace, ["encoder", "top_conv" | "top_bn", ..]) => return Some(None),
            (Self::Flat, ["_blocks", block, rest @ ..])
            | (Self::Nested, ["_blocks", _, block, rest @ ..])
            | (Self::HuggingFace, ["encoder", "blocks", block, rest @ ..]) => {
                let (stage, block) = stages.place(block.parse().ok()?)?;
                (stage, block, rest)
            }
            (Self::Torchvision, ["features", stage, block, "block", rest @ ..]) => {
                (stage.parse::<usize>().ok()?.checked_sub(1)?, block.parse().ok()?, rest)
            }
            _ => return None,
        };
        // the first stage's blocks do not expand
        let kind = usize::from(stage == 0);
        let (layer, rest) = self.layer(kind, rest)?;
        Some(Some(format!("blocks.{stage}.{block}.{}.{}", layer[kind], rest.join("."))))
    }

    /// A layer of a block, and what follows its name. `kind` is 1 for a block that does not expand.
    fn layer<'p>(self, kind: usize, parts: &'p [&'p str]) -> Option<(Layer, &'p [&'p str])> {
        let found = match (self, parts) {
            (Self::Flat | Self::Nested, [layer, rest @ ..]) => {
                let layer = match *layer {
                    "_expand_conv" => EXPAND[0],
                    "_bn0" => EXPAND[1],
                    "_depthwise_conv" => DEPTHWISE[0],
                    "_bn1" => DEPTHWISE[1],
                    "_se_reduce" => SQUEEZE[0],
                    "_se_expand" => SQUEEZE[1],
                    "_project_conv" => PROJECT[0],
                    "_bn2" => PROJECT[1],
                    _ => return None,
                };
                (layer, rest)
            }
            (Self::Torchvision, [place, layer, rest @ ..]) => {
                let place = place.parse::<usize>().ok()? + kind;
                let layer = match (place, *layer) {
                    (0, "0") => EXPAND[0],
                    (0, "1") => EXPAND[1],
                    (1, "0") => DEPTHWISE[0],
                    (1, "1") => DEPTHWISE[1],
                    (2, "fc1") => SQUEEZE[0],
                    (2, "fc2") => SQUEEZE[1],
                    (3, "0") => PROJECT[0],
                    (3, "1") => PROJECT[1],
                    _ => return None,
                };
                (layer, rest)
            }
            (Self::HuggingFace, [_, layer, rest @ ..]) => {
                let layer = match *layer {
                    "expand_conv" => EXPAND[0],
                    "expand_bn" => EXPAND[1],
                    "depthwise_conv" => DEPTHWISE[0],
                    "depthwise_norm" => DEPTHWISE[1],
                    "reduce" => SQUEEZE[0],
                    "expand" => SQUEEZE[1],
                    "project_conv" => PROJECT[0],
                    "project_bn" => PROJECT[1],
                    _ => return None,
                };
                (layer, rest)
            }
            _ => return None,
        };
        Some(found).filter(|(layer, _)| !layer[kind].is_empty())
    }
}
