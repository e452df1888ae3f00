//! `keep-largest`: keeps the largest component of a mask, or the largest few.
//!
//! The step itself is [`pleura_steps::keep_largest`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::KeepLargest);
