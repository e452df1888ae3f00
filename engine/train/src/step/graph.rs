//! The part that training and evaluation share: a network's forward pass with losses at its end.

use std::sync::Arc;

use super::{Source, StepError, Subject};
use crate::backward::gradients;
use crate::device::{Buffer, DeviceError, Place};
use crate::forward::{Forward, Mode, forward};
use crate::loss::{self, Head, Written};
use crate::recipe::Loss;
use crate::trace::{Target, Trace};

/// A graph with losses at its end.
pub struct Traced {
    pub trace: Trace,
    pub forward: Forward,
    pub written: Written,
    /// The name of the image's input.
    pub image: String,
    /// The map's and the scores' logits, if the network has them, and the inputs of their truth.
    pub map: Option<Head>,
    pub score: Option<Head>,
}

/// Writes a network's forward pass and its losses, for images of one shape, (N, C, H, W).
pub fn trace(
    target: Target,
    subject: &Subject,
    shape: [usize; 4],
    loss: &Loss,
    mode: Mode,
) -> Result<Traced, StepError> {
    let mut trace = Trace::on(target, if mode == Mode::Training { "pass" } else { "evaluation" });
    let forward = forward(&mut trace, &subject.network(), shape, mode)?;
    let image = forward.image.clone();
    let [count, _, height, width] = shape;
    let map = head(&mut trace, subject, subject.map.as_ref(), "truth.map", &[count, 1, height, width])?;
    let score = head(&mut trace, subject, subject.score.as_ref(), "truth.score", &[count])?;
    let written = trace.exactly(|trace| loss::write(trace, loss, map.as_ref(), score.as_ref()));
    Ok(Traced { trace, forward, written, image, map, score })
}

/// The output of the weighted sum of all terms.
const TOTAL: &str = "loss";

/// The output of a term.
fn term(at: usize) -> String {
    format!("{TOTAL}.{at}")
}

/// Declares the losses as outputs.
pub fn output_losses(trace: &mut Trace, written: &Written) {
    trace.output(&written.total, TOTAL);
    written.terms.iter().enumerate().for_each(|(at, (_, value))| trace.output(value, &term(at)));
}

/// Builds a step for images of one shape, (N, C, H, W), without running it, to check whether a network can be trained.
///
/// # Errors
/// If it cannot; the error names the node.
pub fn check(subject: &Subject, shape: [usize; 4], loss: &Loss) -> Result<(), StepError> {
    let Traced { mut trace, written, forward, .. } = trace(Target::Cpu, subject, shape, loss, Mode::Training)?;
    gradients(&mut trace, &written.total, &forward.trained)?;
    Ok(())
}

/// An output's logits in the shape that losses require, and an input for its truth.
fn head(
    trace: &mut Trace,
    subject: &Subject,
    source: Option<&Source>,
    truth: &str,
    wanted: &[usize],
) -> Result<Option<Head>, StepError> {
    let Some(source) = source else { return Ok(None) };
    let logits = trace.exactly(|trace| source.write(trace, &subject.model, wanted, subject.channels_last))?;
    trace.input(truth, wanted);
    Ok(Some(Head { logits, truth: truth.to_owned() }))
}

/// The buffers of a batch and of its losses.
pub struct Io {
    pub image: Arc<Buffer>,
    pub map: Option<Arc<Buffer>>,
    pub score: Option<Arc<Buffer>>,
    pub total: Arc<Buffer>,
    pub terms: Vec<(String, Arc<Buffer>)>,
}

impl Io {
    pub fn new(place: &Place, traced: &Traced) -> Result<Self, DeviceError> {
        let buffer = |value: &str| place.buffer(traced.trace.shape(value));
        let truth = |head: &Option<Head>| head.as_ref().map(|head| buffer(&head.truth)).transpose();
        let terms = traced.written.terms.iter();
        Ok(Self {
            image: buffer(&traced.image)?,
            map: truth(&traced.map)?,
            score: truth(&traced.score)?,
            total: place.buffer(&[])?,
            terms: terms.map(|(name, _)| Ok((name.clone(), place.buffer(&[])?))).collect::<Result<_, DeviceError>>()?,
        })
    }

    /// The graph's inputs in these buffers, by name.
    pub fn inputs<'i>(&'i self, traced: &Traced) -> Vec<(String, &'i Arc<Buffer>)> {
        let truth = |head: &Option<Head>, buffer: &'i Option<Arc<Buffer>>| {
            head.as_ref().zip(buffer.as_ref()).map(|(head, buffer)| (head.truth.clone(), buffer))
        };
        let image = Some((traced.image.clone(), &self.image));
        [image, truth(&traced.map, &self.map), truth(&traced.score, &self.score)].into_iter().flatten().collect()
    }

    /// The losses' outputs in these buffers, by name.
    pub fn outputs(&self) -> Vec<(String, &Arc<Buffer>)> {
        let terms = self.terms.iter().enumerate().map(|(at, (_, buffer))| (term(at), buffer));
        std::iter::once((TOTAL.to_owned(), &self.total)).chain(terms).collect()
    }

    /// Writes a batch into the buffers: images (N, C, H, W), maps (N, 1, H, W) and labels (N), row-major.
    pub fn write(&self, images: &[f32], maps: &[f32], labels: &[f32]) -> Result<(), DeviceError> {
        self.image.write(images)?;
        self.map.as_ref().map_or(Ok(()), |buffer| buffer.write(maps))?;
        self.score.as_ref().map_or(Ok(()), |buffer| buffer.write(labels))
    }

    pub fn losses(&self) -> Result<Losses, DeviceError> {
        let number = |buffer: &Buffer| Ok(buffer.read()?[0]);
        let terms = self.terms.iter().map(|(name, buffer)| Ok((name.clone(), number(buffer)?)));
        Ok(Losses { total: number(&self.total)?, terms: terms.collect::<Result<_, DeviceError>>()? })
    }
}

/// A batch's losses.
#[derive(Debug, Clone, PartialEq)]
pub struct Losses {
    /// The weighted sum.
    pub total: f32,
    /// Each term before its factor.
    pub terms: Vec<(String, f32)>,
}
