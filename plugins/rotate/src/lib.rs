//! `rotate`: rotated views.
//!
//! The step itself is [`pleura_steps::rotate`]; this library exports it as a plugin.

pleura_plugin::export!(tta: pleura_steps::Rotate);
