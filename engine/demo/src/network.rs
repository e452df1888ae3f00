//! The demo's networks: what they look like, how they run on arrays, and their ONNX graphs.

use ndarray::Array2;
use pleura::onnx::{Dim, ElementType, Model, attribute};

use crate::arrays::Arrays;
use crate::filters::{Filters, context, features};
use crate::graph::Graph;
use crate::perceptron::{Perceptron, sigmoid};

/// What a network answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// One probability an image: the output `score`, (batch).
    Score,
    /// A map of probabilities: the output `map`, (batch, 1, side, side).
    Probabilities,
    /// A map of logits: the output `map`, (batch, 1, side, side).
    Logits,
}

/// What a network is fed, and what it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// The file's stem.
    pub name: &'static str,
    /// Input height and width.
    pub side: usize,
    /// 1, or 3 for the grey image three times over.
    pub channels: usize,
    /// The input is `(intensity - mean) / std`.
    pub mean: f32,
    /// See `mean`.
    pub std: f32,
    /// What it answers.
    pub answer: Answer,
    /// Hidden units of the first guess and of the answer.
    pub hidden: (usize, usize),
}

/// The networks of `ensembles/demo.toml`: unlike each other on purpose, as members of real ensembles are.
pub const DESIGNS: [Design; 3] = [
    Design {
        name: "classifier-192",
        side: 192,
        channels: 1,
        mean: 0.0,
        std: 1.0,
        answer: Answer::Score,
        hidden: (24, 16),
    },
    Design {
        name: "segmenter-256",
        side: 256,
        channels: 1,
        mean: 0.0,
        std: 1.0,
        answer: Answer::Probabilities,
        hidden: (32, 24),
    },
    Design {
        name: "segmenter-384",
        side: 384,
        channels: 3,
        mean: 0.5,
        std: 0.25,
        answer: Answer::Logits,
        hidden: (24, 24),
    },
];

/// A design with weights. It guesses each pixel by `features`, then looks at the guess around each pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The design.
    pub design: Design,
    /// From features to the first guess.
    pub guess: Perceptron,
    /// From features and the guess's surroundings to the map.
    pub answer: Perceptron,
    /// From the map's peak and mean to the score.
    pub score: Option<Perceptron>,
}

/// The window over which the map is averaged before its peak is taken: a lone pixel is no finding.
const PEAK: usize = 5;

impl Network {
    /// Everything the last layer sees of a prepared image, (side, side).
    pub fn evidence(guess: &Perceptron, image: &Array2<f32>) -> Vec<Array2<f32>> {
        let mut maps = features(&mut Arrays, image);
        let first = guess.logits(&maps).mapv(sigmoid);
        maps.extend(context(&mut Arrays, &first));
        maps
    }

    /// The map's logits for a prepared image.
    pub fn logits(&self, image: &Array2<f32>) -> Array2<f32> {
        self.answer.logits(&Self::evidence(&self.guess, image))
    }

    /// The peak and the mean of a map of logits' probabilities.
    pub fn summary(logits: &Array2<f32>) -> [f32; 2] {
        let map = logits.mapv(sigmoid);
        let peak = Arrays.mean(&map, PEAK).iter().copied().fold(0.0, f32::max);
        [peak, map.sum() / map.len() as f32]
    }

    /// The network as an ONNX model with a dynamic batch.
    #[must_use]
    pub fn to_onnx(&self) -> Model {
        let Design { name, side, channels, .. } = self.design;
        let shape = |channels: usize| -> [Dim; 4] {
            ["batch".into(), (channels as i64).into(), (side as i64).into(), (side as i64).into()]
        };
        let mut graph = Graph::new(name, side);
        graph.builder.describe("Reads the made-up radiographs of `pleura demo`; of no use for real ones.");
        let input = graph.builder.input("image", ElementType::Float, &shape(channels));
        let image = if channels == 1 { input } else { graph.grey(&input) };
        let mut maps = features(&mut graph, &image);
        let first = graph.perceptron("guess", &maps, &self.guess);
        let first = graph.sigmoid(&first);
        maps.extend(context(&mut graph, &first));
        let logits = graph.perceptron("answer", &maps, &self.answer);
        let map = if self.design.answer == Answer::Logits { logits } else { graph.sigmoid(&logits) };
        match &self.score {
            Some(weights) => {
                let score = graph.score(&map, weights);
                graph.builder.output(&score, "score", ElementType::Float, &["batch".into()]);
            }
            None => graph.builder.output(&map, "map", ElementType::Float, &shape(1)),
        }
        graph.builder.build()
    }

    /// The network whose weights a model holds; none if the model is not of this design.
    #[must_use]
    pub fn from_onnx(design: Design, model: &Model) -> Option<Self> {
        let numbers = |name: &str| -> Option<Vec<f32>> {
            let tensor = model.graph().initializer.iter().find(|tensor| tensor.name == name)?;
            let bytes = tensor.raw_data.as_ref()?.chunks_exact(4);
            bytes.map(|four| four.try_into().ok().map(f32::from_le_bytes)).collect()
        };
        let perceptron = |name: &str| {
            Some(Perceptron {
                first: numbers(&format!("{name}.0.weight"))?,
                first_bias: numbers(&format!("{name}.0.bias"))?,
                second: numbers(&format!("{name}.2.weight"))?,
                second_bias: *numbers(&format!("{name}.2.bias"))?.first()?,
            })
        };
        Some(Self { design, guess: perceptron("guess")?, answer: perceptron("answer")?, score: perceptron("score") })
    }
}

impl Graph {
    /// The mean of the channels.
    fn grey(&mut self, image: &str) -> String {
        let axis = self.builder.integers("axis_channels", &[1]);
        self.builder.node("ReduceMean", &[image, &axis], vec![attribute::int("keepdims", 1)])
    }

    /// From a map of probabilities to one probability an image, (batch).
    fn score(&mut self, map: &String, weights: &Perceptron) -> String {
        let smooth = self.mean(map, PEAK);
        let peak = self.builder.node("GlobalMaxPool", &[&smooth], vec![]);
        let mean = self.builder.node("GlobalAveragePool", &[map], vec![]);
        let logit = self.perceptron("score", &[peak, mean], weights);
        let score = self.sigmoid(&logit);
        let flat = self.builder.integers("flat", &[-1]);
        self.builder.node("Reshape", &[&score, &flat], vec![])
    }
}
