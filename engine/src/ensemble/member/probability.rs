//! Probabilities and logits.

/// Logits lie within plus and minus this: single precision knows no probability between it and 1.
const LARGEST_LOGIT: f32 = 15.9;

/// Where a shifted map's threshold lies, and that of networks that name none.
pub const MIDDLE: f32 = 0.5;

/// The probability of a logit.
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The logit of a probability, kept finite at 0 and 1.
pub fn logit(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln().clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
}
