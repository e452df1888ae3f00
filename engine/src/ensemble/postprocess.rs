//! From the merged map to the mask, plugin by plugin.

use std::sync::Arc;

use ndarray::ArrayView2;
use pleura_plugin::Context;

use crate::ensemble::error::{ImageError, Step};
use crate::plugin::Plugin;
use crate::{Mask, Radiograph};

/// The plugins' context of an image; `score` bounds the classifier stage's score.
pub fn context(radiograph: &Radiograph, score: Option<(f32, f32)>) -> Context {
    let (low, high) = score.unwrap_or((0.0, 1.0));
    Context::new(radiograph.id(), radiograph.size()).with_score(low, high).with_spacing(radiograph.spacing())
}

/// Runs the steps in order; returns the mask after each, at least one.
///
/// # Errors
/// If a plugin fails, or there is no step.
pub fn run(steps: &[Arc<Plugin>], context: &Context, map: ArrayView2<'_, f32>) -> Result<Vec<Mask>, ImageError> {
    let mut masks: Vec<Mask> = Vec::with_capacity(steps.len());
    for (index, plugin) in steps.iter().enumerate() {
        let next = match masks.last() {
            None => plugin.postprocess(context, map, None),
            before => plugin.postprocess_again(context, map, before),
        };
        masks.push(next.map_err(|source| ImageError::plugin(Step::Postprocess(index + 1), source))?);
    }
    if masks.is_empty() { Err(ImageError::NoMask) } else { Ok(masks) }
}
