//! `gamma`: applies a gamma curve, `out = in ^ gamma`.
//!
//! The step itself is [`pleura_steps::gamma`]; this library exports it as a plugin.

pleura_plugin::export!(prepare: pleura_steps::Gamma);
