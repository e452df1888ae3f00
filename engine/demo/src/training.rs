//! The training data of the demo's networks: phantoms that the demo never uses, as a folder of pictures and one of
//! masks.

use std::path::{Path, PathBuf};
use std::{fs, io};

use image::{GrayImage, ImageFormat};
use ndarray::{Array2, ArrayView2};
use pleura::ensemble::resize;
use pleura::manifest::Resize;
use pleura::{Mask, Size};
use pleura_train::files::{self, WriteError};
use rayon::prelude::*;

use crate::{Phantom, SIDE};

/// The seed of the training phantoms; the demo refuses it.
pub const SEED: u64 = 0x0070_6c65_7572_6166;

/// The number of phantoms on which the committed networks were trained.
pub const IMAGES: u64 = 240;

/// The pictures' height and width: a quarter of the radiographs', and the larger of the recipes' two sizes.
pub const PICTURE_SIDE: usize = 256;

/// The folder of pictures, beside the recipes.
pub const RADIOGRAPHS: &str = "radiographs";

/// The folder of masks, beside the recipes.
pub const MASKS: &str = "masks";

/// Draws the phantoms 0 to `count` of [`SEED`] into `folder`: `radiographs/phantom-000.png`, and its true mask as
/// `masks/phantom-000.png`. Existing ones are kept. `done` is called after each.
///
/// They are drawn at the size of the demo's radiographs and reduced by area, as the engine reduces those.
///
/// # Errors
/// If a file or a folder cannot be written.
pub fn draw(folder: &Path, count: u64, done: impl Fn() + Sync) -> Result<(), WriteError> {
    let [radiographs, masks] = [RADIOGRAPHS, MASKS].map(|name| folder.join(name));
    for folder in [&radiographs, &masks] {
        fs::create_dir_all(folder).map_err(|source| WriteError { path: folder.clone(), source })?;
    }
    (0..count).into_par_iter().try_for_each(|number| {
        let [radiograph, mask] = [&radiographs, &masks].map(|folder| folder.join(format!("phantom-{number:03}.png")));
        if !radiograph.exists() || !mask.exists() {
            let phantom = Phantom::new(SEED, number, SIDE);
            write(radiograph, shrink(phantom.intensities.view()))?;
            write(mask, shrink_mask(&phantom.truth))?;
        }
        done();
        Ok(())
    })
}

fn shrink(image: ArrayView2<'_, f32>) -> Array2<f32> {
    resize(image, Size::new(PICTURE_SIDE, PICTURE_SIDE), Resize::Area).into_owned()
}

/// White where at least half of a pixel's area is marked.
fn shrink_mask(mask: &Mask) -> Array2<f32> {
    let marked = mask.pixels().mapv(|marked| f32::from(u8::from(marked)));
    shrink(marked.view()).mapv(f32::round)
}

/// Writes a PNG file of 8 bits.
fn write(path: PathBuf, image: Array2<f32>) -> Result<(), WriteError> {
    let (height, width) = image.dim();
    let bytes = image.iter().map(|value| (value * 255.0).round() as u8).collect();
    let picture = GrayImage::from_raw(width as u32, height as u32, bytes).expect("a byte for each pixel");
    let mut png = io::Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).expect("writing to memory cannot fail");
    files::write(&path, png.get_ref())
}

#[cfg(test)]
mod tests {
    use pleura_train::data::Dataset;
    use pleura_train::recipe::Recipe;

    use super::*;

    #[test]
    fn the_recipes_find_what_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        draw(folder.path(), 4, || ()).unwrap();
        for network in crate::committed::NETWORKS {
            let text = std::str::from_utf8(network.recipe.bytes).unwrap();
            let recipe = Recipe::parse(text, Path::new(network.recipe.path)).unwrap();
            let data = Dataset::open(folder.path(), &recipe.data).unwrap();
            assert_eq!(data.remarks(), [""; 0]);
            for (number, item) in data.items().iter().enumerate() {
                let phantom = Phantom::new(SEED, number as u64, SIDE);
                let share = phantom.truth.area() as f32 / phantom.truth.pixels().len() as f32;
                assert_eq!(
                    (item.size, item.label),
                    (Size::new(PICTURE_SIDE, PICTURE_SIDE), share > 0.0),
                    "{}",
                    item.id
                );
                // borders follow larger pixels
                assert!((item.area - share).abs() <= 0.03 * share, "{}: {} of {share}", item.id, item.area);
                let sample = data.prepared(number, item.size).unwrap();
                let expected = shrink(phantom.intensities.view());
                let worst = sample.image.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= 0.5 / 255.0 + 1e-5, "{}: {worst}", item.id);
            }
            assert_eq!(data.items().len(), 4);
        }
    }

    #[test]
    fn what_is_there_is_not_drawn_again() {
        let folder = tempfile::tempdir().unwrap();
        draw(folder.path(), 1, || ()).unwrap();
        let [radiograph, mask] = [RADIOGRAPHS, MASKS].map(|name| folder.path().join(name).join("phantom-000.png"));
        let drawn = fs::read(&mask).unwrap();
        fs::write(&radiograph, "mine").unwrap();
        draw(folder.path(), 1, || ()).unwrap();
        assert_eq!(fs::read(&radiograph).unwrap(), b"mine");
        // half a pair counts as missing
        fs::remove_file(&mask).unwrap();
        draw(folder.path(), 1, || ()).unwrap();
        assert_eq!(fs::read(&mask).unwrap(), drawn);
        assert_ne!(fs::read(&radiograph).unwrap(), b"mine");
    }
}
