//! `component-mean`: keeps the components whose pixels are probable on the whole.
//!
//! The step itself is [`pleura_steps::component_mean`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::ComponentMean);
