//! Resizing planes, (N, C, H, W). The gradient is two matrix products with the weights of the interpolation.

use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::layout::known;
use super::{Op, first, optional};
use crate::backward::Backward;
use crate::trace::{Attributes, Constant, Trace, Typed};

pub const OPS: &[Op] = &[Op::new("Resize", resized, resize)];

/// For each axis, its new length, and the scale for its coordinates.
fn plan(trace: &Trace, node: &NodeProto) -> Result<Vec<(usize, f64)>, String> {
    let from = trace.shape(&node.input[0]);
    if optional(node, 3).is_some() {
        let sizes = known(trace, node, 3, "sizes")?;
        return Ok(sizes.iter().zip(from).map(|(&to, &from)| (to as usize, to as f64 / from as f64)).collect());
    }
    match optional(node, 2).and_then(|scales| trace.known(scales)) {
        Some(Constant::Floats(scales)) if scales.len() == from.len() => {
            let to = |(&scale, &from): (&f32, &usize)| ((from as f32 * scale).floor() as usize, f64::from(scale));
            Ok(scales.iter().zip(from).map(to).collect())
        }
        _ => Err("its scales must not depend on the image's values".into()),
    }
}

fn resized(trace: &Trace, node: &NodeProto) -> Result<Vec<Typed>, String> {
    let input = trace.typed(&node.input[0]);
    let plan = plan(trace, node)?;
    if plan.len() != 4 || plan[..2].iter().zip(&input.shape).any(|((to, _), from)| to != from) {
        return Err("training supports resizing of (N, C, H, W) over the last two axes only".into());
    }
    Ok(vec![Typed { element: input.element, shape: plan.into_iter().map(|(to, _)| to).collect() }])
}

/// How often each row and each column is repeated, if that is all that a `Resize` does.
pub(crate) fn repeats(trace: &Trace, node: &NodeProto) -> Option<[usize; 2]> {
    let (from, plan) = (trace.shape(&node.input[0]), plan(trace, node).ok()?);
    let whole = [2, 3].map(|axis| plan[axis].0 / from[axis].max(1));
    let is_whole = (0..2).all(|axis| whole[axis] * from[axis + 2] == plan[axis + 2].0);
    (is_whole && Sampling::new(node).ok()?.repeats()).then_some(whole)
}

fn resize(b: &mut Backward<'_>, node: &NodeProto, gradients: &[Option<String>]) -> Result<(), String> {
    let (g, plan) = (first(gradients)?, plan(b.trace, node)?);
    let shape = b.trace.shape(&node.input[0]).to_vec();
    let sampling = Sampling::new(node)?;
    let whole = repeats(b.trace, node);
    let t = &mut *b.trace;
    let g = if let Some(whole) = whole {
        // each number was repeated: the sum over its copies
        let size = [whole[0] as i64, whole[1] as i64];
        let mean = t.emit("AveragePool", &[g], vec![a::ints("kernel_shape", &size), a::ints("strides", &size)]);
        t.scale(&mean, (whole[0] * whole[1]) as f32)
    } else {
        let [(rows, down), (columns, across)] = [plan[2], plan[3]];
        let mut vertical = vec![0.0; shape[2] * rows]; // (from, to)
        sampling.weigh(shape[2], rows, down, |to, from, weight| vertical[from * rows + to] += weight);
        let mut horizontal = vec![0.0; columns * shape[3]]; // (to, from)
        sampling.weigh(shape[3], columns, across, |to, from, weight| horizontal[to * shape[3] + from] += weight);
        let vertical = t.floats(&[shape[2], rows], vertical);
        let horizontal = t.floats(&[columns, shape[3]], horizontal);
        let narrow = t.matmul(g, &horizontal);
        t.matmul(&vertical, &narrow)
    };
    b.give(&node.input[0], &g);
    Ok(())
}

/// How a resized pixel is sampled.
struct Sampling {
    kernel: Kernel,
    coordinates: String,
    nearest: String,
}

/// What a resized pixel is made of.
enum Kernel {
    Nearest,
    Linear,
    /// Four pixels. `a` is the slope of the outer two; those outside of the plane are left out, or the last one again.
    Cubic {
        a: f64,
        leaves_out: bool,
    },
}

impl Sampling {
    fn new(node: &NodeProto) -> Result<Self, String> {
        let kernel = match node.text("mode").unwrap_or("nearest") {
            "nearest" => Kernel::Nearest,
            "linear" => Kernel::Linear,
            "cubic" => Kernel::Cubic {
                a: node.float("cubic_coeff_a").unwrap_or(-0.75).into(),
                leaves_out: node.int("exclude_outside") == Some(1),
            },
            other => {
                return Err(format!("resizing by `{other}` has no gradient; use `nearest`, `linear` or `cubic`"));
            }
        };
        if node.int("antialias") == Some(1) {
            return Err("antialiased resizing has no gradient".into());
        }
        let coordinates = node.text("coordinate_transformation_mode").unwrap_or("half_pixel").to_owned();
        if !["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"].contains(&coordinates.as_str()) {
            return Err(format!("resizing by `{coordinates}` has no gradient"));
        }
        Ok(Self { kernel, coordinates, nearest: node.text("nearest_mode").unwrap_or("round_prefer_floor").to_owned() })
    }

    /// Whether an integer scale repeats each number.
    fn repeats(&self) -> bool {
        let by_centre = self.coordinates.ends_with("half_pixel") && self.nearest.starts_with("round");
        matches!(self.kernel, Kernel::Nearest)
            && (by_centre || (self.coordinates == "asymmetric" && self.nearest == "floor"))
    }

    /// The position in the old axis of a pixel of the new one.
    fn place(&self, at: usize, (from, to): (usize, usize), scale: f64) -> f64 {
        let at = at as f64;
        match self.coordinates.as_str() {
            "asymmetric" => at / scale,
            "align_corners" if to == 1 => 0.0,
            "align_corners" => at * (from as f64 - 1.0) / (to as f64 - 1.0),
            "pytorch_half_pixel" if to == 1 => 0.0,
            _ => (at + 0.5) / scale - 0.5,
        }
    }

    /// Calls `tell` for each pixel of the new axis with the old pixels that it is made of, and their weights.
    fn weigh(&self, from: usize, to: usize, scale: f64, mut tell: impl FnMut(usize, usize, f32)) {
        let last = from as f64 - 1.0;
        for at in 0..to {
            let place = self.place(at, (from, to), scale);
            match self.kernel {
                Kernel::Nearest => {
                    let nearest = match self.nearest.as_str() {
                        "floor" => place.floor(),
                        "ceil" => place.ceil(),
                        "round_prefer_ceil" => (place + 0.5).floor(),
                        _ => (place - 0.5).ceil(),
                    };
                    tell(at, nearest.clamp(0.0, last) as usize, 1.0);
                }
                Kernel::Linear => {
                    let place = place.clamp(0.0, last);
                    let (low, share) = (place.floor(), place.fract());
                    tell(at, low as usize, (1.0 - share) as f32);
                    tell(at, (low + 1.0).min(last) as usize, share as f32);
                }
                Kernel::Cubic { a, leaves_out } => {
                    let low = place.floor();
                    let taps = [-1.0, 0.0, 1.0, 2.0].map(|step| (low + step, cubic(a, (place - low - step).abs())));
                    let is_used = |tap: f64| !leaves_out || (0.0..=last).contains(&tap);
                    let total: f64 = taps.iter().filter(|(tap, _)| is_used(*tap)).map(|(_, weight)| weight).sum();
                    for (tap, weight) in taps.into_iter().filter(|(tap, _)| is_used(*tap)) {
                        tell(at, tap.clamp(0.0, last) as usize, (weight / total) as f32);
                    }
                }
            }
        }
    }
}

/// The weight of a pixel at a distance below 2 (Keys, 1981).
fn cubic(a: f64, distance: f64) -> f64 {
    let d = distance;
    if d <= 1.0 { ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0 } else { ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a }
}
