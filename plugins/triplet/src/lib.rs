//! `triplet`: the first place's rule. Enough sure pixels, or nothing; then the mask is generous.
//!
//! The step itself is [`pleura_steps::triplet`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::Triplet);
