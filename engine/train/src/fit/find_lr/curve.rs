//! The loss over the learning rate, and what it suggests.

/// The loss diverges where it is this many times the lowest: of a falling loss, no noise is as high.
const DIVERGED: f64 = 4.0;
/// The weight of the past in the running mean by which divergence is seen.
const MEMORY: f64 = 0.8;
/// The first steps, in which the running mean is not settled yet.
const UNSETTLED: usize = 5;
/// The width of the smoothing (a Gaussian's sigma), as a share of the steps.
const WIDTH: f64 = 0.025;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrPoint {
    /// The learning rate.
    pub lr: f32,
    /// The batch's loss before the step; may be infinite or NaN in the last point.
    pub loss: f64,
    /// The loss, smoothed over the steps around it.
    pub smoothed: f64,
}

/// The loss over the learning rate.
#[derive(Debug, Clone, PartialEq)]
pub struct LrCurve {
    /// The steps, in order.
    pub points: Vec<LrPoint>,
    /// The learning rate where the loss falls most steeply: a good first choice. `None` if it never falls.
    pub steepest: Option<f32>,
    /// The learning rate with the lowest smoothed loss; a tenth of it is the highest that usually works.
    pub lowest: Option<f32>,
    /// Whether the loss diverged before the end of the range.
    pub diverged: bool,
}

impl LrCurve {
    /// The curve of losses by learning rate.
    #[must_use]
    pub fn new(losses: Vec<(f32, f64)>) -> Self {
        let diverged = diverges(&losses);
        let smoothed = smoothed(&losses);
        let point = |(&(lr, loss), smoothed)| LrPoint { lr, loss, smoothed };
        let points: Vec<LrPoint> = losses.iter().zip(smoothed).map(point).collect();
        let finite: Vec<&LrPoint> = points.iter().filter(|point| point.smoothed.is_finite()).collect();
        let lowest = finite.iter().min_by(|a, b| a.smoothed.total_cmp(&b.smoothed)).map(|point| point.lr);
        let steepest = steepest(&finite);
        Self { points, steepest, lowest, diverged }
    }
}

/// The rate in the middle of the three points between which the loss falls most.
fn steepest(points: &[&LrPoint]) -> Option<f32> {
    let falls = points.windows(3).map(|three| (three[2].smoothed - three[0].smoothed, three[1].lr));
    falls.filter(|(change, _)| *change < 0.0).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, lr)| lr)
}

/// Whether the last loss is so high, or not a number, that higher rates need not be tried.
pub(super) fn diverges(losses: &[(f32, f64)]) -> bool {
    let Some((_, last)) = losses.last() else { return false };
    if !last.is_finite() {
        return true;
    }
    let means = running(losses);
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    // losses such as the Lovász hinge may be near 0
    losses.len() > UNSETTLED && means.last().is_some_and(|last| *last > DIVERGED * lowest.max(1e-3))
}

/// The running mean, weighted towards the last steps, without a bias towards its start.
fn running(losses: &[(f32, f64)]) -> Vec<f64> {
    let (mut mean, mut weight) = (0.0, 1.0);
    let next = |(_, loss): &(f32, f64)| {
        mean = MEMORY * mean + (1.0 - MEMORY) * loss;
        weight *= MEMORY;
        mean / (1.0 - weight)
    };
    losses.iter().map(next).collect()
}

/// Each loss as a weighted mean of those around it, so that falls stay where they are; NaN where there is none.
fn smoothed(losses: &[(f32, f64)]) -> Vec<f64> {
    let sigma = (WIDTH * losses.len() as f64).max(1.0);
    let at = |middle: usize| {
        let near = losses.iter().enumerate().filter(|(_, (_, loss))| loss.is_finite()).map(|(step, (_, loss))| {
            let weight = (-0.5 * ((step as f64 - middle as f64) / sigma).powi(2)).exp();
            (weight, weight * loss)
        });
        let (weights, sum) = near.fold((0.0, 0.0), |sums, (weight, loss)| (sums.0 + weight, sums.1 + loss));
        sum / weights
    };
    (0..losses.len()).map(at).collect()
}
