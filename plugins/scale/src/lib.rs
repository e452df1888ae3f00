//! `scale`: larger and smaller views.
//!
//! The step itself is [`pleura_steps::scale`]; this library exports it as a plugin.

pleura_plugin::export!(tta: pleura_steps::Scale);
