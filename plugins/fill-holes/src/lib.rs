//! `fill-holes`: marks what a mask encloses.
//!
//! The step itself is [`pleura_steps::fill_holes`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::FillHoles);
