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
    size: Size,
}

impl Small {
    /// From a map and the way it is resized; the map again if that is another one.
    pub fn new(map: Map, size: Size, how: MapResize) -> Result<Self, Map> {
        let Map::Probabilities(plane) = &map else { return Err(map) };
        let linear = Linear::new(plane.dim().into(), size);
        let linear =
            linear.filter(|_| how == MapResize::Linear && plane.dim() != size.dim() && are_probabilities(plane));
        match (linear, map) {
            (Some(linear), Map::Probabilities(plane)) if plane.is_standard_layout() => {
                Ok(Self { map: plane, linear, size })
            }
            (_, map) => Err(map),
        }
    }

    /// Each row of the resized map, from top to bottom.
    pub fn rows(&self, row: impl FnMut(usize, &[f32])) {
        let source = |row: usize, into: &mut [f32]| {
            into.iter_mut().zip(self.map.row(row)).for_each(|(into, &p)| *into = p);
        };
        self.linear.run(source, row);
    }

    /// The resized map.
    pub fn resized(&self) -> Array2<f32> {
        let mut pixels = Vec::with_capacity(self.size.area());
        self.rows(|_, row| pixels.extend_from_slice(row));
        Array2::from_shape_vec(self.size, pixels).expect("a row for each row of the size")
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
