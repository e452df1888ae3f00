//! `scale`: larger and smaller views.
//!
//! The step itself is [`pleura_steps::scale`]; this library hands it to programs that load plugins.

pleura_plugin::export!(tta: pleura_steps::Scale);
