//! Errors of a training.

use std::path::{Path, PathBuf};

use pleura::onnx::OnnxError;
use pleura::plugin::PluginError;
use pleura::runtime::{Device, DeviceError as PlacementError, ModelError, RuntimeError};

use crate::checkpoint::CheckpointError;
use crate::data::{DataError, FoldsError, SamplingError};
use crate::device::DeviceError;
use crate::files::WriteError;
use crate::forward::KEEPS_NORMS;
use crate::journal::JournalError;
use crate::nets::NetError;
use crate::out_of_fold::OutOfFoldError;
use crate::recipe::RecipeError;
use crate::step::StepError;
use crate::weights::WeightsError;

/// What ends a training. Earlier results are on the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "variants that pass on another error are named after it")]
pub enum TrainError {
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A file that the recipe names does not exist.
    #[error("{key}: `{path}` does not exist; correct the path, which is relative to the recipe", path = path.display())]
    Missing {
        /// The recipe's key.
        key: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// There are no weights to export.
    #[error("there are no weights to export: name a file (`--weights`, or the recipe's `weights.file`)")]
    NoWeights,
    #[error("the network cannot be built")]
    Network(#[from] NetError),
    #[error(transparent)]
    Model(#[from] OnnxError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Data(Box<DataError>),
    /// An image that cannot be read after training has started.
    #[error("the training stopped ({kept}); repair the file, or leave it out, and run the same command again")]
    Image {
        /// The last good checkpoint, in words.
        kept: String,
        /// The cause.
        source: Box<DataError>,
    },
    /// The recipe's images cannot be used.
    #[error("data.images")]
    Images(#[source] Box<DataError>),
    /// The exporter folded the model's batch norms.
    #[error(
        "`{path}` has no batch norms left in {count} convolutions, such as `{node}`: the exporter folded them, and \
         without them the network trains badly; export it with {KEEPS_NORMS}, or write `norm = \"keep\"` beside `model` \
         to train it as it is", path = path.display()
    )]
    FoldedNorms {
        /// The model.
        path: PathBuf,
        /// The number of convolutions.
        count: usize,
        /// The first one.
        node: String,
    },
    /// The model to fine-tune has no such output.
    #[error("{key}: `{path}` has no output `{output}`; it has {there}", path = path.display())]
    NoOutput {
        /// The recipe's key.
        key: &'static str,
        /// The model.
        path: PathBuf,
        /// The output.
        output: String,
        /// Its existing outputs.
        there: String,
    },
    /// A step of the recipe's `postprocess` cannot be used.
    #[error("postprocess")]
    Postprocess(#[source] Box<PluginError>),
    /// A step of the recipe's `postprocess` failed on a held-out image.
    #[error("cannot make the mask of `{image}` with the recipe's `postprocess`")]
    Rule {
        /// The image's id.
        image: String,
        /// The plugin's error.
        source: Box<PluginError>,
    },
    #[error(transparent)]
    Folds(Box<FoldsError>),
    /// The recipe does not train the fold requested by `--fold`.
    #[error(
        "`--fold {fold}`: the recipe trains {}; the option counts from 0, as the folders do: `fold0` is fold 1",
        numbers(trained)
    )]
    NoFold {
        /// The requested fold.
        fold: u32,
        /// The folds that the recipe trains.
        trained: Vec<u32>,
    },
    #[error("fold {}, phase {}", fold + 1, phase + 1)]
    Sampling {
        /// The fold, from 0.
        fold: u32,
        /// The phase, from 0.
        phase: u32,
        /// The cause.
        source: SamplingError,
    },
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// The network cannot be trained.
    #[error("{what}")]
    Step {
        /// The network: its file, or its architecture.
        what: String,
        /// The cause.
        source: Box<StepError>,
    },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    OutOfFold(#[from] OutOfFoldError),
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file exists where a folder is needed.
    #[error("`{path}` is a file; `--out` names a folder", path = path.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
    },
    /// A folder that cannot be used.
    #[error("cannot use the folder `{path}`", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The weights of an epoch to be exported have changed since they were written.
    #[error(
        "`{path}` is damaged: its checksum does not match its contents; restore it from a copy, or start over with \
         `--fresh`",
        path = path.display()
    )]
    DamagedWeights {
        /// The file.
        path: PathBuf,
    },
    /// Another training runs in the folder.
    #[error(
        "another training is running in `{folder}`; wait for it, or use another `--out`",
        folder = folder.display()
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// An error of a transient kind.
        source: std::io::Error,
    },
    /// Mixed precision on a device that has no use of it.
    #[error(
        "`precision = \"fp16\"` needs a CUDA device, found {device}, on which it would only be slower; leave `precision` \
         out, or train on a GPU (`pleura runtime show` tells whether there is one)"
    )]
    Precision {
        /// The device.
        device: Device,
    },
    /// Gradients that are not finite in half precision, however small the loss.
    #[error(
        "gradients are infinite or NaN in fold {}, phase {}, epoch {}, step {}, even for a loss scaled to a thousandth; \
         {kept}; lower `lr`, set the optimiser's `clip`, or train with `precision = \"fp32\"` and `--fresh`",
        fold + 1, phase + 1, epoch + 1, step + 1
    )]
    Overflow {
        /// The fold, from 0.
        fold: u32,
        /// The phase, from 0.
        phase: u32,
        /// The phase's epoch, from 0.
        epoch: u32,
        /// The epoch's step, from 0.
        step: u32,
        /// The last good checkpoint, in words.
        kept: String,
    },
    /// A loss that is infinite or not a number.
    #[error(
        "the loss became {loss} in fold {}, phase {}, epoch {}, step {}, on the images {}; {kept}; lower `lr`, or set \
         the optimiser's `clip`",
        fold + 1, phase + 1, epoch + 1, step + 1, listed(images)
    )]
    NotFinite {
        /// The loss.
        loss: f32,
        /// The fold, from 0.
        fold: u32,
        /// The phase, from 0.
        phase: u32,
        /// The phase's epoch, from 0.
        epoch: u32,
        /// The epoch's step, from 0.
        step: u32,
        /// The batch's images.
        images: Vec<String>,
        /// The last good checkpoint, in words.
        kept: String,
    },
    /// A validation loss that is infinite or not a number.
    #[error(
        "the validation loss became {loss} in fold {}, phase {}, epoch {}; {kept}; lower `lr`, or set the optimiser's \
         `clip`",
        fold + 1, phase + 1, epoch + 1
    )]
    ValidationNotFinite {
        /// The loss.
        loss: f64,
        /// The fold, from 0.
        fold: u32,
        /// The phase, from 0.
        phase: u32,
        /// The phase's epoch, from 0.
        epoch: u32,
        /// The last good checkpoint, in words.
        kept: String,
    },
    /// Epochs cannot be compared by the recipe's metric.
    #[error(
        "fold {} holds out images of one class only, so its {name} is undefined: set `keep = \"best\"`",
        fold + 1
    )]
    NoFigure {
        /// The fold.
        fold: u32,
        /// The undefined metric.
        name: &'static str,
    },
    #[error(transparent)]
    Run(#[from] ModelError),
    /// The exported network's outputs differ from the trained one's.
    #[error(
        "output `{output}` of the exported network differs by {worst:e} from the trainer's, more than {allowed:e}; \
         nothing was exported",
        allowed = super::AGREEMENT
    )]
    Disagrees {
        /// The output.
        output: String,
        /// The largest difference.
        worst: f32,
    },
    /// A preview of a phase that the recipe lacks.
    #[error("--phase {}: the recipe has {phases}", phase + 1)]
    NoPhase {
        /// The phase, from 0.
        phase: u32,
        /// The number of its phases.
        phases: usize,
    },
    /// The watcher stopped a range test.
    #[error("interrupted; nothing was kept")]
    Stopped,
    /// The watcher stopped the training.
    #[error(
        "interrupted; run the same command again to continue from `{checkpoint}`",
        checkpoint = checkpoint.display()
    )]
    Interrupted {
        /// The checkpoint to continue from.
        checkpoint: PathBuf,
    },
}

impl From<DataError> for TrainError {
    fn from(error: DataError) -> Self {
        Self::Data(Box::new(error))
    }
}

impl From<FoldsError> for TrainError {
    fn from(error: FoldsError) -> Self {
        Self::Folds(Box::new(error))
    }
}

impl TrainError {
    pub(crate) fn folder(path: &Path, source: std::io::Error) -> Self {
        Self::Folder { path: path.into(), source }
    }
}

/// Numbers as a list: `0, 1`.
fn numbers(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn listed(images: &[String]) -> String {
    images.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}
