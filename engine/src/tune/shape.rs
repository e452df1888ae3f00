//! Masks in a search, drawn only when their pixels are needed.

use std::rc::Rc;

use ndarray::{Array2, ArrayView2};
use pleura_image::regions::{Components, Connectivity};

use super::cuts::{Cut, Cuts};
use super::target::{Sums, Target};
use crate::Mask;
use crate::plugin::Context;

/// One image in a search.
pub struct Canvas<'a> {
    /// The merged map, (height, width), in 0..=1.
    pub map: ArrayView2<'a, f32>,
    /// The truth.
    pub target: &'a Target,
    /// The plugins' context of the image.
    pub context: &'a Context,
    cuts: &'a Cuts,
    /// The sums above each cut.
    levels: Vec<Sums>,
}

/// A mask, represented by its counts.
#[derive(Clone)]
pub struct Shape {
    pub sums: Sums,
    pixels: Pixels,
}

#[derive(Clone)]
enum Pixels {
    Nothing,
    /// The pixels that pass a cut.
    Level(Cut),
    /// Some of a mask's components.
    Kept(Rc<Components>, Rc<[bool]>),
    Drawn(Rc<Mask>),
}

/// The components of a mask, with the counts of each.
pub struct Parts {
    components: Rc<Components>,
    sums: Vec<Sums>,
}

impl<'a> Canvas<'a> {
    /// An image whose map is counted at the cuts of a search.
    pub fn new(map: ArrayView2<'a, f32>, target: &'a Target, context: &'a Context, cuts: &'a Cuts) -> Self {
        Self { map, target, context, cuts, levels: cuts.sums(map, target) }
    }

    /// The number of pixels that pass a cut.
    pub fn area(&self, cut: Cut) -> usize {
        self.levels[self.cuts.place(cut)].area as usize
    }

    /// The mask of the pixels that pass a cut.
    pub fn level(&self, cut: Cut) -> Shape {
        let sums = self.levels[self.cuts.place(cut)];
        if sums.area == 0 { Shape::nothing() } else { Shape { sums, pixels: Pixels::Level(cut) } }
    }

    /// The shape of a mask of the map's size.
    pub fn shape(&self, mask: Mask) -> Shape {
        let sums = self.target.sums(&mask);
        if sums.area == 0 { Shape::nothing() } else { Shape { sums, pixels: Pixels::Drawn(Rc::new(mask)) } }
    }

    /// A mask's pixels.
    pub fn draw(&self, shape: &Shape) -> Rc<Mask> {
        match &shape.pixels {
            Pixels::Nothing => Rc::new(Mask::empty(self.map.dim().into())),
            Pixels::Level(cut) => Rc::new(Mask::from(self.map.mapv(|p| cut.passes(p)))),
            Pixels::Kept(components, kept) => {
                let mut pixels = Array2::from_elem(self.map.dim(), false);
                components.keep(kept, pixels.view_mut());
                Rc::new(Mask::from(pixels))
            }
            Pixels::Drawn(mask) => Rc::clone(mask),
        }
    }

    /// A mask's components.
    pub fn parts(&self, shape: &Shape, connectivity: Connectivity) -> Parts {
        let components = Components::new(self.draw(shape).pixels(), connectivity);
        let mut sums = vec![Sums::default(); components.areas().len()];
        components.each(|component, (row, column)| sums[component].add(self.target.at(row, column)));
        Parts { components: Rc::new(components), sums }
    }
}

impl Shape {
    /// The empty mask.
    pub fn nothing() -> Self {
        Self { sums: Sums::default(), pixels: Pixels::Nothing }
    }

    /// Whether no pixel is marked.
    pub fn is_nothing(&self) -> bool {
        self.sums.area == 0
    }
}

impl Parts {
    /// The number of pixels of each component.
    pub fn areas(&self) -> &[usize] {
        self.components.areas()
    }

    /// The mean probability of each.
    pub fn means(&self, map: ArrayView2<'_, f32>) -> Vec<f64> {
        self.components.means(map)
    }

    /// The mask of the components that are kept.
    pub fn keep(&self, kept: &[bool]) -> Shape {
        let mut sums = Sums::default();
        self.sums.iter().zip(kept).filter(|(_, kept)| **kept).for_each(|(part, _)| sums.add(*part));
        if sums.area == 0 {
            return Shape::nothing();
        }
        Shape { sums, pixels: Pixels::Kept(Rc::clone(&self.components), kept.into()) }
    }
}
