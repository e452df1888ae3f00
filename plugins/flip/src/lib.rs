//! `flip`: mirrored views.
//!
//! The step itself is [`pleura_steps::flip`]; this library hands it to programs that load plugins.

pleura_plugin::export!(tta: pleura_steps::Flip);
