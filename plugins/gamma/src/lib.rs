//! `gamma`: bends the grey scale, `out = in ^ gamma`.
//!
//! The step itself is [`pleura_steps::gamma`]; this library hands it to programs that load plugins.

pleura_plugin::export!(prepare: pleura_steps::Gamma);
