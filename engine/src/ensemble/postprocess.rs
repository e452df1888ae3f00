//! From the merged map to the mask, plugin by plugin.

use std::sync::Arc;

use ndarray::ArrayView2;
use pleura_plugin::Context;

use super::error::{ImageError, Step};
use crate::Mask;
use crate::plugin::Plugin;

/// Runs the steps in order; gives the mask, and the marked area after each step.
pub fn run(
    steps: &[Arc<Plugin>],
    context: &Context,
    map: ArrayView2<'_, f32>,
) -> Result<(Mask, Vec<usize>), ImageError> {
    let mut mask: Option<Mask> = None;
    let mut areas = Vec::with_capacity(steps.len());
    for (index, plugin) in steps.iter().enumerate() {
        let next = plugin
            .postprocess(context, map, mask.as_ref())
            .map_err(|source| ImageError::plugin(Step::Postprocess(index + 1), source))?;
        areas.push(next.area());
        mask = Some(next);
    }
    mask.map(|mask| (mask, areas)).ok_or(ImageError::NoMask)
}
