//! Nelder and Mead's simplex over weights.
//!
//! Weights are the squares of what is moved, over their sum: none is negative, and only their ratios count.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, State};
use argmin::solver::neldermead::NelderMead;

use super::error::TuneError;

/// Of one climb.
const STEPS: u64 = 40;
/// How far the first simplex reaches.
const REACH: f64 = 0.35;
/// A simplex whose scores differ by less has arrived.
const ARRIVED: f64 = 1e-5;

/// A score of weights that sum to 1.
pub type Score<'a> = &'a dyn Fn(&[f64]) -> Result<f64, TuneError>;

/// What is made small. The solver panics where it is told of an error: the first is kept beside it.
struct Cost<'a> {
    score: Score<'a>,
    broken: &'a RefCell<Option<TuneError>>,
}

impl CostFunction for Cost<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Self::Param) -> Result<f64, Error> {
        if self.broken.borrow().is_some() {
            return Ok(f64::INFINITY);
        }
        let cost = match (self.score)(&weights(at)) {
            Ok(score) if !score.is_nan() => -score,
            Ok(_) => f64::INFINITY,
            Err(error) => {
                self.broken.replace(Some(error));
                f64::INFINITY
            }
        };
        Ok(cost)
    }
}

/// Weights with a high score, looked for around the roots of weights, `from`; they sum to 1.
///
/// # Errors
/// Those of the score.
pub fn climb(from: &[f64], score: Score<'_>) -> Result<Option<Vec<f64>>, TuneError> {
    let length = from.iter().map(|x| x * x).sum::<f64>().sqrt();
    let first: Vec<f64> = from.iter().map(|x| x / length).collect();
    let along = (0..first.len()).map(|axis| {
        let mut place = first.clone();
        place[axis] += REACH;
        place
    });
    let simplex = std::iter::once(first.clone()).chain(along).collect();
    let solver = NelderMead::new(simplex).with_sd_tolerance(ARRIVED).map_err(failed)?;
    let broken = RefCell::new(None);
    let cost = Cost { score, broken: &broken };
    let run = Executor::new(cost, solver).configure(|state| state.max_iters(STEPS)).run().map_err(failed)?;
    if let Some(error) = broken.take() {
        return Err(error);
    }
    Ok(run.state().get_best_param().map(|best| weights(best)))
}

/// Squares over their sum.
fn weights(at: &[f64]) -> Vec<f64> {
    let sum: f64 = at.iter().map(|x| x * x).sum();
    at.iter().map(|x| if sum > 0.0 { x * x / sum } else { 1.0 / at.len() as f64 }).collect()
}

fn failed(error: Error) -> TuneError {
    TuneError::TooFew(format!("the search of weights broke off: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hill_is_climbed_from_either_side() {
        let hill = |at: &[f64]| Ok(1.0 - (at[0] - 0.7).powi(2) - (at[1] - 0.3).powi(2) - at[2].powi(2));
        for from in [[1.0, 1.0, 1.0], [0.1, 1.0, 0.2]] {
            let found = climb(&from, &hill).unwrap().unwrap();
            assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(hill(&found).unwrap() > 0.995, "{found:?}");
        }
    }

    #[test]
    fn what_breaks_in_it_is_told() {
        for good in [0, 4] {
            let count = RefCell::new(0);
            let broken = |_: &[f64]| {
                *count.borrow_mut() += 1;
                if *count.borrow() > good { Err(TuneError::NotStock) } else { Ok(f64::from(*count.borrow())) }
            };
            assert!(matches!(climb(&[1.0, 1.0], &broken), Err(TuneError::NotStock)));
            assert_eq!(count.take(), good + 1, "it is not asked again");
        }
    }
}
