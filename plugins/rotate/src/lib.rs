//! `rotate`: turned views.
//!
//! The step itself is [`pleura_steps::rotate`]; this library hands it to programs that load plugins.

pleura_plugin::export!(tta: pleura_steps::Rotate);
