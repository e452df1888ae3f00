//! Probabilities and logits.

/// The bound of logits: single precision has no probability between its sigmoid and 1.
const LARGEST_LOGIT: f32 = 15.9;

/// The threshold of a shifted map, and of networks without a threshold.
pub const MIDDLE: f32 = 0.5;

/// The probability of a logit.
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The logit of a probability, kept finite at 0 and 1.
pub fn logit(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln().clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
}
