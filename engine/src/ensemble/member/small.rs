//! A member's map at its network's size, which is resized while it is merged: row by row, without a plane of the
//! output's size in between.

use ndarray::Array2;
use pleura_image::resize::Linear;

use super::answer::MemberAnswer;
use super::map::{Map, are_probabilities};
use crate::Size;
use crate::manifest::MapResize;

/// Probabilities that are yet to be resized, linearly.
pub struct Small {
    map: Array2<f32>,
    linear: Linear,
}

impl Small {
    /// From a map and the way it is resized; the map again if that is another one.
    pub fn new(map: Map, size: Size, how: MapResize) -> Result<Self, Map> {
        let linear = match &map {
            Map::Probabilities(plane) if how == MapResize::Linear && plane.dim() != size.dim() => {
                Linear::new(plane.dim().into(), size).filter(|_| are_probabilities(plane))
            }
            _ => None,
        };
        match (linear, map) {
            (Some(linear), Map::Probabilities(map)) => Ok(Self { map, linear }),
            (_, map) => Err(map),
        }
    }

    /// Each row of the resized map, from top to bottom.
    pub fn rows(&self, row: impl FnMut(usize, &[f32])) {
        self.linear.run(|number, into| self.source(number, into), row);
    }

    fn source(&self, row: usize, into: &mut [f32]) {
        match self.map.row(row).as_slice() {
            Some(row) => into.copy_from_slice(row),
            None => into.iter_mut().zip(self.map.row(row)).for_each(|(into, &p)| *into = p),
        }
    }

    /// The resized map.
    pub fn resized(&self) -> Array2<f32> {
        self.linear.plane(|row, into| self.source(row, into))
    }
}

/// A member's output, as it comes from the member.
pub struct Given {
    pub answer: MemberAnswer,
    /// The map, if it is not in the answer.
    pub small: Option<Small>,
}

impl Given {
    /// The output with its map.
    pub fn whole(self) -> MemberAnswer {
        match self.small {
            Some(small) => MemberAnswer { map: Some(small.resized()), ..self.answer },
            None => self.answer,
        }
    }
}
