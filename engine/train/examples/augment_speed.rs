//! Augmented images a second, on one core, with the transforms of a recipe: `engine/train/benches/augment/bench.py`
//! compares them with albumentations.
//!
//! ```text
//! cargo run --release -p pleura-train --example augment_speed -- RECIPE IMAGE SIDE COUNT
//! ```

use std::path::Path;
use std::time::Instant;

use pleura::ensemble::prepare;
use pleura::manifest::{Intensity, Resize};
use pleura::{Radiograph, Size};
use pleura_train::data::augment::augment;
use pleura_train::data::{Draw, Sample};
use pleura_train::recipe::Recipe;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [recipe, image, side, count] = arguments.as_slice() else {
        return Err("wanted: RECIPE IMAGE SIDE COUNT".into());
    };
    let recipe = Recipe::read(Path::new(recipe))?;
    let (side, count): (usize, usize) = (side.parse()?, count.parse()?);
    let image = prepare(&Radiograph::open(image)?, Intensity::Stored, Size::new(side, side), Resize::Area);
    let mask = image.mapv(|value| u8::from(value > 0.6));
    let sample = Sample { image, mask };
    let start = Instant::now();
    let mut marked = 0;
    for at in 0..count {
        let augmented = augment(&recipe.augment, sample.clone(), Draw::default(), at);
        marked += augmented.mask.iter().filter(|&&pixel| pixel == 1).count();
    }
    println!("{:.1} images/s, {marked} marked pixels", count as f64 / start.elapsed().as_secs_f64());
    Ok(())
}
