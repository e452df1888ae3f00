//! `min-area`: drops small masks or small components.
//!
//! The step itself is [`pleura_steps::min_area`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::MinArea);
