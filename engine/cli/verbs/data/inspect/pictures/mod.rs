//! Pictures of a collection, as self-contained SVG.

mod ages;
mod areas;
mod chart;
mod heatmap;
mod mosaic;
mod positives;

use std::path::Path;

use anyhow::{Context, Result};
use pleura::radiograph::DecodeLimits;
use pleura_train::files;

use super::super::truth::Truth;
use super::Image;

/// The colours of images with, without and of unknown mask, from Okabe and Ito's palette.
const POSITIVE: &str = "#d55e00";
const NEGATIVE: &str = "#56b4e9";
const NEITHER: &str = "#999999";

/// Draws all pictures that the data allow, and removes older ones that they do not. Returns the number of radiographs
/// that could not be decoded, which are reported.
pub fn draw(folder: &Path, images: &[Image], truth: Option<&Truth>, limits: DecodeLimits) -> Result<usize> {
    let (mosaic, undecoded) = mosaic::draw(images, truth, limits);
    let pictures = [
        ("ages.svg", ages::draw(images)),
        ("positives.svg", positives::draw(images)),
        ("areas.svg", truth.and_then(areas::draw)),
        ("heatmap.svg", truth.map(heatmap::draw).transpose()?.flatten()),
        ("mosaic.svg", mosaic),
    ];
    for (name, svg) in pictures {
        let path = folder.join(name);
        match svg {
            Some(svg) => files::write(&path, svg)?,
            None if path.exists() => {
                std::fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
            }
            None => {}
        }
    }
    Ok(undecoded)
}
