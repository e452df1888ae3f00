//! `dilate`: grows a mask by a disk.
//!
//! The step itself is [`pleura_steps::dilate`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::Dilate);
