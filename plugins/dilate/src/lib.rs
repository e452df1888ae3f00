//! `dilate`: dilates a mask by a disk.
//!
//! The step itself is [`pleura_steps::dilate`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::Dilate);
