//! Ensembles: opened from a manifest, run on radiographs.

mod agreement;
mod device;
mod error;
mod explain;
mod finding;
pub(crate) mod member;
mod open;
mod origin;
mod pipeline;
mod postprocess;
mod referral;
mod stage;
mod summary;
mod task;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

pub use agreement::Agreement;
pub use device::clock::{PipelineStep, Times, Usage};
pub use error::{EnsembleError, ImageError, Step};
pub use explain::{Explained, Explanation, StageExplained};
#[cfg(feature = "report")]
pub(crate) use finding::UNCHECKED;
pub use finding::{Decision, Finding, Runs};
pub use member::answer::{MemberAnswer, ViewAnswer};
pub use member::cache::{Form, Inferences};
pub use member::compatibility;
#[cfg(feature = "optimize")]
pub(crate) use member::model_input::{ModelInput, Network};
pub(crate) use member::outputs::read_batch;
pub use member::prepare::prepare;
pub use member::tensor::batch;
pub use open::Options;
pub(crate) use open::{classifier_wants, model_file};
pub use origin::Origin;
pub use pleura_image::resize::{nearest, resize};
#[cfg(feature = "tune")]
pub(crate) use postprocess::context as postprocess_context;
pub(crate) use postprocess::run as run_postprocess;
pub use referral::Outcome;
pub use stage::gate::Reading;
#[cfg(feature = "tune")]
pub(crate) use stage::gate::{Gate, GateInputs};
#[cfg(feature = "tune")]
pub(crate) use stage::merge::MergeAccumulator;
pub use summary::Summary;
pub use task::Region;

use crate::manifest::Manifest;
use crate::plugin::Plugin;
use crate::pool::Pool;
use crate::runtime::{Model, Placement};
use crate::{Radiograph, Size};
use device::clock::Clock;
use device::slot::DeviceSlot;
use member::cache::{Cache, Counts};
use member::inputs::InputGroup;
use member::prepare::{Prepared, Recipe};
use member::weights::Source;
use pipeline::guarded::guarded;
use pipeline::trace::Trace;
use stage::Stage;
use stage::crop::Crop;

/// A two-stage ensemble, ready to run.
///
/// Open it once, and share it: it is `Send` and `Sync`. Concurrent calls from several threads do not affect each
/// other's results. A device runs one batch at a time, so that calls take turns there, and are parallel before and
/// after. For many images, one [`predict_files`](Self::predict_files) or [`predict_stream`](Self::predict_stream) fills
/// batches, whereas each call of [`predict`](Self::predict) runs batches of one image. The engine's threads
/// ([`Options::threads`]) are shared by all calls.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use pleura::{Radiograph, ensemble::Ensemble};
///
/// let ensemble = Ensemble::open("ensembles/demo.toml")?;
/// std::thread::scope(|scope| {
///     for file in ["a.dcm", "b.dcm"] {
///         let ensemble = &ensemble;
///         scope.spawn(move || ensemble.predict(&Radiograph::open(file).expect("a radiograph")));
///     }
/// });
/// # Ok(())
/// # }
/// ```
pub struct Ensemble {
    manifest: Manifest,
    path: PathBuf,
    /// The SHA-256 of what the manifest comes to, if its file says it in a shorter way.
    resolved_sha256: Option<String>,
    crop: Option<Crop>,
    classifier: Option<Stage>,
    segmenter: Stage,
    postprocess: Vec<Arc<Plugin>>,
    /// Their names.
    steps: Arc<[String]>,
    recipes: Vec<Recipe>,
    /// The members that show their networks the same.
    inputs: Vec<InputGroup>,
    sources: Vec<Arc<Source>>,
    /// Every plugin instance that was opened, for all places.
    plugins: Vec<Arc<Plugin>>,
    cache: Option<Cache>,
    counts: Counts,
    clock: Clock,
    /// The threads for work around the models.
    pool: Pool,
    /// The fold of each image, in an out-of-fold run.
    folds: Option<HashMap<String, u32>>,
    /// The devices on which models run, each with a lock for taking turns.
    devices: Vec<(Placement, Mutex<()>)>,
    batch: usize,
    memory: Option<usize>,
    keep_maps: bool,
}

impl std::fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let devices: Vec<String> = self.placements().map(ToString::to_string).collect();
        let mut shown = f.debug_struct("Ensemble");
        shown.field("path", &self.path).field("devices", &devices).field("plugins", &self.plugins);
        shown.finish_non_exhaustive()
    }
}

impl Ensemble {
    /// Opens an ensemble on the available device, with the defaults of [`Options`].
    ///
    /// # Errors
    /// See [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EnsembleError> {
        Self::options().open(path)
    }

    /// Opens an ensemble with options: `Ensemble::options().device(Device::Cpu).open(path)`.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    /// Predicts one radiograph.
    ///
    /// # Errors
    /// If a model or plugin fails on it; there is then no mask, rather than a wrong one.
    pub fn predict(&self, radiograph: &Radiograph) -> Result<Finding, ImageError> {
        let mut findings = self.predict_batch(std::slice::from_ref(radiograph));
        findings.swap_remove(0)
    }

    /// Predicts several radiographs, in order; one that fails does not affect the others.
    pub fn predict_batch(&self, radiographs: &[Radiograph]) -> Vec<Result<Finding, ImageError>> {
        let radiographs: Vec<&Radiograph> = radiographs.iter().collect();
        self.predict_refs(&radiographs)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where models run, with the reason; the first of several devices.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.devices[0].0
    }

    /// Each device on which models run.
    pub fn placements(&self) -> impl Iterator<Item = &Placement> {
        self.devices.iter().map(|(placement, _)| placement)
    }

    /// The time spent so far, by step and model.
    #[must_use]
    pub fn times(&self) -> Times {
        self.clock.times()
    }

    /// Resets the times.
    pub fn reset_times(&self) {
        self.clock.reset();
    }

    /// The models that have been opened, each once per device. With a cache, only those whose outputs were not all
    /// cached.
    #[must_use]
    pub fn models(&self) -> Vec<&Arc<Model>> {
        self.sources.iter().flat_map(|source| source.opened()).collect()
    }

    /// The models' files with their SHA-256, each once, whether opened or not.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.sources.iter().map(|source| (source.path(), source.sha256.as_str()))
    }

    /// Every plugin that was opened, one instance for each place.
    #[must_use]
    pub fn plugins(&self) -> &[Arc<Plugin>] {
        &self.plugins
    }

    /// The numbers of outputs inferred so far, and of those from the cache.
    #[must_use]
    pub fn inferences(&self) -> Inferences {
        self.counts.total(self.cache.as_ref())
    }

    /// The plugins from the merged map to the mask, in order.
    #[must_use]
    pub fn postprocess(&self) -> &[Arc<Plugin>] {
        &self.postprocess
    }

    /// The number of the engine's threads around its models.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The maximum number of images per run of a model.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    fn predict_refs(&self, radiographs: &[&Radiograph]) -> Vec<Result<Finding, ImageError>> {
        let traces = self.trace_guarded(self.slot(0), radiographs, Prepared::default());
        let traces: Vec<_> = traces.into_iter().zip(radiographs).collect();
        let finish = |(trace, radiograph): (Result<Trace, ImageError>, &&Radiograph)| {
            guarded(|| self.conclude(radiograph, trace?, false).map(|(finding, _)| finding))
        };
        self.pool.run(|| traces.into_par_iter().map(finish).collect())
    }

    /// The inputs that members share; under a memory limit, none are kept.
    fn shared_inputs(&self) -> &[InputGroup] {
        if self.memory.is_none() { &self.inputs } else { &[] }
    }

    /// The stages, in the order in which images pass through them.
    fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.ordered_stages().map(|ordered| ordered.stage)
    }

    /// One of the devices, to run models on.
    fn slot(&self, device: usize) -> DeviceSlot<'_> {
        DeviceSlot { device, turn: &self.devices[device].1, clock: &self.clock, pool: &self.pool }
    }

    /// Size at which an image's maps are merged.
    fn output_size(&self, radiograph: &Radiograph) -> Size {
        self.manifest.output.size.map_or(radiograph.size(), Size::from)
    }
}
