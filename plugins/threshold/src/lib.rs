//! `threshold`: marks the pixels whose probability is high enough. The usual first step.
//!
//! The step itself is [`pleura_steps::threshold`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::Threshold);
