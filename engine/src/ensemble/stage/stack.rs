//! Merges outputs by another model: stacking.

use std::sync::Arc;

use ndarray::{Array2, Array4, ArrayD, ArrayView2, Axis};

use crate::ensemble::device::slot::DeviceSlot;
use crate::ensemble::error::ImageError;
use crate::ensemble::member::answer::MemberAnswer;
use crate::ensemble::member::outputs;
use crate::ensemble::task::RequiredOutputs;
use crate::manifest::Stack;
use crate::runtime::Model;

/// A stacking model, ready to run.
pub struct Stacker {
    pub manifest: Stack,
    /// One per device.
    pub models: Vec<Arc<Model>>,
}

impl Stacker {
    /// Merges the outputs of all members, in order: scores (1, M) to a score, maps (1, M, H, W) to a map.
    ///
    /// The model takes only the kind that is needed; opening an ensemble refuses a stack for which both are.
    pub fn merge(
        &self,
        slot: DeviceSlot<'_>,
        answers: &[MemberAnswer],
        wanted: RequiredOutputs,
    ) -> Result<(Option<f32>, Option<Array2<f32>>), ImageError> {
        let score = if wanted.score { Some(self.score(slot, answers)?) } else { None };
        let map = if wanted.map { Some(self.map(slot, answers)?) } else { None };
        Ok((score, map))
    }

    fn score(&self, slot: DeviceSlot<'_>, answers: &[MemberAnswer]) -> Result<f32, ImageError> {
        let scores: Vec<f32> = answers.iter().filter_map(|answer| answer.score).collect();
        let input = ArrayView2::from_shape((1, scores.len()), &scores).map_err(|e| self.wrong(e.to_string()))?;
        let output = self.run(slot, input.into_dyn().to_owned())?;
        outputs::stacked_score(&output, self.manifest.values).map_err(|message| self.wrong(message))
    }

    fn map(&self, slot: DeviceSlot<'_>, answers: &[MemberAnswer]) -> Result<Array2<f32>, ImageError> {
        let maps: Vec<_> = answers.iter().filter_map(|answer| answer.map.as_ref()).collect();
        let (height, width) = maps.first().map_or((0, 0), |map| map.dim());
        let mut input = Array4::zeros((1, maps.len(), height, width));
        for (mut target, map) in input.index_axis_mut(Axis(0), 0).axis_iter_mut(Axis(0)).zip(maps) {
            target.assign(map);
        }
        let output = self.run(slot, input.into_dyn())?;
        let map = outputs::stacked_map(&output, self.manifest.values).map_err(|message| self.wrong(message))?;
        if map.dim() == (height, width) {
            return Ok(map);
        }
        Err(self.wrong(format!("has a map of {:?} for maps of {:?}", map.dim(), (height, width))))
    }

    fn run(&self, slot: DeviceSlot<'_>, input: ArrayD<f32>) -> Result<ArrayD<f32>, ImageError> {
        let names = [self.manifest.output.as_str()];
        let mut outputs = slot
            .infer(&self.models[slot.device], &self.manifest.input, input.view(), &names)
            .map_err(|source| ImageError::Model { member: "stack".into(), source: Arc::new(source) })?;
        Ok(outputs.swap_remove(0))
    }

    fn wrong(&self, message: String) -> ImageError {
        ImageError::Output { member: "stack".into(), output: self.manifest.output.clone(), message }
    }
}
