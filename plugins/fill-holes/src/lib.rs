//! `fill-holes`: marks the holes of a mask.
//!
//! The step itself is [`pleura_steps::fill_holes`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::FillHoles);
