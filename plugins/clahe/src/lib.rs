//! `clahe`: contrast-limited adaptive histogram equalisation, as OpenCV does it.
//!
//! The step itself is [`pleura_steps::clahe`]; this library exports it as a plugin.

pleura_plugin::export!(prepare: pleura_steps::Clahe);
