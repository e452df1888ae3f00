//! Decoders: from an encoder's features to one logit per pixel.

mod deeplab;
mod encnet;
mod fcn;
mod fpn;
mod linknet;
mod unet;

pub use deeplab::{deeplab_v3, deeplab_v3_plus};
pub use encnet::encnet;
pub use fcn::fcn;
pub use fpn::fpn;
pub use linknet::linknet;
pub use unet::{Unet, unet};
