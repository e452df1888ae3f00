//! One step of postprocessing at all values of its numbers: groups of equal results, and the results.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use ndarray::Array2;
use pleura_image::regions::{Connectivity, keep_contours};

use super::cuts::Cut;
use super::shape::{Canvas, Parts, Shape};
use super::stock::Stock;
use crate::Mask;
use crate::ensemble::{ImageError, Step};
use crate::plugin::Plugin;

/// A step at each choice of its numbers.
pub struct Choices {
    /// The plugin itself; `None` if it refuses the choice.
    pub plugins: Vec<Option<Arc<Plugin>>>,
    /// Its effect at each choice that it accepts; `None` if unknown, and the plugin is run.
    pub stock: Option<Vec<Option<Stock>>>,
    /// Whether an empty mask stays empty.
    pub keeps_nothing: bool,
    /// The step's number, from 1.
    pub number: usize,
}

/// A step's results: for each choice, the index of its shape; `None` if the plugin refuses the choice.
pub struct Outcomes {
    pub of: Vec<Option<usize>>,
    pub shapes: Vec<Shape>,
}

/// Choices with the same result, grouped by what it depends on.
struct Groups<K> {
    seen: HashMap<K, usize>,
    outcomes: Outcomes,
}

/// What a mask made from the map depends on: the bits of a cut, its strictness, and the bits of a contour's share.
type FromMap = Option<(u32, bool, Option<u64>)>;

/// The part of a mask that is kept.
#[derive(PartialEq, Eq, Hash)]
enum Survivors {
    Nothing,
    All,
    /// This many of its first components in a ranking.
    Some(Ranking, usize),
}

/// By area or by mean; with the connectivity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ranking {
    mean: bool,
    eight: bool,
}

/// A mask's components, the largest or most probable first.
struct Ranked {
    parts: Parts,
    order: Vec<usize>,
    means: Vec<f64>,
}

impl Choices {
    /// The number of choices.
    pub fn len(&self) -> usize {
        self.plugins.len()
    }

    /// The step's results for a mask; `None` if no previous step has made one.
    ///
    /// # Errors
    /// If the plugin fails.
    pub fn outcomes(&self, canvas: &Canvas<'_>, shape: Option<&Shape>) -> Result<Outcomes, ImageError> {
        if self.keeps_nothing && shape.is_some_and(Shape::is_nothing) {
            let of = self.plugins.iter().map(|plugin| plugin.as_ref().map(|_| 0)).collect();
            return Ok(Outcomes { of, shapes: vec![Shape::nothing()] });
        }
        match (&self.stock, shape) {
            (Some(stock), _) if stock.iter().flatten().all(|stock| stock.makes_mask()) => Ok(from_map(canvas, stock)),
            (Some(stock), Some(shape)) => Ok(from_mask(canvas, stock, shape)),
            _ => self.run(canvas, shape),
        }
    }

    /// Runs the plugin at each choice.
    fn run(&self, canvas: &Canvas<'_>, shape: Option<&Shape>) -> Result<Outcomes, ImageError> {
        let before = shape.map(|shape| canvas.draw(shape));
        let mut outcomes = Outcomes { of: Vec::new(), shapes: Vec::new() };
        let mut last: Option<Mask> = None;
        for plugin in &self.plugins {
            let Some(plugin) = plugin else {
                outcomes.of.push(None);
                continue;
            };
            let mask = plugin
                .postprocess(canvas.context, canvas.map, before.as_deref())
                .map_err(|source| ImageError::plugin(Step::Postprocess(self.number), source))?;
            // Neighbouring values often give the same mask.
            if last.as_ref() != Some(&mask) {
                outcomes.shapes.push(canvas.shape(mask.clone()));
                last = Some(mask);
            }
            outcomes.of.push(Some(outcomes.shapes.len() - 1));
        }
        Ok(outcomes)
    }
}

/// Results of steps that make a mask from the map alone.
fn from_map(canvas: &Canvas<'_>, stock: &[Option<Stock>]) -> Outcomes {
    let mut groups = Groups::new();
    for stock in stock {
        let Some(stock) = stock else {
            groups.refuse();
            continue;
        };
        let drawn = match *stock {
            Stock::Threshold(cut) => Some((cut, None)),
            Stock::Triplet { top, area, bottom, contour_share } => {
                area.reached_by(canvas.area(top), canvas.map.dim().into()).then_some((bottom, contour_share))
            }
            _ => None,
        };
        let key: FromMap = drawn.map(|(cut, share)| (cut.at.to_bits(), cut.strict, share.map(f64::to_bits)));
        groups.add(key, || drawn.map_or_else(Shape::nothing, |(cut, share)| generous(canvas, cut, share)));
    }
    groups.outcomes
}

/// The pixels that pass a cut, or those of its contours that enclose more than a share of the image.
fn generous(canvas: &Canvas<'_>, cut: Cut, contour_share: Option<f64>) -> Shape {
    let level = canvas.level(cut);
    let Some(share) = contour_share.filter(|_| !level.is_nothing()) else { return level };
    let mut pixels = Array2::from_elem(canvas.map.dim(), false);
    keep_contours(canvas.draw(&level).pixels(), share * canvas.map.len() as f64, pixels.view_mut());
    canvas.shape(Mask::from(pixels))
}

/// Results of steps that remove components of a mask: they are found once for all choices.
fn from_mask(canvas: &Canvas<'_>, stock: &[Option<Stock>], shape: &Shape) -> Outcomes {
    let size = canvas.map.dim().into();
    let mut ranked: HashMap<Ranking, Ranked> = HashMap::new();
    let mut groups = Groups::new();
    for stock in stock {
        let Some(stock) = *stock else {
            groups.refuse();
            continue;
        };
        let mut count = |mean, connectivity, stays: &dyn Fn(&Ranked, usize) -> bool| {
            let ranking = Ranking { mean, eight: connectivity == Connectivity::Eight };
            let ranked = ranked.entry(ranking).or_insert_with(|| Ranked::new(canvas, shape, connectivity, mean));
            match ranked.order.partition_point(|&component| stays(ranked, component)) {
                0 => Survivors::Nothing,
                all if all == ranked.order.len() => Survivors::All,
                some => Survivors::Some(ranking, some),
            }
        };
        let left = match stock {
            Stock::MinArea(area) if area.reached_by(shape.sums.area as usize, size) => Survivors::All,
            Stock::MinComponent(area, connectivity) => {
                count(false, connectivity, &|ranked, part| area.reached_by(ranked.parts.areas()[part], size))
            }
            Stock::ComponentMean(above, connectivity) => {
                count(true, connectivity, &|ranked, part| ranked.means[part] > f64::from(above))
            }
            _ => Survivors::Nothing,
        };
        let made = match &left {
            Survivors::Nothing => StepOutput::Known(Shape::nothing()),
            Survivors::All => StepOutput::Known(shape.clone()),
            Survivors::Some(ranking, some) => StepOutput::First(&ranked[ranking], *some),
        };
        groups.add(left, || made.shape());
    }
    groups.outcomes
}

enum StepOutput<'r> {
    Known(Shape),
    First(&'r Ranked, usize),
}

impl StepOutput<'_> {
    fn shape(self) -> Shape {
        match self {
            Self::Known(shape) => shape,
            Self::First(ranked, some) => ranked.first(some),
        }
    }
}

impl Ranked {
    fn new(canvas: &Canvas<'_>, shape: &Shape, connectivity: Connectivity, mean: bool) -> Self {
        let parts = canvas.parts(shape, connectivity);
        let means = if mean { parts.means(canvas.map) } else { Vec::new() };
        let mut order: Vec<usize> = (0..parts.areas().len()).collect();
        if mean {
            order.sort_by(|&a, &b| means[b].total_cmp(&means[a]));
        } else {
            order.sort_by_key(|&part| std::cmp::Reverse(parts.areas()[part]));
        }
        Self { parts, order, means }
    }

    fn first(&self, count: usize) -> Shape {
        let mut kept = vec![false; self.order.len()];
        self.order[..count].iter().for_each(|&part| kept[part] = true);
        self.parts.keep(&kept)
    }
}

impl<K: Eq + Hash> Groups<K> {
    fn new() -> Self {
        Self { seen: HashMap::new(), outcomes: Outcomes { of: Vec::new(), shapes: Vec::new() } }
    }

    fn refuse(&mut self) {
        self.outcomes.of.push(None);
    }

    fn add(&mut self, key: K, make: impl FnOnce() -> Shape) {
        let shapes = &mut self.outcomes.shapes;
        let place = *self.seen.entry(key).or_insert_with(|| {
            shapes.push(make());
            shapes.len() - 1
        });
        self.outcomes.of.push(Some(place));
    }
}
