//! Nelder and Mead's simplex over weights (The Computer Journal 7, 1965, pp. 308–313).
//!
//! Weights are the squares of the parameters, divided by their sum: none is negative, and only their ratios count.

use super::error::TuneError;

/// The maximum number of moves of one search.
const MOVES: u64 = 40;
/// The size of the first simplex.
const INITIAL_STEP: f64 = 0.35;
/// The standard deviation of costs below which a simplex has converged.
const TOLERANCE: f64 = 1e-5;

/// The score as a function of weights that sum to 1.
pub type Score<'a> = &'a dyn Fn(&[f64]) -> Result<f64, TuneError>;

/// A corner of the simplex.
struct Vertex {
    at: Vec<f64>,
    /// The negated score, so that less is better; infinite if there is none.
    cost: f64,
}

/// Searches weights with a high score, starting at the roots of weights `from`; the result sums to 1.
///
/// # Errors
/// If the score fails.
pub fn maximize(from: &[f64], score: Score<'_>) -> Result<Vec<f64>, TuneError> {
    let length = from.iter().map(|x| x * x).sum::<f64>().sqrt();
    let first: Vec<f64> = from.iter().map(|x| x / length).collect();
    let along = (0..first.len()).map(|axis| {
        let mut place = first.clone();
        place[axis] += INITIAL_STEP;
        place
    });
    let vertex = |at: Vec<f64>| -> Result<Vertex, TuneError> {
        let score = score(&weights(&at))?;
        Ok(Vertex { at, cost: if score.is_nan() { f64::INFINITY } else { -score } })
    };
    let mut simplex = std::iter::once(first.clone()).chain(along).map(vertex).collect::<Result<Vec<_>, _>>()?;
    sort(&mut simplex);
    for _ in 0..MOVES {
        if deviation(&simplex) < TOLERANCE {
            break;
        }
        step(&mut simplex, vertex)?;
        sort(&mut simplex);
    }
    Ok(weights(&simplex[0].at))
}

/// Moves the worst vertex: reflects it through the middle of the others, further still if that is the best of all, or
/// contracts towards them; if nothing helps, all vertices move towards the best.
fn step<E>(simplex: &mut [Vertex], vertex: impl Fn(Vec<f64>) -> Result<Vertex, E>) -> Result<(), E> {
    let [best, .., second, worst] = &*simplex else { return Ok(()) };
    let middle = centroid(&simplex[..simplex.len() - 1]);
    let reflected = vertex(between(&middle, &worst.at, -1.0))?;
    let better = if reflected.cost < best.cost {
        let expanded = vertex(between(&middle, &reflected.at, 2.0))?;
        Some(if expanded.cost < reflected.cost { expanded } else { reflected })
    } else if reflected.cost < second.cost {
        Some(reflected)
    } else if reflected.cost < worst.cost {
        Some(vertex(between(&middle, &reflected.at, 0.5))?).filter(|outside| outside.cost <= reflected.cost)
    } else {
        Some(vertex(between(&middle, &worst.at, 0.5))?).filter(|inside| inside.cost < worst.cost)
    };
    let (best, rest) = simplex.split_first_mut().expect("it has three vertices or more");
    if let Some(better) = better {
        *rest.last_mut().expect("as above") = better;
        return Ok(());
    }
    for other in rest {
        *other = vertex(between(&best.at, &other.at, 0.5))?;
    }
    Ok(())
}

/// The position `share` of the way from one to another.
fn between(from: &[f64], to: &[f64], share: f64) -> Vec<f64> {
    from.iter().zip(to).map(|(from, to)| from + (to - from) * share).collect()
}

fn centroid(vertices: &[Vertex]) -> Vec<f64> {
    let sum = |axis: usize| vertices.iter().map(|vertex| vertex.at[axis]).sum::<f64>();
    (0..vertices[0].at.len()).map(|axis| sum(axis) * (1.0 / vertices.len() as f64)).collect()
}

fn sort(simplex: &mut [Vertex]) {
    simplex.sort_by(|a, b| a.cost.total_cmp(&b.cost));
}

/// The standard deviation of the costs; NaN if one is infinite.
fn deviation(simplex: &[Vertex]) -> f64 {
    let count = simplex.len() as f64;
    let mean = simplex.iter().map(|vertex| vertex.cost).sum::<f64>() / count;
    (simplex.iter().map(|vertex| (vertex.cost - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()
}

/// Squares divided by their sum.
fn weights(at: &[f64]) -> Vec<f64> {
    let sum: f64 = at.iter().map(|x| x * x).sum();
    at.iter().map(|x| if sum > 0.0 { x * x / sum } else { 1.0 / at.len() as f64 }).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_hill_is_climbed_from_either_side() {
        let hill = |at: &[f64]| Ok(1.0 - (at[0] - 0.7).powi(2) - (at[1] - 0.3).powi(2) - at[2].powi(2));
        for from in [[1.0, 1.0, 1.0], [0.1, 1.0, 0.2]] {
            let found = maximize(&from, &hill).unwrap();
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
            assert!(matches!(maximize(&[1.0, 1.0], &broken), Err(TuneError::NotStock)));
            assert_eq!(count.take(), good + 1, "it is not asked again");
        }
    }
}
