//! Postprocessing at all points of a grid, for one image, without a pass per point.
//!
//! The steps form a tree: at each step, all choices of its numbers that give the same mask share a branch. The pixels
//! above a threshold are counted once for all thresholds, a minimum area only needs the sizes of a mask or its
//! components, and masks are drawn only for steps that need pixels. A step that is not a stock plugin runs once for
//! each choice and each mask before it.

use std::path::Path;
use std::sync::Arc;

use ndarray::ArrayView2;

use super::cuts::{Cut, Cuts};
use super::error::TuneError;
use super::shape::{Canvas, Shape};
use super::step::Choices;
use super::stock::{self, Stock};
use super::target::Target;
use crate::Mask;
use crate::ensemble::{ImageError, run_postprocess};
use crate::manifest;
use crate::plugin::{Context, Plugin, PluginError};

/// The steps of postprocessing, each with its choices. Points are numbered with the last step's choices running
/// fastest.
pub struct Chain {
    steps: Vec<Choices>,
    cuts: Cuts,
    points: usize,
    /// The lowest probability that can matter; `None` if a plugin may depend on any.
    lowest: Option<Cut>,
}

impl Chain {
    /// Opens the plugins of steps, each given at all its choices; `folder` is the manifest's.
    ///
    /// # Errors
    /// If a plugin cannot be opened, or refuses every choice.
    pub fn open(steps: &[Vec<manifest::Step>], folder: &Path) -> Result<Self, TuneError> {
        let opened = steps.iter().enumerate().map(|(index, choices)| open(choices, index, folder));
        Ok(Self::new(opened.collect::<Result<_, _>>()?, steps))
    }

    fn new(opened: Vec<Choices>, steps: &[Vec<manifest::Step>]) -> Self {
        let cuts: Vec<Cut> =
            opened.iter().filter_map(|step| step.stock.as_ref()).flatten().flatten().flat_map(|it| it.cuts()).collect();
        let cuts = Cuts::new(cuts);
        let blind = |(step, choices): (&Choices, &Vec<manifest::Step>)| {
            step.stock.is_some() || choices.iter().all(stock::ignores_map)
        };
        let lowest = cuts.lowest().filter(|_| opened.iter().zip(steps).all(blind));
        let points = opened.iter().map(Choices::len).product();
        Self { steps: opened, cuts, points, lowest }
    }

    /// The same steps, with every plugin run at every choice.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.steps.iter_mut().for_each(|step| (step.stock, step.keeps_nothing) = (None, false));
        self.lowest = None;
        self
    }

    /// The number of points.
    #[must_use]
    pub fn points(&self) -> usize {
        self.points
    }

    /// The lowest threshold, below which no probability matters; `None` if a plugin may depend on any.
    #[must_use]
    pub fn lowest(&self) -> Option<f32> {
        self.lowest.map(|cut| cut.at)
    }

    /// Whether each point is accepted by all plugins.
    #[must_use]
    pub fn accepted(&self) -> Vec<bool> {
        (0..self.points).map(|point| self.plugins(point).is_some()).collect()
    }

    /// Dice's coefficient of an image at every point; NaN if a plugin refuses a point.
    ///
    /// # Errors
    /// If a plugin fails.
    pub fn dice(&self, map: ArrayView2<'_, f32>, target: &Target, context: &Context) -> Result<Vec<f32>, ImageError> {
        let canvas = Canvas::new(map, target, context, &self.cuts);
        let mut dice = vec![f32::NAN; self.points];
        fill(&self.steps, &canvas, None, &mut dice)?;
        Ok(dice)
    }

    /// The mask at one point, by running the plugins; `None` if one of them refuses it.
    ///
    /// # Errors
    /// If a plugin fails.
    pub fn mask(&self, point: usize, map: ArrayView2<'_, f32>, context: &Context) -> Result<Option<Mask>, ImageError> {
        let Some(plugins) = self.plugins(point) else { return Ok(None) };
        Ok(run_postprocess(&plugins, context, map)?.pop())
    }

    fn plugins(&self, mut point: usize) -> Option<Vec<Arc<Plugin>>> {
        let mut plugins = Vec::with_capacity(self.steps.len());
        for step in self.steps.iter().rev() {
            plugins.push(step.plugins[point % step.len()].clone()?);
            point /= step.len();
        }
        plugins.reverse();
        Some(plugins)
    }
}

/// Fills in the points of the remaining steps.
fn fill(steps: &[Choices], canvas: &Canvas<'_>, shape: Option<&Shape>, dice: &mut [f32]) -> Result<(), ImageError> {
    let Some((step, rest)) = steps.split_first() else {
        let shape = shape.ok_or(ImageError::NoMask)?;
        dice.fill(canvas.target.dice(shape.sums) as f32);
        return Ok(());
    };
    let block = dice.len() / step.len();
    let outcomes = step.outcomes(canvas, shape)?;
    let mut done: Vec<Option<usize>> = vec![None; outcomes.shapes.len()];
    for (choice, outcome) in outcomes.of.iter().enumerate() {
        let Some(outcome) = *outcome else { continue };
        let place = choice * block;
        if let Some(same) = done[outcome] {
            dice.copy_within(same..same + block, place);
        } else {
            fill(rest, canvas, Some(&outcomes.shapes[outcome]), &mut dice[place..place + block])?;
            done[outcome] = Some(place);
        }
    }
    Ok(())
}

fn open(choices: &[manifest::Step], index: usize, folder: &Path) -> Result<Choices, TuneError> {
    let failed = |source| TuneError::Plugin { step: index, source: Box::new(source) };
    let (mut plugins, mut refusal) = (Vec::new(), None);
    for choice in choices {
        match Plugin::open(choice, folder) {
            Ok(plugin) => plugins.push(Some(Arc::new(plugin))),
            Err(error @ PluginError::Refused { .. }) => {
                refusal = Some(error);
                plugins.push(None);
            }
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(refusal) = refusal.filter(|_| plugins.iter().all(Option::is_none)) {
        return Err(failed(refusal));
    }
    let known: Vec<Option<Stock>> = choices
        .iter()
        .zip(&plugins)
        .map(|(step, plugin)| plugin.as_ref().and_then(|_| Stock::from_step(step)))
        .collect();
    let all = known.iter().zip(&plugins).all(|(known, plugin)| known.is_some() == plugin.is_some());
    let keeps_nothing = choices.iter().all(stock::keeps_nothing);
    Ok(Choices { plugins, stock: all.then_some(known), keeps_nothing, number: index + 1 })
}
