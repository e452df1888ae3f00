//! `min-area`: drops what is too small to be believed.
//!
//! The step itself is [`pleura_steps::min_area`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::MinArea);
