//! The 2nd's and the 6th's ensembles end to end, as small stand-ins: their own manifests and recipes, shortened by
//! program, from phantoms to a submission.

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

/// The height and width of masks in a submission, which is what the ensembles' areas are counted at.
const SIZE: Size = Size::new(1024, 1024);

/// How many images are predicted; half of them are positive.
const IMAGES: usize = 4;
