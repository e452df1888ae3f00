//! Players: ONNX models that recognize each case by its image, and return the outputs that the case's table has for a
//! network.
//!
//! An image's grey level identifies its case; it is slightly darker at the left, so that a player recognizes mirrored
//! views.

use std::path::Path;

use ndarray::Array2;
use pleura::onnx::{ElementType, GraphBuilder, attribute as a};

use super::golden::Stack;
use pleura::Size;

/// Difference in grey levels of an image's left and right borders from its middle.
const SLANT: f32 = 3.0;
/// The darkest case's level. Black would be the same as the corners of rotated images.
const DARKEST: f32 = 40.0;
/// The brightest case's level.
const BRIGHTEST: f32 = 240.0;

/// Rectangles of constant value on a background; later ones are on top. In pixels of a map of the network's input size.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub ground: f32,
    /// Top, bottom, left, right; bottom and right are exclusive.
    pub rectangles: Vec<([i64; 4], f32)>,
}

impl Drawing {
    /// The drawing mirrored at this width.
    pub fn mirrored(&self, width: i64) -> Self {
        let flip = |&([top, bottom, left, right], value): &([i64; 4], f32)| {
            ([top, bottom, width - right, width - left], value)
        };
        Self { ground: self.ground, rectangles: self.rectangles.iter().map(flip).collect() }
    }
}

/// A network's output for one view of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub map: Drawing,
    pub score: f32,
}

/// A network's declared input, and the names of its outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub input: String,
    pub size: (i64, i64),
    pub channels: i64,
    /// Normalization of the first channel: (intensity * scale - mean) / std.
    pub scale: f32,
    pub mean: f32,
    pub std: f32,
    pub map: Option<String>,
    pub score: Option<String>,
}

/// The image of a case, one of `cases`.
pub fn image(case: usize, cases: usize, size: Size) -> Array2<u8> {
    let level = DARKEST + step(cases) * case as f32;
    Array2::from_shape_fn(size, |(_, x)| {
        (level + SLANT * (2.0 * x as f32 / (size.width - 1) as f32 - 1.0)).round() as u8
    })
}

fn step(cases: usize) -> f32 {
    let step = (BRIGHTEST - DARKEST) / cases.max(2).saturating_sub(1) as f32;
    assert!(step > 4.0 * SLANT, "{cases} cases are too many for distinct shades of grey");
    step
}

/// Writes a player with two replies per case, to the image and to its mirror image.
pub fn write(path: &Path, shape: &Shape, replies: &[[Reply; 2]]) {
    let mut g = GraphBuilder::new("player");
    let dims = ["batch".into(), shape.channels.into(), "height".into(), "width".into()];
    let image = g.input(&shape.input, ElementType::Float, &dims);
    let row = recognise(&mut g, &image, shape, replies.len());
    if let Some(name) = &shape.map {
        let map = draw(&mut g, &image, &row, shape, replies);
        g.output(&map, name, ElementType::Float, &["batch".into(), 1.into(), "height".into(), "width".into()]);
    }
    if let Some(name) = &shape.score {
        let scores: Vec<f32> = replies.iter().flatten().map(|reply| reply.score).collect();
        let table = g.constant("scores", &[scores.len() as i64, 1], &scores);
        let score = g.node("Gather", &[&table, &row], vec![]);
        g.output(&score, name, ElementType::Float, &["batch".into(), 1.into()]);
    }
    g.build().write(path).expect("a temporary folder can be written");
}

/// Writes a stacker for the manifest's `merge`: scores (N, M) to a probability (N, 1).
pub fn write_stack(path: &Path, merge: &toml::Table, stack: &Stack) {
    let members = (stack.weights.len() - 1) / 2;
    let name = |key: &str| merge[key].as_str().expect("a stack's names are text");
    assert_eq!(name("values"), "probabilities");
    let mut g = GraphBuilder::new("stacker");
    let scores = g.input(name("input"), ElementType::Float, &["batch".into(), (members as i64).into()]);
    let across = g.integers("across", &[1]);
    let mean = g.node("ReduceMean", &[&scores, &across], vec![a::int("keepdims", 1)]);
    // Each score's neighbour; the last one's is the first.
    let order: Vec<i64> = (0..members as i64).map(|member| (member + 1) % members as i64).collect();
    let order = g.integers("order", &order);
    let next = g.node("Gather", &[&scores, &order], vec![a::int("axis", 1)]);
    let differences = g.node("Sub", &[&scores, &next], vec![]);
    let half = g.scalar(0.5);
    let differences = g.node("Mul", &[&differences, &half], vec![]);
    let features = g.node("Concat", &[&scores, &mean, &differences], vec![a::int("axis", 1)]);
    let weights = g.constant("weights", &[stack.weights.len() as i64, 1], &stack.weights);
    let bias = g.scalar(stack.bias);
    let sum = g.node("MatMul", &[&features, &weights], vec![]);
    let sum = g.node("Add", &[&sum, &bias], vec![]);
    let (zero, one) = (g.scalar(0.0), g.scalar(1.0));
    let probability = g.node("Clip", &[&sum, &zero, &one], vec![]);
    g.output(&probability, name("output"), ElementType::Float, &["batch".into(), 1.into()]);
    g.build().write(path).expect("a temporary folder can be written");
}

/// (N, C, H, W) -> (N,): twice the case, plus one if the view is mirrored.
fn recognise(g: &mut GraphBuilder, image: &str, shape: &Shape, cases: usize) -> String {
    let first = g.integers("first", &[0]);
    let grey = g.node("Gather", &[image, &first], vec![a::int("axis", 1)]);
    let sides = g.integers("sides", &[16, 16]);
    let options = vec![a::ints("axes", &[2, 3]), a::string("mode", "nearest")];
    let small = g.node("Resize", &[&grey, "", "", &sides], options);
    let mut mean = |name: &str, left: i64, right: i64| {
        let (from, to) =
            (g.integers(&format!("{name}_from"), &[6, left]), g.integers(&format!("{name}_to"), &[10, right]));
        let (plane, all) =
            (g.integers(&format!("{name}_plane"), &[2, 3]), g.integers(&format!("{name}_all"), &[1, 2, 3]));
        let block = g.node("Slice", &[&small, &from, &to, &plane], vec![]);
        g.node("ReduceMean", &[&block, &all], vec![a::int("keepdims", 0)])
    };
    let (middle, left, right) = (mean("middle", 6, 10), mean("left", 1, 5), mean("right", 11, 15));
    // From the network's input values to grey levels, and to the number of steps above the darkest.
    let gain = shape.std / shape.scale * 255.0 / step(cases);
    let shift = (shape.mean / shape.scale * 255.0 - DARKEST) / step(cases);
    let (gain, shift, zero, last) = (g.scalar(gain), g.scalar(shift), g.scalar(0.0), g.scalar((cases - 1) as f32));
    let scaled = g.node("Mul", &[&middle, &gain], vec![]);
    let steps = g.node("Add", &[&scaled, &shift], vec![]);
    let nearest = g.node("Round", &[&steps], vec![]);
    let case = g.node("Clip", &[&nearest, &zero, &last], vec![]);
    let mirrored = g.node("Greater", &[&left, &right], vec![]);
    let mirrored = g.node("Cast", &[&mirrored], vec![a::int("to", 1)]);
    let two = g.scalar(2.0);
    let twice = g.node("Mul", &[&case, &two], vec![]);
    let row = g.node("Add", &[&twice, &mirrored], vec![]);
    g.node("Cast", &[&row], vec![a::int("to", 7)])
}

/// A map from a small table: rows (N, H, K) by cells (N, K, L) by columns (N, L, W), in which rows and columns have a
/// single 1 per pixel, so that the products copy the cells' values exactly.
fn draw(g: &mut GraphBuilder, image: &str, row: &str, shape: &Shape, replies: &[[Reply; 2]]) -> String {
    let grids: Vec<Grid> = replies.iter().flatten().map(|reply| Grid::new(&reply.map, shape.size)).collect();
    let count = grids.len() as i64;
    let most = |side: fn(&Grid) -> usize| grids.iter().map(side).max().unwrap_or_default();
    let (down, across) = (most(|grid| grid.rows.len()), most(|grid| grid.columns.len()));
    let cells: Vec<f32> = grids.iter().flat_map(|grid| grid.padded(down, across)).collect();
    let cells = g.constant("cells", &[count, down as i64, across as i64], &cells);
    let cells = g.node("Gather", &[&cells, row], vec![]);
    let bands = |bands: fn(&Grid) -> &[(i64, i64)]| -> Vec<Vec<(i64, i64)>> {
        grids.iter().map(|grid| bands(grid).to_vec()).collect()
    };
    let rows = one_hot(g, image, row, ("rows", 2), shape.size.0, &bands(|grid| &grid.rows));
    let columns = one_hot(g, image, row, ("columns", 3), shape.size.1, &bands(|grid| &grid.columns));
    let columns = g.node("Transpose", &[&columns], vec![a::ints("perm", &[0, 2, 1])]);
    let left = g.node("MatMul", &[&rows, &cells], vec![]);
    let map = g.node("MatMul", &[&left, &columns], vec![]);
    let channel = g.integers("channel", &[1]);
    g.node("Unsqueeze", &[&map, &channel], vec![])
}

/// (N, side, K): the band of each pixel of an axis. A view of another size sees the same drawing, scaled.
fn one_hot(
    g: &mut GraphBuilder,
    image: &str,
    row: &str,
    (name, axis): (&str, i64),
    side: i64,
    bands: &[Vec<(i64, i64)>],
) -> String {
    let most = bands.iter().map(Vec::len).max().unwrap_or_default();
    let mut edges = |end: &str, pick: fn(&(i64, i64)) -> i64| {
        // Bands that a drawing lacks contain no pixel.
        let padded = bands.iter().flat_map(|it| (0..most).map(move |k| it.get(k).map_or(-1.0, |b| pick(b) as f32)));
        let padded: Vec<f32> = padded.collect();
        let table = g.constant(&format!("{name}_{end}"), &[bands.len() as i64, 1, most as i64], &padded);
        g.node("Gather", &[&table, row], vec![])
    };
    let (from, to) = (edges("from", |band| band.0), edges("to", |band| band.1));
    let length = g.node("Shape", &[image], vec![a::int("start", axis), a::int("end", axis + 1)]);
    let length = g.node("Squeeze", &[&length], vec![]);
    let real = g.node("Cast", &[&length], vec![a::int("to", 1)]);
    let (zero, one, half, side) = (g.scalar(0.0), g.scalar(1.0), g.scalar(0.5), g.scalar(side as f32));
    let pixels = g.node("Range", &[&zero, &real, &one], vec![]);
    let centres = g.node("Add", &[&pixels, &half], vec![]);
    let factor = g.node("Div", &[&side, &real], vec![]);
    let places = g.node("Mul", &[&centres, &factor], vec![]);
    let last = g.integers(&format!("{name}_last"), &[1]);
    let places = g.node("Unsqueeze", &[&places, &last], vec![]);
    let after = g.node("GreaterOrEqual", &[&places, &from], vec![]);
    let before = g.node("Less", &[&places, &to], vec![]);
    let within = g.node("And", &[&after, &before], vec![]);
    g.node("Cast", &[&within], vec![a::int("to", 1)])
}

/// A drawing cut along all its edges.
struct Grid {
    rows: Vec<(i64, i64)>,
    columns: Vec<(i64, i64)>,
    cells: Array2<f32>,
}

impl Grid {
    fn new(drawing: &Drawing, (height, width): (i64, i64)) -> Self {
        let bands = |side: i64, first: usize| {
            let edges = drawing.rectangles.iter().flat_map(|(edges, _)| [edges[first], edges[first + 1]]);
            let mut edges: Vec<i64> = edges.chain([0, side]).map(|edge| edge.clamp(0, side)).collect();
            edges.sort_unstable();
            edges.dedup();
            edges.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
        };
        let (rows, columns) = (bands(height, 0), bands(width, 2));
        let value = |(row, column): (usize, usize)| {
            let (y, x) = (rows[row].0, columns[column].0);
            let covers = |&&([top, bottom, left, right], _): &&([i64; 4], f32)| {
                (top..bottom).contains(&y) && (left..right).contains(&x)
            };
            drawing.rectangles.iter().rev().find(covers).map_or(drawing.ground, |(_, value)| *value)
        };
        let cells = Array2::from_shape_fn((rows.len(), columns.len()), value);
        Self { rows, columns, cells }
    }

    fn padded(&self, down: usize, across: usize) -> Vec<f32> {
        let cell = |(row, column)| self.cells.get((row, column)).copied().unwrap_or_default();
        Array2::from_shape_fn((down, across), cell).into_iter().collect()
    }
}
