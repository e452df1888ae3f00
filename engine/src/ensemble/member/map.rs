//! A view's map between the network and its place in the output, in the form that is resized.

use std::convert::Infallible;

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
    /// Logits of the picked channels, which are independent, one plane each: the highest counts.
    Independent(Vec<Array2<f32>>, Pick),
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
            Self::Independent(planes, pick) => {
                Self::Independent(planes.into_iter().map(each).collect::<Result<_, _>>()?, pick)
            }
        })
    }

    /// Applies a function to each plane.
    pub fn each(self, mut each: impl FnMut(Array2<f32>) -> Array2<f32>) -> Self {
        let Ok(map) = self.try_map(|plane| Ok::<_, Infallible>(each(plane)));
        map
    }

    /// The planes, in order.
    pub fn planes(&self) -> &[Array2<f32>] {
        match self {
            Self::Probabilities(map) | Self::LogOdds(map) => std::slice::from_ref(map),
            Self::Classes(planes, _) | Self::Independent(planes, _) => planes,
        }
    }

    /// Changes each plane.
    pub fn each_mut(&mut self, change: impl FnMut(&mut Array2<f32>)) {
        match self {
            Self::Probabilities(map) | Self::LogOdds(map) => std::slice::from_mut(map),
            Self::Classes(planes, _) | Self::Independent(planes, _) => planes,
        }
        .iter_mut()
        .for_each(change);
    }

    /// Zeros of the same form.
    pub fn zeros(&self, size: Size) -> Self {
        let mut zeros = self.clone();
        zeros.each_mut(|plane| *plane = Array2::zeros(size));
        zeros
    }

    /// Changes each plane by that of another map.
    ///
    /// # Errors
    /// If the two differ in form.
    pub fn zip_with(
        &mut self,
        other: &Self,
        mut change: impl FnMut(&mut Array2<f32>, &Array2<f32>),
    ) -> Result<(), String> {
        let (here, there) = (self.planes().len(), other.planes().len());
        if here != there || std::mem::discriminant(self) != std::mem::discriminant(other) {
            return Err(format!("has {here} and {there} classes for one image"));
        }
        let mut others = other.planes().iter();
        self.each_mut(|plane| others.by_ref().take(1).for_each(|other| change(plane, other)));
        Ok(())
    }

    /// Resizes it to `size`, then converts to probabilities.
    pub fn placed(self, size: Size, how: MapResize) -> Array2<f32> {
        match self {
            // only one plane is needed at a time
            Self::Classes(planes, pick) => {
                squashed(log_odds_of_planes(planes.into_iter().map(|plane| resized_map(plane, size, how)), &pick))
            }
            map => map.each(|plane| resized_map(plane, size, how)).probabilities(),
        }
    }

    /// Converts to probabilities, in place.
    pub fn probabilities(self) -> Array2<f32> {
        match self {
            // A view's inverse may overshoot; probabilities may not.
            Self::Probabilities(map) => map.mapv_into(|p| p.clamp(0.0, 1.0)),
            Self::LogOdds(map) => squashed(map),
            Self::Classes(planes, pick) => squashed(log_odds_of_planes(planes.into_iter(), &pick)),
            Self::Independent(planes, pick) => squashed(highest(planes, &pick)),
        }
    }
}

/// Whether all numbers are in 0..=1.
pub fn are_probabilities(map: &Array2<f32>) -> bool {
    // one pass without branches; no NaN is within
    map.iter().fold(true, |all, p| all & (0.0..=1.0).contains(p))
}

/// The highest logit at each pixel, or its negative.
fn highest(planes: Vec<Array2<f32>>, pick: &Pick) -> Array2<f32> {
    let highest = planes.into_iter().reduce(|mut highest, plane| {
        highest.zip_mut_with(&plane, |highest, &logit| *highest = highest.max(logit));
        highest
    });
    let sign = if pick.complement { -1.0 } else { 1.0 };
    highest.unwrap_or_default().mapv_into(|logit| sign * logit)
}

fn squashed(mut odds: Array2<f32>) -> Array2<f32> {
    probabilities(&mut odds);
    odds
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::manifest::{Against, Join};

    fn first() -> Pick {
        Pick { channels: vec![0], join: Join::Max, against: Against::All, complement: false }
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
