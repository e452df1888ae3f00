//! `threshold`: marks the pixels above a probability. The usual first step.
//!
//! The step itself is [`pleura_steps::threshold`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::Threshold);
