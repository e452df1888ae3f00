//! A view's map between the network and its place in the output, in the form that is resized.

use ndarray::{Array2, Array3, Axis};

use super::classes::{log_odds_map, log_odds_of_planes};
use super::outputs::probabilities;
use crate::Size;
use crate::manifest::{MapResize, Pick};
use pleura_image::resize::resized_map;

/// A map of (height, width), by the quantity that is resized.
#[derive(Debug, Clone, PartialEq)]
pub enum Map {
    /// Probabilities.
    Probabilities(Array2<f32>),
    /// Log-odds, to which a sigmoid is applied.
    LogOdds(Array2<f32>),
    /// The numbers of three or more classes, one plane each, and the classes that count.
    Classes(Vec<Array2<f32>>, Pick),
}

impl Map {
    /// The map of the picked classes, from the numbers of all, (C, h, w). With two classes only their difference counts,
    /// and resizing it equals resizing both.
    pub fn of_classes(numbers: &Array3<f32>, pick: Pick) -> Self {
        match (numbers.len_of(Axis(0)), pick.channels.len()) {
            (2, 1) => Self::LogOdds(log_odds_map(numbers.view(), &pick)),
            _ => Self::Classes(numbers.outer_iter().map(|plane| plane.to_owned()).collect(), pick),
        }
    }

    /// Applies a function to each plane.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn try_map<E>(self, mut each: impl FnMut(Array2<f32>) -> Result<Array2<f32>, E>) -> Result<Self, E> {
        Ok(match self {
            Self::Probabilities(map) => Self::Probabilities(each(map)?),
            Self::LogOdds(map) => Self::LogOdds(each(map)?),
            Self::Classes(planes, pick) => Self::Classes(planes.into_iter().map(each).collect::<Result<_, _>>()?, pick),
        })
    }

    /// Resizes it to `size`, then converts to probabilities.
    pub fn placed(self, size: Size, how: MapResize) -> Array2<f32> {
        let resize = |plane| resized_map(plane, size, how);
        match self {
            Self::Probabilities(map) => Self::Probabilities(resize(map)).probabilities(),
            Self::LogOdds(map) => squashed(resize(map)),
            Self::Classes(planes, pick) => squashed(log_odds_of_planes(planes.into_iter().map(resize), &pick)),
        }
    }

    /// Converts to probabilities, in place.
    pub fn probabilities(self) -> Array2<f32> {
        match self {
            // A view's inverse may overshoot; probabilities may not.
            Self::Probabilities(map) => map.mapv_into(|p| p.clamp(0.0, 1.0)),
            Self::LogOdds(map) => squashed(map),
            Self::Classes(planes, pick) => squashed(log_odds_of_planes(planes.into_iter(), &pick)),
        }
    }
}

fn squashed(mut odds: Array2<f32>) -> Array2<f32> {
    probabilities(&mut odds);
    odds
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::manifest::Join;

    fn first() -> Pick {
        Pick { channels: vec![0], join: Join::Max, complement: false }
    }

    fn near(found: Array2<f32>, expected: [f32; 4]) -> bool {
        found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5)
    }

    /// torch.nn.functional.interpolate(x, size=(1, 4), mode="bilinear", align_corners=False).softmax(1)
    #[test]
    fn classes_are_resized_before_the_softmax() {
        let two = array![[[0.0, 4.0]], [[2.0, -2.0]]];
        assert!(near(
            Map::of_classes(&two, first()).placed(Size::new(1, 4), MapResize::Linear),
            [0.119_202_92, 0.5, 0.982_013_8, 0.997_527_4]
        ));
        let three = array![[[0.0, 4.0]], [[2.0, -2.0]], [[1.0, 1.0]]];
        assert!(near(
            Map::of_classes(&three, first()).placed(Size::new(1, 4), MapResize::Linear),
            [0.090_030_57, 0.333_333_3, 0.866_813_3, 0.950_330_2]
        ));
    }
}
