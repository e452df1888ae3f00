//! The optimiser: from gradients to new weights, in place.
//!
//! Weights, gradients and moments are contiguous in memory and processed in pieces that fit into a cache. Each piece's
//! new numbers overwrite the old ones in the last node that reads them.

use std::sync::Arc;

use super::{State, StepError};
use crate::device::{Buffer, DeviceError, Flat, Place, Program};
use crate::recipe::{Average, Optimizer};
use crate::trace::Trace;

/// The numbers that differ from one update to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// The learning rate.
    pub lr: f32,
    /// The number of updates including this one, from 1.
    pub updates: u64,
    /// The number of passes whose gradients were accumulated.
    pub passes: u32,
}

/// The optimiser's graph.
pub struct Update {
    program: Program,
    optimizer: Optimizer,
    scalars: [Arc<Buffer>; 4],
}

/// The names of the numbers that change: the learning rate, the two corrections of Adam, and one over the passes.
const SCALARS: [&str; 4] = ["lr", "correction1", "correction2", "share"];

impl Update {
    /// Opens the optimiser on the device, for these weights.
    ///
    /// # Errors
    /// If the device refuses the graph.
    pub fn new(
        place: &Place,
        state: &State,
        optimizer: &Optimizer,
        average: Option<&Average>,
    ) -> Result<Self, StepError> {
        let mut graph = Graph::new();
        let scalars = graph.scalars(place)?;
        let weights = graph.declare("weights", &state.trained)?;
        let gradients = graph.declare("gradients", &state.gradients)?;
        let moments = state.moments.iter().enumerate();
        let moments: Vec<Vec<Piece>> =
            moments.map(|(at, flat)| graph.declare(&format!("moment{at}"), flat)).collect::<Result<_, _>>()?;
        let averages = match (average, &state.average) {
            (Some(&Average::Ema { decay }), Some(flat)) => Some((decay, graph.declare("average", flat)?)),
            _ => None,
        };
        let share = share(&mut graph.trace, &gradients, clip(optimizer));
        for (at, weight) in weights.iter().enumerate() {
            let gradient = graph.trace.mul(&gradients[at].name, &share);
            let old: Vec<&str> = moments.iter().map(|moment| moment[at].name.as_str()).collect();
            let new = rule(&mut graph.trace, optimizer, &weight.name, &gradient, &old);
            for (moment, new) in moments.iter().zip(&new.moments) {
                graph.replace(&moment[at], new);
            }
            graph.replace(weight, &new.weight);
            if let Some((decay, pieces)) = &averages {
                let mean = moving_average(&mut graph.trace, &pieces[at].name, &new.weight, *decay);
                graph.replace(&pieces[at], &mean);
            }
        }
        Ok(Self { program: graph.open(place)?, optimizer: *optimizer, scalars })
    }

    /// Updates the weights with the current gradients.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&mut self, rates: Rates) -> Result<(), DeviceError> {
        let (first, second) = match self.optimizer {
            Optimizer::Sgd { .. } => (1.0, 1.0),
            Optimizer::Adam { betas, .. } | Optimizer::Adamw { betas, .. } => {
                let left = |beta: f32| 1.0 - f64::from(beta).powf(rates.updates as f64);
                (1.0 / left(betas[0]), 1.0 / left(betas[1]).sqrt())
            }
        };
        let numbers = [rates.lr, first as f32, second as f32, 1.0 / rates.passes as f32];
        self.scalars.iter().zip(numbers).try_for_each(|(buffer, number)| buffer.write(&[number]))?;
        self.program.run()
    }
}

/// A piece of the weights, or of their gradients or moments.
struct Piece {
    name: String,
    buffer: Arc<Buffer>,
}

/// The graph while it is built, and the buffers that it reads and writes.
struct Graph {
    trace: Trace,
    inputs: Vec<(String, Arc<Buffer>)>,
    outputs: Vec<(String, Arc<Buffer>)>,
}

impl Graph {
    fn new() -> Self {
        Self { trace: Trace::new("update"), inputs: Vec::new(), outputs: Vec::new() }
    }

    /// Declares [`SCALARS`] as inputs.
    fn scalars(&mut self, place: &Place) -> Result<[Arc<Buffer>; 4], DeviceError> {
        let [a, b, c, d] = SCALARS.map(|_| place.buffer(&[]));
        let buffers = [a?, b?, c?, d?];
        for (name, buffer) in SCALARS.into_iter().zip(&buffers) {
            self.inputs.push((self.trace.input(name, &[]), Arc::clone(buffer)));
        }
        Ok(buffers)
    }

    /// Declares the pieces of a vector as inputs.
    fn declare(&mut self, stem: &str, flat: &Flat) -> Result<Vec<Piece>, DeviceError> {
        let pieces = flat.pieces()?.into_iter().enumerate().map(|(at, buffer)| {
            let name = self.trace.input(&format!("{stem}:{at}"), buffer.shape());
            self.inputs.push((name.clone(), Arc::clone(&buffer)));
            Piece { name, buffer }
        });
        Ok(pieces.collect())
    }

    /// Writes new numbers to a piece's buffer.
    fn replace(&mut self, piece: &Piece, new: &str) {
        let name = format!("new:{}", piece.name);
        self.trace.output(new, &name);
        self.outputs.push((name, Arc::clone(&piece.buffer)));
    }

    fn open(self, place: &Place) -> Result<Program, StepError> {
        let (inputs, outputs) = (by_name(&self.inputs), by_name(&self.outputs));
        Ok(Program::new(place, &self.trace.into_model(), &inputs, &outputs)?)
    }
}

fn by_name(named: &[(String, Arc<Buffer>)]) -> Vec<(String, &Arc<Buffer>)> {
    named.iter().map(|(name, buffer)| (name.clone(), buffer)).collect()
}

fn moving_average(t: &mut Trace, average: &str, weight: &str, decay: f32) -> String {
    let (old, new) = (t.scale(average, decay), t.scale(weight, 1.0 - decay));
    t.add(&old, &new)
}

fn clip(optimizer: &Optimizer) -> Option<f32> {
    match *optimizer {
        Optimizer::Sgd { clip, .. } | Optimizer::Adam { clip, .. } | Optimizer::Adamw { clip, .. } => clip,
    }
}

/// The factor of gradients: one over the passes, and smaller if their norm over all weights exceeds the limit.
fn share(t: &mut Trace, gradients: &[Piece], clip: Option<f32>) -> String {
    let Some(most) = clip else { return "share".into() };
    let mut total: Option<String> = None;
    for piece in gradients {
        let square = t.mul(&piece.name, &piece.name);
        let square = t.total(&square);
        total = Some(match total {
            Some(sum) => t.add(&sum, &square),
            None => square,
        });
    }
    let norm = total.expect("a network has weights");
    let norm = t.unary("Sqrt", &norm);
    let norm = t.mul(&norm, "share");
    // PyTorch's clip_grad_norm_ adds this too
    let norm = t.shift(&norm, 1e-6);
    let most = t.scalar(most);
    let down = t.div(&most, &norm);
    let one = t.scalar(1.0);
    let down = t.emit("Min", &[&down, &one], vec![]);
    t.mul("share", &down)
}

/// A weight's new numbers, and those of its moments.
struct New {
    weight: String,
    moments: Vec<String>,
}

fn rule(t: &mut Trace, optimizer: &Optimizer, weight: &str, gradient: &str, moments: &[&str]) -> New {
    match *optimizer {
        Optimizer::Sgd { momentum, nesterov, weight_decay, .. } => {
            let gradient = decayed(t, weight, gradient, weight_decay);
            let (step, moments) = match moments {
                [] => (gradient, Vec::new()),
                moments => {
                    let old = t.scale(moments[0], momentum);
                    let velocity = t.add(&old, &gradient);
                    let ahead = nesterov.then(|| t.scale(&velocity, momentum));
                    let step = ahead.map_or(velocity.clone(), |ahead| t.add(&gradient, &ahead));
                    (step, vec![velocity])
                }
            };
            New { weight: descend(t, weight, &step), moments }
        }
        Optimizer::Adam { betas, epsilon, weight_decay, .. } => {
            let gradient = decayed(t, weight, gradient, weight_decay);
            adam(t, weight, &gradient, moments, betas, epsilon)
        }
        Optimizer::Adamw { betas, epsilon, weight_decay, .. } => {
            let less = t.scale("lr", -weight_decay);
            let less = t.shift(&less, 1.0);
            let weight = t.mul(weight, &less);
            adam(t, &weight, gradient, moments, betas, epsilon)
        }
    }
}

fn decayed(t: &mut Trace, weight: &str, gradient: &str, decay: f32) -> String {
    if decay == 0.0 {
        return gradient.to_owned();
    }
    let pull = t.scale(weight, decay);
    t.add(gradient, &pull)
}

fn descend(t: &mut Trace, weight: &str, step: &str) -> String {
    let step = t.mul(step, "lr");
    t.sub(weight, &step)
}

fn adam(t: &mut Trace, weight: &str, gradient: &str, moments: &[&str], betas: [f32; 2], epsilon: f32) -> New {
    let mean = |t: &mut Trace, old: &str, new: &str, beta: f32| {
        let (old, new) = (t.scale(old, beta), t.scale(new, 1.0 - beta));
        t.add(&old, &new)
    };
    let first = mean(t, moments[0], gradient, betas[0]);
    let square = t.mul(gradient, gradient);
    let second = mean(t, moments[1], &square, betas[1]);
    let root = t.unary("Sqrt", &second);
    let root = t.mul(&root, "correction2");
    let root = t.shift(&root, epsilon);
    // a scalar: the step for one unit of the moment
    let reach = t.mul("lr", "correction1");
    let step = t.div(&first, &root);
    let step = t.mul(&step, &reach);
    New { weight: t.sub(weight, &step), moments: vec![first, second] }
}
