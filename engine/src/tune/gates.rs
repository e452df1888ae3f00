//! A stage's gate at all values of its numbers.

use std::collections::HashMap;

use ndarray::Array2;

use crate::ensemble::{Gate, GateInputs, MemberAnswer};
use crate::manifest;

/// A gate at each choice of its numbers; without a gate there is one choice, which every image passes.
pub struct Gates(Vec<Option<Gate>>);

/// The merged outputs of a stage's members.
#[derive(Clone, Copy, Default)]
pub struct StageOutputs<'a> {
    /// The merged score, in 0..=1.
    pub score: Option<f32>,
    /// The merged map, (height, width), in 0..=1.
    pub map: Option<&'a Array2<f32>>,
}

impl Gates {
    /// The gate of a stage, at each choice.
    pub fn new(stage: Option<&manifest::Stage>, choices: &[manifest::Gate]) -> Self {
        let Some(stage) = stage.filter(|_| !choices.is_empty()) else { return Self(vec![None]) };
        let running: Vec<_> = stage.members.iter().filter(|member| member.weight > 0.0).collect();
        let names: Vec<&str> = running.iter().map(|member| member.name.as_str()).collect();
        let scored: Vec<usize> = (0..running.len()).filter(|&place| running[place].gives_score()).collect();
        Self(choices.iter().map(|gate| Some(Gate::new(gate, &names, &scored))).collect())
    }

    /// The number of choices.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether an image passes at each choice. `answers` are those of all members that run, in order.
    ///
    /// Pixels are counted once for each probability, not for each choice.
    pub fn passes(&self, said: StageOutputs<'_>, answers: &[&MemberAnswer]) -> Vec<bool> {
        let scores: Vec<Option<f32>> = answers.iter().map(|answer| answer.score).collect();
        let seen = GateInputs { score: said.score, map: said.map, scores: &scores, ..GateInputs::default() };
        let mut measured: HashMap<(usize, Option<u32>), Option<f64>> = HashMap::new();
        let mut passes = |gate: &Gate| {
            let measure = |test| {
                let key = (test, gate.level(test).map(f32::to_bits));
                *measured.entry(key).or_insert_with(|| gate.measure_answered(test, seen, answers))
            };
            let measures: Vec<_> = (0..gate.tests()).map(measure).collect();
            gate.passes_measured(&measures)
        };
        self.0.iter().map(|gate| gate.as_ref().is_none_or(&mut passes)).collect()
    }
}
