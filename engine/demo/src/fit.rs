//! Fits the networks' weights on phantoms that the demo never shows.

use ndarray::{Array1, Array2, Axis};
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::Random;
use crate::arrays::Arrays;
use crate::arrays::shrink_to;
use crate::filters::features;
use crate::network::{Answer, Design, Network};
use crate::perceptron::Perceptron;
use crate::phantom::Phantom;

/// The seed of the phantoms that weights are fitted on; the demo refuses it.
pub const FIT_SEED: u64 = 0x0070_6c65_7572_6166;

/// How many phantoms pixels are taken from, and how many more the threshold and the score are fitted on.
const PHANTOMS: (u64, u64) = (110, 110);

/// Pixels taken from each phantom: anywhere, and within its pneumothorax.
const PIXELS: (usize, usize) = (1500, 900);

/// A prepared phantom: the network's input and its truth, (side, side).
struct Example {
    image: Array2<f32>,
    truth: Array2<bool>,
}

/// Fits a network: the first guess, the answer, then where the answer's logits cross 0, and the score.
#[must_use]
pub fn fit(design: Design) -> Network {
    let mut random = Random::seed_from_u64(FIT_SEED ^ design.side as u64);
    let examples = examples(design, 0..PHANTOMS.0);
    let guess = fit_pixels(&examples, design.hidden.0, 10, &mut random, |image| features(&mut Arrays, image));
    let evidence = |image: &Array2<f32>| Network::evidence(&guess, image);
    let answer = fit_pixels(&examples, design.hidden.1, 14, &mut random, evidence);
    let mut network = Network { design, guess, answer, score: None };
    let others = self::examples(design, PHANTOMS.0..PHANTOMS.0 + PHANTOMS.1);
    let logits: Vec<_> = others.par_iter().map(|example| network.logits(&example.image)).collect();
    if design.answer == Answer::Score {
        network.score = Some(fit_score(&others, &logits, &mut random));
    } else {
        network.answer.second_bias -= best_threshold(&others, &logits);
    }
    network
}

/// Radiographs as the engine prepares them: shrunk by area, then `(intensity - mean) / std`.
fn examples(design: Design, numbers: std::ops::Range<u64>) -> Vec<Example> {
    let example = |number| {
        let phantom = Phantom::new(FIT_SEED, number, crate::SIDE);
        // as stored in 8 bits
        let stored = phantom.intensities.mapv(|value| (value * 255.0).round() / 255.0);
        let truth = phantom.truth.pixels().mapv(|marked| f32::from(u8::from(marked)));
        Example {
            image: shrink_to(&stored, design.side).mapv(|value| (value - design.mean) / design.std),
            truth: shrink_to(&truth, design.side).mapv(|share| share > 0.5),
        }
    };
    numbers.into_par_iter().map(example).collect()
}

fn fit_pixels(
    examples: &[Example],
    hidden: usize,
    epochs: usize,
    random: &mut Random,
    look: impl Fn(&Array2<f32>) -> Vec<Array2<f32>> + Sync,
) -> Perceptron {
    let seeds: Vec<u64> = examples.iter().map(|_| random.random()).collect();
    let parts: Vec<_> = examples
        .par_iter()
        .zip(seeds)
        .map(|(example, seed)| sample(example, &look(&example.image), &mut Random::seed_from_u64(seed)))
        .collect();
    let samples: Vec<_> = parts.iter().map(|part| part.0.view()).collect();
    let labels: Vec<_> = parts.iter().map(|part| part.1.view()).collect();
    let samples = ndarray::concatenate(Axis(0), &samples).expect("every part has as many features");
    let labels = ndarray::concatenate(Axis(0), &labels).expect("every part is a list");
    Perceptron::fit(samples.view(), labels.view(), hidden, epochs, random)
}

/// Some pixels of an example: what they look like, (pixels, features), and whether they are marked.
fn sample(example: &Example, maps: &[Array2<f32>], random: &mut Random) -> (Array2<f32>, Array1<f32>) {
    let (rows, columns) = example.truth.dim();
    let anywhere = (0..PIXELS.0).map(|_| (random.random_range(0..rows), random.random_range(0..columns)));
    let mut places: Vec<_> = anywhere.collect();
    let marked: Vec<_> = example.truth.indexed_iter().filter(|&(_, &marked)| marked).map(|(place, _)| place).collect();
    if !marked.is_empty() {
        places.extend((0..PIXELS.1).map(|_| marked[random.random_range(0..marked.len())]));
    }
    let samples = Array2::from_shape_fn((places.len(), maps.len()), |(index, map)| maps[map][places[index]]);
    let labels = places.iter().map(|&place| f32::from(u8::from(example.truth[place]))).collect();
    (samples, labels)
}

/// The logit above which the mean Dice of the positive examples is highest.
fn best_threshold(examples: &[Example], logits: &[Array2<f32>]) -> f32 {
    let positive: Vec<_> =
        examples.iter().zip(logits).filter(|(example, _)| example.truth.iter().any(|&t| t)).collect();
    let dice = |threshold: f32| -> f32 {
        positive.par_iter().map(|(example, logits)| dice(&example.truth, &logits.mapv(|l| l > threshold))).sum()
    };
    let candidates = (-8..=16).map(|step| step as f32 * 0.25);
    candidates
        .map(|threshold| (threshold, dice(threshold)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0.0, |best| best.0)
}

/// Twice the overlap over the sum of areas; 1 for two empty masks.
pub fn dice(one: &Array2<bool>, other: &Array2<bool>) -> f32 {
    let both = one.iter().zip(other).filter(|&(&a, &b)| a && b).count();
    let sum = one.iter().chain(other).filter(|&&marked| marked).count();
    if sum == 0 { 1.0 } else { 2.0 * both as f32 / sum as f32 }
}

fn fit_score(examples: &[Example], logits: &[Array2<f32>], random: &mut Random) -> Perceptron {
    let samples: Vec<_> = logits.iter().flat_map(Network::summary).collect();
    let samples = Array2::from_shape_vec((logits.len(), 2), samples).expect("two numbers each");
    let labels: Array1<f32> =
        examples.iter().map(|example| f32::from(u8::from(example.truth.iter().any(|&marked| marked)))).collect();
    Perceptron::fit(samples.view(), labels.view(), 4, 400, random)
}
