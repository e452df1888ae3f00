//! The 2nd's and the 6th's ensembles end to end, as small stand-ins: their own manifests and recipes, shortened by
//! program and run on phantoms, up to the submission.

use pleura::Size;

mod decide;
mod folder;
mod run;
mod second;
mod shorten;
mod sixth;
#[path = "../support/mod.rs"]
mod support;
mod training;

/// The height and width of masks in a submission, to which the ensembles' areas refer.
const SIZE: Size = Size::new(1024, 1024);

/// Number of images that are predicted; half of them are positive.
const IMAGES: usize = 4;
