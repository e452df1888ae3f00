//! Architectures with their own encoder.

mod dc_unet;
mod stack;
mod unet;

pub use dc_unet::{decode as dc_unet_decode, encode as dc_unet_encode};
pub use stack::{conv_stack, decode as stack_decode, encode as stack_encode, last};
pub use unet::{decode as unet_decode, encode as unet_encode};
