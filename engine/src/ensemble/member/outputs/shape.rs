//! One image's part of an output, whatever axes the exporter left.
//!
//! A network that was exported for single images may lack the axis of the batch: its map is (h, w), its score a scalar
//! or (C,). Such an output is read if the batch is one image.

use ndarray::{ArrayD, ArrayView3, ArrayViewD, Axis};

use crate::manifest::Layout;

/// All planes of image `index` of a batch of `len`, (C, h, w), from (N, C, h, w), (N, h, w, C), (N, h, w) or (h, w).
pub(super) fn planes(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    layout: Layout,
) -> Result<ArrayView3<'_, f32>, String> {
    let whole = if output.ndim() == 2 { alone(output.view(), len)? } else { output.view() };
    let mut image = batch(whole, len)?.index_axis_move(Axis(0), index);
    match (image.ndim(), layout) {
        (2, _) => image.insert_axis_inplace(Axis(0)),
        (3, Layout::Nchw) => {}
        (3, Layout::Nhwc) => image = image.permuted_axes(vec![2, 0, 1]),
        _ => return Err(error("expected a map of (N, C, H, W), (N, H, W) or (H, W)", output)),
    }
    if image.is_empty() {
        return Err(error("expected at least one pixel", output));
    }
    image.into_dimensionality().map_err(|_| error("expected two spatial axes", output))
}

/// The numbers of image `index` of a batch of `len`, of any shape, from (N, …), (C,) or a scalar.
pub(super) fn numbers(output: &ArrayD<f32>, index: usize, len: usize) -> Result<ArrayViewD<'_, f32>, String> {
    // one image has one number in (N,): more are its channels
    let lacks_batch = output.ndim() == 0 || (output.ndim() == 1 && len == 1 && output.len() != 1);
    let whole = if lacks_batch { alone(output.view(), len)? } else { output.view() };
    Ok(batch(whole, len)?.index_axis_move(Axis(0), index))
}

pub(super) fn error(expected: &str, output: &ArrayD<f32>) -> String {
    format!("has shape {:?}; {expected}", output.shape())
}

/// Adds the axis of the batch to the output of a single image.
fn alone(view: ArrayViewD<'_, f32>, len: usize) -> Result<ArrayViewD<'_, f32>, String> {
    if len == 1 { Ok(view.insert_axis(Axis(0))) } else { Err(wrong_batch(&view, len)) }
}

fn batch(view: ArrayViewD<'_, f32>, len: usize) -> Result<ArrayViewD<'_, f32>, String> {
    if view.shape().first() == Some(&len) { Ok(view) } else { Err(wrong_batch(&view, len)) }
}

fn wrong_batch(view: &ArrayViewD<'_, f32>, len: usize) -> String {
    format!("has shape {:?} for a batch of {len}", view.shape())
}
