//! Networks: the recipe's architectures as ONNX models in inference form.
//!
//! Weights are initializers with PyTorch's key names and shapes: those of torchvision, timm and
//! segmentation_models.pytorch if these define the network, so that their files of weights load by look-up.
//! Initializers named `const.…` are not weights.
//!
//! An architecture is an encoder (`encoder/`, or `plain/` if the architecture has its own), whose features, larger to
//! smaller, go to a decoder and to the label head:
//!
//! ```
//! use pleura_train::nets;
//! use pleura_train::recipe::Network;
//!
//! let network: Network = serde_json::from_str(
//!     r#"{"architecture": {"kind": "unet", "encoder": "resnet18"}, "channels": 1, "heads": "both"}"#,
//! )?;
//! let model = nets::build(&network, 1)?;
//! assert_eq!(model.outputs().iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["map", "score"]);
//! assert_eq!(network.architecture.stride(), 32);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To add an encoder: a variant of [`recipe::Encoder`](crate::recipe::Encoder), its row or file in `encoder/`, and its
//! name in `tests/reference/nets.py`, which writes the tests' references. To add an architecture: a variant
//! of [`Architecture`], a file in `decoder/` or `plain/`, its stride, and its definition in PyTorch in `nets.py`.

mod attention;
mod blocks;
mod check;
mod decoder;
mod draw;
mod encoder;
mod layer;
mod net;
mod plain;
mod stacker;
mod summary;
#[cfg(test)]
mod tests;

use pleura::onnx::Model;

pub use check::NetError;
pub use stacker::{MARGIN, STACK_PORTS, logistic_names, stacked, stacker};
pub use summary::{Summary, summary};
#[cfg(test)]
pub(crate) use tests::ARCHITECTURES;

use crate::recipe::{Architecture, Network};
use net::{Net, Tensor};

/// The prefix of an encoder's weights, in every architecture.
pub const ENCODER_PREFIX: &str = "encoder.";

/// The prefix of constants that are not weights.
pub const CONSTANT_PREFIX: &str = "const.";

/// The stride of EncNet's features.
const ENCNET_STRIDE: i64 = 8;

/// Builds a network, with random weights from `seed` as in the published definitions: the same on every machine.
///
/// The input is `image`, (batch, channels, height, width), height and width being multiples of [`Architecture::stride`]; the outputs
/// are `map`, logits (batch, 1, height, width), and `score`, logits (batch), according to `network.heads`.
///
/// # Errors
/// If a number of the recipe is invalid, and for [`Architecture::Onnx`], which is read from its file instead.
pub fn build(network: &Network, seed: u64) -> Result<Model, NetError> {
    Ok(assemble(network)?.finish(|it| it.draw.numbers(&it.name, &it.shape, seed)))
}

/// A network whose weights are all zero, for tests of its graph: large networks take long to draw.
#[cfg(test)]
pub(crate) fn hollow(network: &Network) -> Result<Model, NetError> {
    Ok(assemble(network)?.finish(|it| vec![0.0; it.shape.iter().product::<i64>() as usize]))
}

/// The network without numbers for its weights.
fn assemble(network: &Network) -> Result<Net, NetError> {
    check::check(network)?;
    let mut net = Net::new("network");
    net.groups = network.architecture.groups().map(i64::from);
    let image = net.image(i64::from(network.channels));
    let features = encode(&mut net, &network.architecture, &image)?;
    if network.heads.map() {
        let map = decode(&mut net, &network.architecture, &features)?;
        net.answer_map(&map);
    }
    if network.heads.score() {
        let last = features.last().expect("an encoder has features");
        let score = blocks::label_head(&mut net, last, network.dropout);
        net.answer_score(&score);
    }
    Ok(net)
}

/// An architecture's encoder: its features, larger to smaller.
fn encode(net: &mut Net, architecture: &Architecture, image: &Tensor) -> Result<Vec<Tensor>, NetError> {
    Ok(match architecture {
        Architecture::ConvStack { widths } => plain::conv_stack(net, image, widths),
        Architecture::EncoderDecoder { widths } => plain::stack_encode(net, image, widths),
        Architecture::UnetClassic { width, batch_norm } => {
            plain::unet_encode(net, image, i64::from(*width), *batch_norm)
        }
        Architecture::DcUnet { width } => plain::dc_unet_encode(net, image, i64::from(*width)),
        Architecture::FcnAlexnet {} => encoder::encode(net, crate::recipe::Encoder::Alexnet, image, 32),
        Architecture::Unet { encoder, .. } | Architecture::Linknet { encoder } | Architecture::Fpn { encoder } => {
            encoder::encode(net, *encoder, image, 32)
        }
        Architecture::DeeplabV3 { encoder, output_stride }
        | Architecture::DeeplabV3Plus { encoder, output_stride, .. } => {
            encoder::encode(net, *encoder, image, i64::from(*output_stride))
        }
        Architecture::Encnet { encoder, .. } => encoder::encode(net, *encoder, image, ENCNET_STRIDE),
        Architecture::Onnx { .. } => return Err(NetError::Onnx),
    })
}

/// An architecture's decoder: the map of logits from the encoder's features.
fn decode(net: &mut Net, architecture: &Architecture, features: &[Tensor]) -> Result<Tensor, NetError> {
    Ok(match architecture {
        Architecture::ConvStack { .. } => plain::last(net, &features[0]),
        Architecture::EncoderDecoder { .. } => plain::stack_decode(net, features),
        Architecture::UnetClassic { batch_norm, .. } => plain::unet_decode(net, features, *batch_norm),
        Architecture::DcUnet { width } => plain::dc_unet_decode(net, features, i64::from(*width)),
        Architecture::FcnAlexnet {} => decoder::fcn(net, features),
        Architecture::Unet { aspp, decoder: channels, .. } => {
            let attention = architecture.attention();
            decoder::unet(net, features, decoder::Unet { channels: *channels, attention, aspp: *aspp })
        }
        Architecture::Linknet { .. } => decoder::linknet(net, features),
        Architecture::Fpn { .. } => decoder::fpn(net, features),
        Architecture::DeeplabV3 { output_stride, .. } => decoder::deeplab_v3(net, features, i64::from(*output_stride)),
        Architecture::DeeplabV3Plus { output_stride, .. } => {
            decoder::deeplab_v3_plus(net, features, i64::from(*output_stride))
        }
        Architecture::Encnet { codes, .. } => decoder::encnet(net, features, i64::from(*codes)),
        Architecture::Onnx { .. } => return Err(NetError::Onnx),
    })
}
