//! The filters as nodes of an ONNX graph.

use pleura::onnx::{GraphBuilder, attribute};

use crate::arrays::{TINY, positions_aside, positions_down};
use crate::filters::Filters;
use crate::perceptron::Perceptron;

/// A graph of maps of shape (batch, 1, side, side) and halves of it.
pub struct Graph {
    /// The graph so far.
    pub builder: GraphBuilder,
    side: usize,
}

impl Graph {
    pub fn new(name: &str, side: usize) -> Self {
        Self { builder: GraphBuilder::new(name), side }
    }

    /// A perceptron over maps: two 1 × 1 convolutions. Gives logits, (batch, 1, side, side).
    pub fn perceptron(&mut self, name: &str, maps: &[String], weights: &Perceptron) -> String {
        let (inputs, hidden) = (weights.inputs() as i64, weights.hidden() as i64);
        let maps: Vec<_> = maps.iter().map(String::as_str).collect();
        let stacked = self.builder.node("Concat", &maps, vec![attribute::int("axis", 1)]);
        let builder = &mut self.builder;
        let first = builder.constant(&format!("{name}.0.weight"), &[hidden, inputs, 1, 1], &weights.first);
        let first_bias = builder.constant(&format!("{name}.0.bias"), &[hidden], &weights.first_bias);
        let second = builder.constant(&format!("{name}.2.weight"), &[1, hidden, 1, 1], &weights.second);
        let second_bias = builder.constant(&format!("{name}.2.bias"), &[1], &[weights.second_bias]);
        let inner = builder.node("Conv", &[&stacked, &first, &first_bias], vec![]);
        let inner = builder.node("Relu", &[&inner], vec![]);
        builder.node("Conv", &[&inner, &second, &second_bias], vec![])
    }

    pub fn sigmoid(&mut self, map: &str) -> String {
        self.builder.node("Sigmoid", &[map], vec![])
    }

    fn pool(&mut self, map: &str, window: i64, stride: i64, pad: i64) -> String {
        let attributes = vec![
            attribute::ints("kernel_shape", &[window, window]),
            attribute::ints("strides", &[stride, stride]),
            attribute::ints("pads", &[pad; 4]),
        ];
        self.builder.node("AveragePool", &[map], attributes)
    }

    /// Positions along one axis, as large as a map of full size.
    fn positions(&mut self, name: &str, shape: &[i64], positions: &[f32], map: &str) -> String {
        let line = self.builder.constant(name, shape, positions);
        let size = self.builder.node("Shape", &[map], vec![]);
        self.builder.node("Expand", &[&line, &size], vec![])
    }

    /// A constant list of integers, stored once.
    fn integers(&mut self, name: &str, numbers: &[i64]) -> String {
        let missing = self.builder.find(name).is_none();
        if missing { self.builder.integers(name, numbers) } else { name.to_owned() }
    }
}

impl Filters for Graph {
    type Map = String;

    fn mean(&mut self, map: &String, window: usize) -> String {
        self.pool(map, window as i64, 1, window as i64 / 2)
    }

    fn shrink(&mut self, map: &String) -> String {
        self.pool(map, 2, 2, 0)
    }

    fn grow(&mut self, map: &String, times: usize) -> String {
        let name = format!("grow_{times}");
        let missing = self.builder.find(&name).is_none();
        let scales = if missing {
            let times = times as f32;
            self.builder.constant(&name, &[4], &[1.0, 1.0, times, times])
        } else {
            name
        };
        let attributes = vec![
            attribute::string("mode", "linear"),
            attribute::string("coordinate_transformation_mode", "half_pixel"),
        ];
        self.builder.node("Resize", &[map, "", &scales], attributes)
    }

    fn subtract(&mut self, one: &String, other: &String) -> String {
        self.builder.node("Sub", &[one, other], vec![])
    }

    fn multiply(&mut self, one: &String, other: &String) -> String {
        self.builder.node("Mul", &[one, other], vec![])
    }

    fn root(&mut self, map: &String) -> String {
        let tiny = self.builder.scalar(TINY);
        let above = self.builder.node("Add", &[map, &tiny], vec![]);
        self.builder.node("Sqrt", &[&above], vec![])
    }

    fn mirror(&mut self, map: &String) -> String {
        let last = self.integers("last", &[-1]);
        let beyond = self.integers("beyond", &[-(1 << 30)]);
        let axis = self.integers("axis_x", &[3]);
        self.builder.node("Slice", &[map, &last, &beyond, &axis, &last], vec![])
    }

    fn down(&mut self, map: &String) -> String {
        self.positions("down", &[1, 1, self.side as i64, 1], &positions_down(self.side), map)
    }

    fn aside(&mut self, map: &String) -> String {
        self.positions("aside", &[1, 1, 1, self.side as i64], &positions_aside(self.side), map)
    }
}
