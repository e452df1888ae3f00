//! Checks the numbers of a recipe's network.

use super::attention::REDUCTION;
use crate::recipe::{Architecture, Network};

/// Why a network cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The architecture is read from a file.
    #[error("the architecture `onnx` is read from its file, not built")]
    Onnx,
    /// A field of the recipe's network has an invalid value.
    #[error("`{field}` is {found}: {needed}")]
    Field {
        /// The field, such as `architecture.widths`.
        field: &'static str,
        /// Its value.
        found: String,
        /// The requirement.
        needed: &'static str,
    },
}

/// Refuses invalid values that the recipe's types allow.
pub fn check(network: &Network) -> Result<(), NetError> {
    ensure(network.channels > 0, "channels", &network.channels, "give the image's channels, 1 or 3")?;
    ensure((0.0..1.0).contains(&network.dropout), "dropout", &network.dropout, "give a rate from 0 to below 1")?;
    match &network.architecture {
        Architecture::ConvStack { widths } | Architecture::EncoderDecoder { widths } => {
            let fits = !widths.is_empty() && widths.len() <= MOST_WIDTHS && !widths.contains(&0);
            ensure(fits, "architecture.widths", &format_args!("{widths:?}"), "give one to sixteen widths above 0")
        }
        Architecture::UnetClassic { width, .. } => {
            ensure(*width > 0, "architecture.width", width, "give a width above 0")
        }
        Architecture::DcUnet { width } => ensure(*width >= 4, "architecture.width", width, "give a width of 4 or more"),
        architecture @ Architecture::Unet { decoder, .. } => {
            let least = if architecture.attention().is_some() { REDUCTION } else { 1 };
            let fits = decoder.iter().all(|&width| i64::from(width) >= least);
            let needed = "give widths above 0, with attention from 16 on";
            ensure(fits, "architecture.decoder", &format_args!("{decoder:?}"), needed)
        }
        Architecture::DeeplabV3Plus { group_norm: Some(0), .. } => {
            ensure(false, "architecture.group_norm", &0, "give a number above 0, or leave it out")
        }
        Architecture::DeeplabV3 { output_stride, .. } | Architecture::DeeplabV3Plus { output_stride, .. } => {
            ensure(matches!(output_stride, 8 | 16), "architecture.output_stride", output_stride, "give 8 or 16")
        }
        Architecture::Encnet { codes, .. } => ensure(*codes > 0, "architecture.codes", codes, "give a number above 0"),
        Architecture::Onnx { .. } => Err(NetError::Onnx),
        Architecture::FcnAlexnet {} | Architecture::Linknet { .. } | Architecture::Fpn { .. } => Ok(()),
    }
}

/// With more, an encoder's stride exceeds any image.
const MOST_WIDTHS: usize = 16;

fn ensure(
    holds: bool,
    field: &'static str,
    found: &dyn std::fmt::Display,
    needed: &'static str,
) -> Result<(), NetError> {
    if holds { Ok(()) } else { Err(NetError::Field { field, found: found.to_string(), needed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_make_no_network_are_named() {
        let cases = [
            (r#"{"architecture": {"kind": "conv-stack", "widths": []}}"#, "`architecture.widths` is []"),
            (r#"{"architecture": {"kind": "encoder-decoder", "widths": [8, 0]}}"#, "`architecture.widths` is [8, 0]"),
            (r#"{"architecture": {"kind": "dc-unet", "width": 3}}"#, "`architecture.width` is 3"),
            (
                r#"{"architecture": {"kind": "unet", "encoder": "resnet18", "scse": true, "decoder": [99, 99, 32, 16, 8]}}"#,
                "`architecture.decoder` is [99, 99, 32, 16, 8]",
            ),
            (
                r#"{"architecture": {"kind": "deeplab-v3", "encoder": "resnet18", "output_stride": 32}}"#,
                "`architecture.output_stride` is 32",
            ),
            (r#"{"architecture": {"kind": "fcn-alexnet"}, "dropout": 1.0}"#, "`dropout` is 1"),
            (r#"{"architecture": {"kind": "fcn-alexnet"}, "channels": 0}"#, "`channels` is 0"),
            (r#"{"architecture": {"kind": "onnx", "model": "a.onnx"}}"#, "`onnx`"),
        ];
        for (recipe, expected) in cases {
            let error = check(&serde_json::from_str(recipe).unwrap()).unwrap_err().to_string();
            assert!(error.contains(expected), "{recipe}: {error}");
        }
    }
}
