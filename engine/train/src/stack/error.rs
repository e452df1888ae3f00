//! Errors of stacking.

use std::fmt::{self, Display};
use std::path::PathBuf;

use pleura::runtime::{DeviceError as PlacementError, ModelError, RuntimeError};

use crate::data::FoldsError;
use crate::device::DeviceError;
use crate::files::WriteError;
use crate::fit::TrainError;
use crate::out_of_fold::OutOfFoldError;
use crate::recipe::RecipeError;
use crate::step::StepError;

/// The number of images that are named.
const NAMED: usize = 3;

/// Why scores cannot be stacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "variants that pass on another error are named after it")]
pub enum StackError {
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A member's file does not exist.
    #[error("members[{member}].oof: `{path}` does not exist; correct the path, which is relative to the recipe, or \
             train the member first", path = path.display())]
    Missing {
        /// The member, from 0.
        member: usize,
        /// The path.
        path: PathBuf,
    },
    #[error(transparent)]
    OutOfFold(#[from] OutOfFoldError),
    /// A member without scores.
    #[error("members[{member}].oof: `{path}` has no score of {images}: only networks with `heads = \"score\"` or \
             `\"both\"` have one", path = path.display())]
    NoScore {
        /// The member, from 0.
        member: usize,
        /// Its file.
        path: PathBuf,
        /// The images.
        images: Images,
    },
    /// Members' files hold different images.
    #[error(
        "members' files do not hold the same images: {}; complete the files, or write `join = \"inner\"` to leave these \
         images out",
        absent.iter().map(|(name, images)| format!("`{name}` lacks {images}")).collect::<Vec<_>>().join(", ")
    )]
    Absent {
        /// The members' names, with the images that each lacks.
        absent: Vec<(String, Images)>,
    },
    /// No image is in all files.
    #[error("no image is in every member's file: check that their ids are written in the same way")]
    Nothing,
    /// Two members' files have different labels for the same images.
    #[error("`{one}` and `{other}` differ in the labels of {images}: train both on the same truth")]
    Labels {
        /// A member.
        one: String,
        /// The other member.
        other: String,
        /// The images.
        images: Images,
    },
    /// Two members held images out in different folds.
    #[error(
        "`{one}` and `{other}` held {images} out in different folds: write `folds = {{ count = 5 }}` to draw new ones"
    )]
    Folds {
        /// A member.
        one: String,
        /// The other member.
        other: String,
        /// The images.
        images: Images,
    },
    /// A single fold.
    #[error(
        "all images were held out in fold {} (`fold` is {fold} in the files), but a stack needs at least two folds: \
         train the members' other folds, or write `folds = {{ count = 5 }}` to draw new ones",
        fold + 1
    )]
    OneFold {
        /// The fold.
        fold: u32,
    },
    #[error("folds")]
    Divide(#[from] FoldsError),
    /// Only images of one class, from which nothing can be learnt.
    #[error(
        "without fold {} there are images of one class only ({positives} of {images} are positive): a stack needs both",
        fold + 1
    )]
    OneClass {
        /// The fold that is held out, from 0.
        fold: u32,
        /// The number of positives among the other folds' images.
        positives: usize,
        /// The number of these images.
        images: usize,
    },
    /// The stack's own predictions would replace a member's.
    #[error("`{path}` holds a member's scores, and the stack's would overwrite it: choose another `--out`",
            path = path.display())]
    Overwrites {
        /// The file.
        path: PathBuf,
    },
    /// The stack cannot be trained.
    #[error("the stack cannot be trained")]
    Step(#[from] StepError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// A loss that is infinite or not a number.
    #[error("the loss became {loss} without fold {} in epoch {}: lower `stack.lr`", fold + 1, epoch + 1)]
    NotFinite {
        /// The loss.
        loss: f32,
        /// The fold that is held out, from 0.
        fold: u32,
        /// The epoch, from 0.
        epoch: u32,
    },
    #[error(transparent)]
    Run(#[from] ModelError),
    /// The exported model's outputs differ from the trained heads'.
    #[error("the exported model differs by {worst:e} from the trained one, more than {allowed:e}; nothing was exported",
            allowed = crate::fit::AGREEMENT)]
    Disagrees {
        /// The largest difference.
        worst: f32,
    },
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Folder(#[from] TrainError),
}

/// Images by their ids; a few of them are displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images(pub Vec<String>);

impl Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ids) = self;
        let few: Vec<_> = ids.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
        let (noun, more) =
            (if ids.len() == 1 { "image" } else { "images" }, if ids.len() > NAMED { ", …" } else { "" });
        write!(f, "{} {noun} ({}{more})", ids.len(), few.join(", "))
    }
}
