//! `triplet`: the first place's rule: an empty mask without enough confident pixels, else a mask by a lower threshold.
//!
//! The step itself is [`pleura_steps::triplet`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::Triplet);
