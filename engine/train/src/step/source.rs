//! The output of a network that is trained, and the way from its numbers back to the logits that losses take.

use pleura::onnx::{Activation, Model};

use super::StepError;
use crate::trace::{Attributes, Trace};

/// What the numbers of a trained output are: those of a manifest's [`Values`](pleura::manifest::Values) that have a
/// gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A sigmoid makes them probabilities.
    Logits,
    /// Probabilities, made inside the network.
    Probabilities,
    /// A softmax over the channels makes them probabilities.
    Softmax,
}

/// An output to train.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name in the graph.
    pub output: String,
    /// What its numbers are.
    pub form: Form,
    /// The channel, or the class; `None` if it has only one.
    pub channel: Option<usize>,
}

impl Source {
    /// An output of logits of one channel, as networks built here have.
    #[must_use]
    pub fn logits(output: &str) -> Self {
        Self { output: output.to_owned(), form: Form::Logits, channel: None }
    }

    /// An output of a foreign network. `form` is what its numbers are said to be; by default, probabilities if the
    /// network ends in a sigmoid or softmax, and logits otherwise.
    ///
    /// # Errors
    /// If the network contradicts `form`, or its logits cannot be reached.
    pub fn of(model: &Model, output: &str, form: Option<Form>, channel: Option<usize>) -> Result<Self, StepError> {
        let is_squashed = squashing(model, output).is_some();
        let form = form.unwrap_or(if is_squashed { Form::Probabilities } else { Form::Logits });
        let output = output.to_owned();
        match (form, model.last_activation(&output)) {
            (Form::Probabilities, _) if !is_squashed => Err(StepError::Unsquashed { output }),
            (Form::Logits | Form::Softmax, Some(Activation::Probability(op))) => {
                Err(StepError::Squashed { output, op })
            }
            _ => Ok(Self { output, form, channel }),
        }
    }

    /// Writes the logits: (N, 1, height, width) for a map, (N) for a score, which `wanted` is.
    pub(super) fn write(
        &self,
        trace: &mut Trace,
        model: &Model,
        wanted: &[usize],
        channels_last: bool,
    ) -> Result<String, StepError> {
        let squashing = squashing(model, &self.output).filter(|_| self.form == Form::Probabilities);
        let value = squashing.as_ref().map_or(&self.output, |squashing| &squashing.logits).clone();
        if !trace.has(&value) {
            return Err(StepError::NoOutput { output: self.output.clone() });
        }
        let found = trace.shape(&value).to_vec();
        let shape = || StepError::Shape { output: self.output.clone(), found: found.clone(), wanted: wanted.to_vec() };
        let planes = channels_second(trace, &value, wanted, channels_last).ok_or_else(shape)?;
        let channels = trace.shape(&planes)[1];
        let channel = match self.channel {
            Some(channel) if channel < channels => channel,
            None if channels == 1 => 0,
            channel => return Err(StepError::Channels { output: self.output.clone(), channels, channel }),
        };
        let of_classes = match (self.form, &squashing) {
            (Form::Softmax, _) => true,
            (_, Some(squashing)) => squashing.is_over_channels(found.len(), channels_last)?,
            _ => false,
        };
        let one = match (of_classes, channels) {
            (true, 1) => return Err(StepError::OneClass { output: self.output.clone() }),
            (true, _) => log_odds(trace, &planes, channel, channels),
            (false, 1) => planes,
            (false, _) => part(trace, &planes, channel, channel + 1),
        };
        let count: usize = wanted.iter().product();
        let is_close = trace.shape(&one).iter().product::<usize>() == count && trace.shape(&one)[0] == wanted[0];
        if !is_close || (wanted.len() == 4 && trace.shape(&one) != wanted) {
            return Err(shape());
        }
        Ok(trace.reshape(&one, wanted))
    }
}

/// What makes probabilities of logits at a network's end.
struct Squashing {
    /// The value before.
    logits: String,
    output: String,
    /// The axis of a softmax; `None` for a sigmoid.
    axis: Option<i64>,
}

impl Squashing {
    /// Whether it is a softmax over the channels; an error over another axis.
    fn is_over_channels(&self, rank: usize, channels_last: bool) -> Result<bool, StepError> {
        let Some(axis) = self.axis else { return Ok(false) };
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        let channels = if channels_last { rank as i64 - 1 } else { 1 };
        if axis == channels { Ok(true) } else { Err(StepError::SoftmaxAxis { output: self.output.clone(), axis }) }
    }
}

/// The sigmoid or softmax that an output comes from, directly.
fn squashing(model: &Model, output: &str) -> Option<Squashing> {
    let mut value = output.to_owned();
    loop {
        let node = model.producer_of(&value)?;
        let found = |axis| Squashing { logits: node.input[0].clone(), output: output.to_owned(), axis };
        match node.op_type.as_str() {
            "Identity" => value.clone_from(&node.input[0]),
            "Sigmoid" => return Some(found(None)),
            "Softmax" => return Some(found(Some(node.int("axis").unwrap_or(-1)))),
            _ => return None,
        }
    }
}

/// (N, C, height, width) for a map, (N, C) for a score; `None` if the value has another number of axes.
fn channels_second(trace: &mut Trace, value: &str, wanted: &[usize], channels_last: bool) -> Option<String> {
    let shape = trace.shape(value).to_vec();
    match (shape.as_slice(), wanted.len() == 4) {
        ([_, _, _, _], true) if channels_last => Some(trace.transpose(value, &[0, 3, 1, 2])),
        ([_, _, _, _], true) | ([_, _], false) => Some(value.to_owned()),
        (&[n, h, w], true) => Some(trace.reshape(value, &[n, 1, h, w])),
        (&[n], false) => Some(trace.reshape(value, &[n, 1])),
        (&([n, c, 1, 1] | [n, 1, 1, c]), false) => Some(trace.reshape(value, &[n, c])),
        _ => None,
    }
}

/// A range of the channels.
fn part(trace: &mut Trace, value: &str, from: usize, to: usize) -> String {
    trace.slice(value, &[1], &[from as i64], &[to as i64], &[1])
}

/// The log-odds of one class of a softmax, `x_c - log Σ e^x` over the other classes, so that two-class cross-entropy of
/// it is that of the class against all others.
fn log_odds(trace: &mut Trace, value: &str, class: usize, classes: usize) -> String {
    let picked = part(trace, value, class, class + 1);
    let before = (class > 0).then(|| part(trace, value, 0, class));
    let after = (class + 1 < classes).then(|| part(trace, value, class + 1, classes));
    let others = match (before, after) {
        (Some(before), Some(after)) => {
            trace.emit("Concat", &[&before, &after], vec![pleura::onnx::attribute::int("axis", 1)])
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => unreachable!("a softmax has at least two classes"),
    };
    let others = if classes == 2 { others } else { log_sum_exp(trace, &others) };
    trace.sub(&picked, &others)
}

fn log_sum_exp(trace: &mut Trace, value: &str) -> String {
    let most = trace.reduce("ReduceMax", value, &[1], true);
    // a shift that changes nothing, so nothing flows back through it
    trace.release(&most);
    let rest = trace.sub(value, &most);
    let powers = trace.unary("Exp", &rest);
    let sum = trace.reduce("ReduceSum", &powers, &[1], true);
    let log = trace.unary("Log", &sum);
    trace.add(&log, &most)
}
