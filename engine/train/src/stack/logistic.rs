//! Logistic regression, by Newton's method.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2, Axis};

use crate::checkpoint::Tensors;
use crate::nets::{MARGIN, logistic_names};
use crate::recipe::stack::FeatureScale;

/// The maximum number of Newton's steps; ten are usually enough.
const STEPS: usize = 100;

/// The gradient's norm per image below which the optimum is reached, except for rounding.
const FLAT: f64 = 1e-12;

/// Weights that minimise the sum of log-losses and `l2 / 2 · Σ weight²`; `scores` are (images, members).
///
/// The sum is strictly convex in the weights, and in the bias if both classes occur: there is one optimum.
pub fn fit(scores: ArrayView2<'_, f32>, labels: &[bool], of: FeatureScale, l2: f32) -> Tensors {
    let features = features(scores, of);
    let (images, members) = features.dim();
    // (images, members + 1): the last column is the bias's
    let x = DMatrix::from_fn(images, members + 1, |row, column| features.get((row, column)).copied().unwrap_or(1.0));
    let y = DVector::from_iterator(images, labels.iter().map(|&label| f64::from(u8::from(label))));
    let penalty = DVector::from_fn(members + 1, |row, _| if row < members { f64::from(l2) } else { 0.0 });
    let mut weights = DVector::zeros(members + 1);
    for _ in 0..STEPS {
        let p = (&x * &weights).map(sigmoid);
        let gradient = x.tr_mul(&(&p - &y)) + penalty.component_mul(&weights);
        if gradient.norm() < FLAT * images as f64 {
            break;
        }
        let curvature = p.map(|p| p * (1.0 - p));
        let scaled = DMatrix::from_fn(images, members + 1, |row, column| x[(row, column)] * curvature[row]);
        let hessian = x.tr_mul(&scaled) + DMatrix::from_diagonal(&penalty);
        let Some(factor) = hessian.cholesky() else { break };
        weights = descend(&x, &y, &penalty, &weights, &factor.solve(&gradient));
    }
    let numbers: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
    let [weight, bias] = logistic_names();
    let of_members = (vec![1, members], numbers[..members].to_vec());
    [(weight, of_members), (bias, (vec![1], numbers[members..].to_vec()))].into_iter().collect()
}

/// The probabilities with weights of [`fit`], (images).
pub fn answer(scores: ArrayView2<'_, f32>, weights: &Tensors, of: FeatureScale) -> Vec<f32> {
    let [weight, bias] = logistic_names().map(|name| weights[&name].1.clone());
    let logit = |row: ndarray::ArrayView1<'_, f64>| {
        row.iter().zip(&weight).fold(f64::from(bias[0]), |sum, (x, &weight)| sum + x * f64::from(weight))
    };
    features(scores, of).axis_iter(Axis(0)).map(|row| sigmoid(logit(row)) as f32).collect()
}

fn features(scores: ArrayView2<'_, f32>, of: FeatureScale) -> Array2<f64> {
    scores.mapv(|score| match of {
        FeatureScale::Probabilities => f64::from(score),
        FeatureScale::Logits => {
            let p = f64::from(score.clamp(MARGIN, 1.0 - MARGIN));
            (p / (1.0 - p)).ln()
        }
    })
}

/// Newton's step, halved until the loss decreases.
fn descend(
    x: &DMatrix<f64>,
    y: &DVector<f64>,
    penalty: &DVector<f64>,
    weights: &DVector<f64>,
    step: &DVector<f64>,
) -> DVector<f64> {
    let loss = |weights: &DVector<f64>| {
        let losses = (x * weights).zip_map(y, |logit, y| softplus(logit) - y * logit).sum();
        losses + 0.5 * penalty.component_mul(weights).dot(weights)
    };
    let before = loss(weights);
    let mut share = 1.0;
    // near the optimum a step changes the loss by less than rounding, and is taken in full
    while loss(&(weights - step * share)) > before + 1e-12 * before.abs() && share > 1e-10 {
        share /= 2.0;
    }
    weights - step * share
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// `ln(1 + e^x)`, without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
