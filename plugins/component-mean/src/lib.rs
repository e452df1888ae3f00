//! `component-mean`: keeps the components with a high mean probability.
//!
//! The step itself is [`pleura_steps::component_mean`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::ComponentMean);
