//! A small network for one pixel at a time: features, a hidden layer of rectifiers, a logit.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::Random;

/// Weights of a perceptron, as two 1 × 1 convolutions hold them.
#[derive(Debug, Clone, PartialEq)]
pub struct Perceptron {
    /// (hidden, inputs), row-major.
    pub first: Vec<f32>,
    /// (hidden).
    pub first_bias: Vec<f32>,
    /// (hidden).
    pub second: Vec<f32>,
    /// The logit's bias.
    pub second_bias: f32,
}

/// How many samples share a step.
const BATCH: usize = 256;

impl Perceptron {
    /// How many features a pixel has.
    pub fn inputs(&self) -> usize {
        self.first.len() / self.first_bias.len()
    }

    /// How many hidden units there are.
    pub fn hidden(&self) -> usize {
        self.first_bias.len()
    }

    /// Fits weights to samples, (samples, inputs), and labels of 0 or 1: cross entropy, Adam, a falling rate.
    pub fn fit(
        samples: ArrayView2<f32>,
        labels: ArrayView1<f32>,
        hidden: usize,
        epochs: usize,
        random: &mut Random,
    ) -> Self {
        let scale = Scale::of(samples);
        let samples = scale.apply(samples);
        let mut learner = Learner::new(samples.ncols(), hidden, random);
        let mut order: Vec<usize> = (0..samples.nrows()).collect();
        for epoch in 0..epochs {
            order.shuffle(random);
            let rate = 4e-3 * (1.0 - epoch as f32 / epochs as f32).max(0.02);
            for batch in order.chunks(BATCH) {
                learner.step(&samples.select(Axis(0), batch), &labels.select(Axis(0), batch), rate);
            }
        }
        scale.fold(&learner.weights)
    }

    /// The logits of maps of equal size.
    pub fn logits(&self, maps: &[Array2<f32>]) -> Array2<f32> {
        let mut logits = Array2::from_elem(maps[0].dim(), self.second_bias);
        for unit in 0..self.hidden() {
            let mut inner = Array2::from_elem(maps[0].dim(), self.first_bias[unit]);
            for (map, &weight) in maps.iter().zip(&self.first[unit * maps.len()..]) {
                inner.scaled_add(weight, map);
            }
            inner.mapv_inplace(|value| value.max(0.0));
            logits.scaled_add(self.second[unit], &inner);
        }
        logits
    }
}

/// From a logit to a probability.
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Each feature's mean and spread.
struct Scale {
    mean: Array1<f32>,
    spread: Array1<f32>,
}

impl Scale {
    fn of(samples: ArrayView2<f32>) -> Self {
        let count = samples.nrows() as f32;
        let mean = samples.sum_axis(Axis(0)) / count;
        let spread = (&samples - &mean).mapv(|value| value * value).sum_axis(Axis(0)) / count;
        Self { mean, spread: spread.mapv(|value| value.sqrt().max(1e-5)) }
    }

    fn apply(&self, samples: ArrayView2<f32>) -> Array2<f32> {
        (&samples - &self.mean) / &self.spread
    }

    /// The weights for samples that are not scaled.
    fn fold(&self, weights: &Weights) -> Perceptron {
        let first = &weights.first / &self.spread;
        let first_bias = &weights.first_bias - first.dot(&self.mean);
        Perceptron {
            first: first.iter().copied().collect(),
            first_bias: first_bias.to_vec(),
            second: weights.second.to_vec(),
            second_bias: weights.second_bias[0],
        }
    }
}

/// Weights, or anything of their shape.
#[derive(Clone)]
struct Weights {
    first: Array2<f32>,
    first_bias: Array1<f32>,
    second: Array1<f32>,
    second_bias: Array1<f32>,
}

impl Weights {
    fn zeros(inputs: usize, hidden: usize) -> Self {
        Self {
            first: Array2::zeros((hidden, inputs)),
            first_bias: Array1::zeros(hidden),
            second: Array1::zeros(hidden),
            second_bias: Array1::zeros(1),
        }
    }

    fn slices(&mut self) -> [&mut [f32]; 4] {
        let expect = "freshly made arrays are contiguous";
        [
            self.first.as_slice_mut().expect(expect),
            self.first_bias.as_slice_mut().expect(expect),
            self.second.as_slice_mut().expect(expect),
            self.second_bias.as_slice_mut().expect(expect),
        ]
    }
}

/// Adam.
struct Learner {
    weights: Weights,
    mean: Weights,
    square: Weights,
    steps: i32,
}

impl Learner {
    fn new(inputs: usize, hidden: usize, random: &mut Random) -> Self {
        let mut weights = Weights::zeros(inputs, hidden);
        let (reach, reach2) = ((3.0 / inputs as f32).sqrt(), (3.0 / hidden as f32).sqrt());
        weights.first.mapv_inplace(|_| random.random_range(-reach..reach));
        weights.second.mapv_inplace(|_| random.random_range(-reach2..reach2));
        let zeros = Weights::zeros(inputs, hidden);
        Self { weights, mean: zeros.clone(), square: zeros, steps: 0 }
    }

    fn step(&mut self, samples: &Array2<f32>, labels: &Array1<f32>, rate: f32) {
        let mut gradient = self.gradient(samples, labels);
        self.steps += 1;
        let (bias1, bias2) = (1.0 - 0.9f32.powi(self.steps), 1.0 - 0.999f32.powi(self.steps));
        let parts = self.weights.slices().into_iter().zip(gradient.slices());
        let moments = self.mean.slices().into_iter().zip(self.square.slices());
        for ((weights, gradient), (mean, square)) in parts.zip(moments) {
            for index in 0..weights.len() {
                mean[index] += 0.1 * (gradient[index] - mean[index]);
                square[index] += 0.001 * (gradient[index] * gradient[index] - square[index]);
                weights[index] -= rate * (mean[index] / bias1) / ((square[index] / bias2).sqrt() + 1e-8);
            }
        }
    }

    /// The mean cross entropy's gradient.
    fn gradient(&self, samples: &Array2<f32>, labels: &Array1<f32>) -> Weights {
        let inner = (samples.dot(&self.weights.first.t()) + &self.weights.first_bias).mapv(|value| value.max(0.0));
        let logits = inner.dot(&self.weights.second) + self.weights.second_bias[0];
        let error = (logits.mapv(sigmoid) - labels) / labels.len() as f32;
        let column = error.view().insert_axis(Axis(1));
        let mut back = column.dot(&self.weights.second.view().insert_axis(Axis(0)));
        back.zip_mut_with(&inner, |back, &inner| *back *= f32::from(inner > 0.0));
        Weights {
            first: back.t().dot(samples).as_standard_layout().into_owned(),
            first_bias: back.sum_axis(Axis(0)),
            second: inner.t().dot(&error),
            second_bias: Array1::from_elem(1, error.sum()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_perceptron_learns_what_a_line_cannot_tell() {
        let mut random = Random::seed_from_u64(3);
        let samples = Array2::from_shape_simple_fn((2000, 2), || random.random_range(5.0..7.0f32));
        let ring = |row: ArrayView1<f32>| f32::from((row[0] - 6.0).hypot(row[1] - 6.0) < 0.6);
        let labels = samples.map_axis(Axis(1), ring);
        let fitted = Perceptron::fit(samples.view(), labels.view(), 16, 300, &mut random);
        let maps = [0, 1].map(|axis| samples.column(axis).to_owned().insert_axis(Axis(0)));
        let right =
            fitted.logits(&maps).iter().zip(&labels).filter(|&(&logit, &label)| (logit > 0.0) == (label > 0.5)).count();
        assert!(right > 1900, "{right} of 2000");
    }
}
