//! `flip`: mirrored views.
//!
//! The step itself is [`pleura_steps::flip`]; this library exports it as a plugin.

pleura_plugin::export!(tta: pleura_steps::Flip);
