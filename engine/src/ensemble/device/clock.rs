//! Measures the time of each pipeline step and each model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// The steps of the pipeline, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineStep {
    /// From a file to a radiograph.
    Decode,
    /// From a radiograph to the members' prepared images.
    Prepare,
    /// From a prepared image to the tensors of its views.
    Views,
    /// The models.
    Infer,
    /// From the models' outputs to maps and scores of the image.
    Read,
    /// Merging, gates, and the members' own postprocessing.
    Merge,
    /// From the merged map to the mask.
    Postprocess,
}

impl PipelineStep {
    /// All of them, in order.
    pub const ALL: [Self; 7] =
        [Self::Decode, Self::Prepare, Self::Views, Self::Infer, Self::Read, Self::Merge, Self::Postprocess];

    /// The name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Prepare => "prepare",
            Self::Views => "views",
            Self::Infer => "infer",
            Self::Read => "read",
            Self::Merge => "merge",
            Self::Postprocess => "postprocess",
        }
    }
}

/// The runs of a model and their time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time in runs of the model.
    pub time: Duration,
    /// The number of runs, by the shape of the input.
    pub shapes: BTreeMap<Vec<usize>, usize>,
}

impl Usage {
    /// The total number of runs.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.shapes.values().sum()
    }
}

/// Time spent since the ensemble was opened. Work on several threads at once counts for each of them, so the sum may
/// exceed the elapsed time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// The time of each step, in the order of [`PipelineStep::ALL`].
    pub work: Vec<(PipelineStep, Duration)>,
    /// Each model that ran, by its file.
    pub models: BTreeMap<PathBuf, Usage>,
}

/// Counters of time and runs, shared by threads.
#[derive(Debug, Default)]
pub struct Clock {
    nanoseconds: [AtomicU64; PipelineStep::ALL.len()],
    models: Mutex<BTreeMap<PathBuf, Usage>>,
}

impl Clock {
    /// Runs a task and counts its time.
    pub fn time<T>(&self, work: PipelineStep, task: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = task();
        self.add(work, start.elapsed());
        result
    }

    /// Counts a run of a model.
    pub fn ran(&self, model: &Path, shape: &[usize], time: Duration) {
        self.add(PipelineStep::Infer, time);
        // A panic elsewhere leaves the entries intact.
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if !models.contains_key(model) {
            models.insert(model.into(), Usage::default());
        }
        if let Some(usage) = models.get_mut(model) {
            usage.time += time;
            *usage.shapes.entry(shape.to_vec()).or_default() += 1;
        }
    }

    /// The times so far.
    pub fn times(&self) -> Times {
        let spent = |work: PipelineStep| Duration::from_nanos(self.nanoseconds[work as usize].load(Relaxed));
        Times {
            work: PipelineStep::ALL.into_iter().map(|work| (work, spent(work))).collect(),
            models: self.models.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Resets all counters.
    pub fn reset(&self) {
        self.nanoseconds.iter().for_each(|spent| spent.store(0, Relaxed));
        self.models.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn add(&self, work: PipelineStep, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[work as usize].fetch_add(nanoseconds, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_models_are_counted_and_forgotten() {
        let clock = Clock::default();
        assert_eq!(clock.time(PipelineStep::Decode, || 7), 7);
        clock.ran(Path::new("a.onnx"), &[2, 1, 4, 4], Duration::from_millis(3));
        clock.ran(Path::new("a.onnx"), &[1, 1, 4, 4], Duration::from_millis(2));
        clock.ran(Path::new("a.onnx"), &[2, 1, 4, 4], Duration::from_millis(3));
        let times = clock.times();
        assert_eq!(times.work[PipelineStep::Infer as usize], (PipelineStep::Infer, Duration::from_millis(8)));
        assert_eq!(times.models[Path::new("a.onnx")].runs(), 3);
        assert_eq!(times.models[Path::new("a.onnx")].shapes[&vec![2, 1, 4, 4]], 2);
        clock.reset();
        assert!(clock.times().models.is_empty());
        assert!(clock.times().work.iter().all(|(_, spent)| spent.is_zero()));
    }

    #[test]
    fn names_are_those_of_the_json() {
        for (place, work) in PipelineStep::ALL.into_iter().enumerate() {
            assert_eq!(work as usize, place);
            assert_eq!(serde_json::to_string(&work).unwrap(), format!("\"{}\"", work.name()));
        }
    }
}
