//! Networks whose outputs can be computed by hand, and images for them.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::Size;
use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute as a};

/// The options of a toy network.
#[derive(Clone, Copy)]
pub struct Toy {
    /// The map is `gain * mean over channels + shift`.
    pub gain: f32,
    pub shift: f32,
    pub channels: i64,
    pub nhwc: bool,
    pub half: bool,
    /// Squash the map with a sigmoid.
    pub sigmoid: bool,
    /// Halve the map's size by means of 2 × 2 pixels.
    pub halve: bool,
    /// Fail if any pixel of a batch is brighter than 200 / 255.
    pub fragile: bool,
    /// Ignore the right half of an image of 8 × 8.
    pub left_only: bool,
    /// Accept only this batch size and (height, width).
    pub fixed: Option<(i64, i64, i64)>,
}

impl Default for Toy {
    fn default() -> Self {
        Self {
            gain: 1.0,
            shift: 0.0,
            channels: 1,
            nhwc: false,
            half: false,
            sigmoid: false,
            halve: false,
            fragile: false,
            left_only: false,
            fixed: None,
        }
    }
}

impl Toy {
    /// Writes the network: `image` to `map`, of the same size, and `score`, the map's mean.
    pub fn write(self, path: &Path) {
        let element = if self.half { ElementType::Half } else { ElementType::Float };
        let (n, h, w): (Dim, Dim, Dim) = match self.fixed {
            Some((n, h, w)) => (n.into(), h.into(), w.into()),
            None => ("batch".into(), "height".into(), "width".into()),
        };
        let image = |c: i64| match self.nhwc {
            false => [n.clone(), c.into(), h.clone(), w.clone()],
            true => [n.clone(), h.clone(), w.clone(), c.into()],
        };
        let (channel_axis, spatial) = if self.nhwc { (3, [1, 2]) } else { (1, [2, 3]) };
        let mut g = GraphBuilder::new("toy");
        let input = g.input("image", element, &image(self.channels));
        let single = g.node("Cast", &[&input], vec![a::int("to", 1)]);
        let axis = g.integers("channel", &[channel_axis]);
        let grey = g.node("ReduceMean", &[&single, &axis], vec![a::int("keepdims", 1)]);
        let (gain, shift) = (g.scalar(self.gain), g.scalar(self.shift));
        let scaled = g.node("Mul", &[&grey, &gain], vec![]);
        let mut map = g.node("Add", &[&scaled, &shift], vec![]);
        if self.sigmoid {
            map = g.node("Sigmoid", &[&map], vec![]);
        }
        if self.left_only {
            let half: Vec<f32> = (0..64).map(|place| f32::from(u8::from(place % 8 < 4))).collect();
            let half = g.constant("left", &[1, 1, 8, 8], &half);
            map = g.node("Mul", &[&map, &half], vec![]);
        }
        if self.halve {
            let pool = vec![a::ints("kernel_shape", &[2, 2]), a::ints("strides", &[2, 2])];
            map = g.node("AveragePool", &[&map], pool);
        }
        if self.fragile {
            // A table of 201 zeros, looked up at each image's brightest pixel.
            let (levels, zeros) = (g.scalar(255.0), g.constant("zeros", &[201], &[0.0; 201]));
            let most = g.node("ReduceMax", &[&grey], vec![a::int("keepdims", 1)]);
            let level = g.node("Mul", &[&most, &levels], vec![]);
            let index = g.node("Cast", &[&level], vec![a::int("to", 7)]);
            let nothing = g.node("Gather", &[&zeros, &index], vec![]);
            map = g.node("Add", &[&map, &nothing], vec![]);
        }
        let axes = g.integers("spatial", &spatial);
        let score = g.node("ReduceMean", &[&map, &axes], vec![a::int("keepdims", 0)]);
        let code = if self.half { 10 } else { 1 };
        let map = g.node("Cast", &[&map], vec![a::int("to", code)]);
        let score = g.node("Cast", &[&score], vec![a::int("to", code)]);
        g.output(&map, "map", element, &image(1));
        g.output(&score, "score", element, &[n.clone(), 1.into()]);
        g.build().write(path).expect("a temporary folder can be written");
    }
}

/// Writes a stack: `answers`, (N, M) or (N, M, H, W), to their mean in `merged`.
pub fn stack(path: &Path, members: i64, maps: bool) {
    let mut g = GraphBuilder::new("stack");
    let (mut dims, mut out) = (vec![Dim::from("batch"), members.into()], vec![Dim::from("batch"), 1.into()]);
    if maps {
        dims.extend(["height".into(), "width".into()]);
        out.extend(["height".into(), "width".into()]);
    }
    let answers = g.input("answers", ElementType::Float, &dims);
    let axis = g.integers("axis", &[1]);
    let mean = g.node("ReduceMean", &[&answers, &axis], vec![a::int("keepdims", 1)]);
    g.output(&mean, "merged", ElementType::Float, &out);
    g.build().write(path).expect("a temporary folder can be written");
}

/// Writes a grey 8-bit PNG.
pub fn png(folder: &Path, name: &str, pixels: &Array2<u8>) -> PathBuf {
    let (height, width) = pixels.dim();
    let path = folder.join(format!("{name}.png"));
    image::GrayImage::from_raw(width as u32, height as u32, pixels.iter().copied().collect())
        .expect("as many pixels as the size says")
        .save(&path)
        .expect("a temporary folder can be written");
    path
}

/// Reproducible noise in 0..=255, (height, width).
pub fn noise(seed: u32, size: Size) -> Array2<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    Array2::from_shape_simple_fn(size, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}
