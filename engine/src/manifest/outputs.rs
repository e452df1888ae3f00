//! The outputs of a model: what their numbers mean, and which channels count.

use pleura_image::resize::MapResize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The meaning of a model's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Values {
    /// Any real number; the engine applies a sigmoid to one channel alone.
    Logits,
    /// Between 0 and 1.
    Probabilities,
    /// Any real number for each of two or more exclusive classes, one per channel, as trained with cross-entropy. The
    /// engine applies a softmax over the channels; `channel` is the class. Log-probabilities (`log_softmax`) give the
    /// same result.
    Softmax,
    /// Class labels, counted from 0, as an argmax inside the network gives: whole numbers of any type, or booleans, where
    /// true is class 1. The probability of class `channel` is 1 where the label is that class, and 0 elsewhere.
    Labels,
}

/// An output that holds a map, (N, C, h, w), (N, h, w) or, for a network that takes one image at a time, (h, w);
/// channels last where the input's are.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapOutput {
    /// The output's name in the ONNX graph.
    pub output: String,
    /// The meaning of its numbers.
    pub values: Values,
    /// Values in which the map is resized to the output's size; default: `values`, or the 0 and 1 of `labels` as
    /// probabilities. With `softmax`, the numbers of all classes are resized before the softmax, as `interpolate` before
    /// `softmax` in PyTorch; `probabilities` are resized after it, and `logits` are the log-odds of the class.
    #[serde(default)]
    pub resize_as: Option<Values>,
    /// How the map is resized to the output's size.
    #[serde(default)]
    pub resize: MapResize,
    /// Channel of the output that is the map, counted from 0; with `softmax` and `labels`, the class. Default: 0, except
    /// with these two, which need this or `channels`.
    #[serde(default)]
    pub channel: Option<u32>,
    /// Several channels that become one, by `join`, before the map is resized; with `softmax`, several classes, which
    /// become one where the softmax is taken (see `resize_as`).
    #[serde(default)]
    pub channels: Vec<u32>,
    /// How `channels` become one.
    #[serde(default)]
    pub join: Option<Join>,
    /// With `softmax`, the classes against which the picked one's probability is taken.
    #[serde(default)]
    pub against: Against,
    /// Take 1 minus the probability: for a channel of what is not wanted, such as the background. Applied after `join`,
    /// before `zero_below`.
    #[serde(default)]
    pub complement: bool,
    /// Probabilities strictly below this become 0 in each view's map, before views are averaged.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub zero_below: Option<f32>,
}

/// An output that holds one score per image, (N,), (N, C) or (N, C, 1, 1); for a network that takes one image at a time,
/// also (C,) or a scalar.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreOutput {
    /// The output's name in the ONNX graph.
    pub output: String,
    /// The meaning of its numbers.
    pub values: Values,
    /// Channel of the output that is the score, counted from 0; with `softmax` and `labels`, the class. Default: 0,
    /// except with these two, which need this or `channels`.
    #[serde(default)]
    pub channel: Option<u32>,
    /// Several channels that become one, by `join`; with `softmax`, several classes.
    #[serde(default)]
    pub channels: Vec<u32>,
    /// How `channels` become one.
    #[serde(default)]
    pub join: Option<Join>,
    /// Take 1 minus the probability, such as that of "normal". Applied after `join`.
    #[serde(default)]
    pub complement: bool,
}

/// How the probabilities of several channels become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// Their sum: the probability of any of several exclusive classes. Not with `logits`, whose channels are
    /// independent.
    Sum,
    /// The highest.
    Max,
}

/// The other classes of a softmax that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// All others together: the probability of the softmax. The default.
    #[default]
    All,
    /// The likeliest other alone, at each pixel: above 0.5 is where an argmax over all classes picks this one.
    Likeliest,
}

/// The channels of an output that count, and how they become one probability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// The channels, at least one, counted from 0.
    pub channels: Vec<usize>,
    /// How they become one.
    pub join: Join,
    /// The other classes that count.
    pub against: Against,
    /// Whether 1 minus the result is taken.
    pub complement: bool,
}

impl Pick {
    fn new(channel: Option<u32>, channels: &[u32], join: Option<Join>, complement: bool) -> Self {
        let channels = match channels {
            [] => vec![channel.unwrap_or(0) as usize],
            channels => channels.iter().map(|&channel| channel as usize).collect(),
        };
        Self { channels, join: join.unwrap_or(Join::Max), against: Against::All, complement }
    }
}

impl MapOutput {
    /// The channels that become the map.
    #[must_use]
    pub fn pick(&self) -> Pick {
        Pick { against: self.against, ..Pick::new(self.channel, &self.channels, self.join, self.complement) }
    }

    /// The values in which the map is resized.
    #[must_use]
    pub fn resized_as(&self) -> Values {
        match (self.resize_as, self.values) {
            (Some(values), _) => values,
            (None, Values::Labels) => Values::Probabilities,
            (None, values) => values,
        }
    }
}

impl ScoreOutput {
    /// The channels that become the score.
    #[must_use]
    pub fn pick(&self) -> Pick {
        Pick::new(self.channel, &self.channels, self.join, self.complement)
    }
}

/// How a map of probabilities becomes a score in 0..=1. Counted at the size of the member's own map.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScoreFromMap {
    /// The highest probability.
    Max,
    /// The mean probability.
    Mean,
    /// The mean of the highest probabilities: of that fraction of the pixels (at least one).
    Top {
        /// The fraction, above 0 and up to 1.
        #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
        fraction: f32,
    },
    /// The fraction of pixels above a probability.
    Area {
        /// The probability.
        #[schemars(range(min = 0.0, max = 1.0))]
        above: f32,
    },
}
