//! What ends a training.

use std::path::{Path, PathBuf};

use pleura::onnx::OnnxError;
use pleura::runtime::{DeviceError as PlacementError, ModelError, RuntimeError};

use crate::checkpoint::CheckpointError;
use crate::data::{DataError, FoldsError, SamplingError};
use crate::device::DeviceError;
use crate::files::WriteError;
use crate::journal::JournalError;
use crate::nets::NetError;
use crate::out_of_fold::OutOfFoldError;
use crate::recipe::RecipeError;
use crate::step::StepError;
use crate::weights::WeightsError;

/// What ends a training. What was reached before is on the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "variants that pass on another error are named after it")]
pub enum TrainError {
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A file that the recipe names is not there.
    #[error("{key}: `{path}` does not exist; correct the path, which is relative to the recipe", path = path.display())]
    Missing {
        /// The recipe's key.
        key: &'static str,
        /// The path.
        path: PathBuf,
    },
    #[error("the network cannot be built")]
    Network(#[from] NetError),
    #[error(transparent)]
    Model(#[from] OnnxError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Data(Box<DataError>),
    /// An image that cannot be read, once training has begun.
    #[error("the training stopped ({kept}); repair the file, or leave it out, and run the same command again")]
    Image {
        /// What is left of the training.
        kept: String,
        /// Why.
        source: Box<DataError>,
    },
    /// The images that the recipe names cannot be had.
    #[error("data.images")]
    Images(#[source] Box<DataError>),
    /// The model that is to be fine-tuned has no such output.
    #[error("{key}: `{path}` has no output `{output}`; it has {there}", path = path.display())]
    NoOutput {
        /// The recipe's key.
        key: &'static str,
        /// The model.
        path: PathBuf,
        /// The output.
        output: String,
        /// The outputs that it has.
        there: String,
    },
    #[error(transparent)]
    Folds(Box<FoldsError>),
    /// A fold is to be trained alone that the recipe does not train.
    #[error(
        "`--fold {fold}`: the recipe trains {}; the option counts from 0, as the folders do: `fold0` is fold 1",
        numbers(trained)
    )]
    NoFold {
        /// The fold that was asked for.
        fold: u32,
        /// Those that there are.
        trained: Vec<u32>,
    },
    #[error("fold {}, phase {}", fold + 1, phase + 1)]
    Sampling {
        /// From 0.
        fold: u32,
        /// From 0.
        phase: u32,
        /// Why.
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
        /// Why.
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
    /// A file stands where a folder should.
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
        /// Why.
        source: std::io::Error,
    },
    /// The weights of an epoch that are to be exported are not what was written.
    #[error(
        "`{path}` is damaged: its checksum does not match its contents; restore it from a copy, or start over with \
         `--fresh`",
        path = path.display()
    )]
    DamagedWeights {
        /// The file.
        path: PathBuf,
    },
    /// Another training is at work there.
    #[error(
        "another training is running in `{folder}`; wait for it, or use another `--out`",
        folder = folder.display()
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// Of the kind that a later try may not meet.
        source: std::io::Error,
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
        /// What is left of the training.
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
        /// What is left of the training.
        kept: String,
    },
    /// Epochs cannot be compared as the recipe asks.
    #[error(
        "fold {} holds out images of one class only, so its {name} is undefined: set `keep = \"best\"`",
        fold + 1
    )]
    NoFigure {
        /// The fold.
        fold: u32,
        /// What there is not.
        name: &'static str,
    },
    #[error(transparent)]
    Run(#[from] ModelError),
    /// The exported network does not answer as the trained one did.
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
    /// The watcher stopped it.
    #[error(
        "interrupted; run the same command again to continue from `{checkpoint}`",
        checkpoint = checkpoint.display()
    )]
    Interrupted {
        /// Where it goes on from.
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
