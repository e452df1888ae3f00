//! A picture of one radiograph with its masks:
//! `cargo run --release -p pleura --example overlay -- IMAGE SUBMISSION.csv OUT.png [TRUTH.csv]`
//!
//! Masks are read at the radiograph's own size; an image without a row is drawn without a mask.

use std::path::PathBuf;

use pleura::manifest::Intensity;
use pleura::submission::Submission;
use pleura::{Mask, Radiograph, overlay};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [image, submission, out, truth @ ..] = args.as_slice() else {
        return Err("usage: overlay IMAGE SUBMISSION.csv OUT.png [TRUTH.csv]".into());
    };
    let radiograph = Radiograph::open(image)?;
    let size = radiograph.size();
    let mask = |csv: &PathBuf| -> Result<Mask, Box<dyn std::error::Error>> {
        Ok(Submission::read(csv, size)?.mask(radiograph.id()).unwrap_or_else(|| Mask::empty(size)))
    };
    let truth = truth.first().map(mask).transpose()?;
    let intensities = radiograph.intensities(Intensity::Window);
    overlay::render(intensities.view(), truth.as_ref(), &mask(submission)?, overlay::About::default())?.save(out)?;
    println!("{}", out.display());
    Ok(())
}
