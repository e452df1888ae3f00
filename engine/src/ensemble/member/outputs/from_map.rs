//! A score in 0..=1 from a map of probabilities.

use ndarray::ArrayView2;

use crate::manifest::ScoreFromMap;
use crate::planes;

/// Computes a score in 0..=1 from a map of probabilities.
pub fn score_from_map(map: ArrayView2<'_, f32>, how: ScoreFromMap) -> f32 {
    let pixels = map.len() as f64;
    match how {
        ScoreFromMap::Max => planes::highest(&map),
        ScoreFromMap::Mean => (map.iter().map(|&p| f64::from(p)).sum::<f64>() / pixels) as f32,
        ScoreFromMap::Area { above } => (map.iter().filter(|&&p| p > above).count() as f64 / pixels) as f32,
        ScoreFromMap::Top { fraction } => {
            let count = ((pixels * f64::from(fraction)).round() as usize).clamp(1, map.len());
            let mut values: Vec<f32> = map.iter().copied().collect();
            values.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
            (values[..count].iter().map(|&p| f64::from(p)).sum::<f64>() / count as f64) as f32
        }
    }
}
