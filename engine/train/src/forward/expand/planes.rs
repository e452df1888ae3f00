//! Channels that become pixels, and pixels that become channels.

use pleura::onnx::proto::NodeProto;

use crate::trace::{Attributes, Trace};

/// (N, C, H, W) and the side of a block of pixels.
fn block(t: &Trace, node: &NodeProto) -> Result<([usize; 4], usize), String> {
    let shape = t.shape(&node.input[0]);
    let shape = shape.try_into().map_err(|_| format!("its input is {shape:?}, expected (N, C, H, W)"))?;
    match node.int("blocksize") {
        Some(side @ 1..) => Ok((shape, side as usize)),
        other => Err(format!("its `blocksize` is {other:?}, expected at least 1")),
    }
}

/// `DepthToSpace`, PyTorch's `PixelShuffle` in mode `CRD`.
pub(super) fn depth_to_space(t: &mut Trace, node: &NodeProto) -> Result<String, String> {
    let ([n, c, h, w], side) = block(t, node)?;
    if c % (side * side) != 0 {
        return Err(format!("{c} channels are not blocks of {side} x {side}"));
    }
    let out = c / (side * side);
    let (apart, order) = match node.text("mode") {
        Some("CRD") => ([n, out, side, side, h, w], [0, 1, 4, 2, 5, 3]),
        _ => ([n, side, side, out, h, w], [0, 3, 4, 1, 5, 2]),
    };
    let x = t.reshape(&node.input[0], &apart);
    let x = t.transpose(&x, &order);
    Ok(t.reshape(&x, &[n, out, h * side, w * side]))
}

/// `SpaceToDepth`.
pub(super) fn space_to_depth(t: &mut Trace, node: &NodeProto) -> Result<String, String> {
    let ([n, c, h, w], side) = block(t, node)?;
    if h % side != 0 || w % side != 0 {
        return Err(format!("{h} x {w} pixels are not blocks of {side} x {side}"));
    }
    let x = t.reshape(&node.input[0], &[n, c, h / side, side, w / side, side]);
    let x = t.transpose(&x, &[0, 3, 5, 1, 2, 4]);
    Ok(t.reshape(&x, &[n, c * side * side, h / side, w / side]))
}
