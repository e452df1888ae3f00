//! Draws the effect of each transform on an image and its mask, and prints the time of the fastest draw.
//!
//! ```text
//! cargo run --release -p pleura-train --example augment -- IMAGE MASK SHEET.png
//! ```
//!
//! One row per transform: the unchanged image, then six draws; marked pixels are tinted.

use std::path::Path;
use std::time::Instant;

use image::{Rgb, RgbImage};
use ndarray::Array2;
use pleura::ensemble::prepare;
use pleura::manifest::{Intensity, Resize};
use pleura::{Radiograph, Size};
use pleura_train::data::augment::augment;
use pleura_train::data::{Draw, Sample};
use pleura_train::recipe::{Augment, Border, BrightnessOf, ContrastAbout, Transform};

const SIZE: Size = Size::new(512, 512);
const DRAWS: usize = 6;
/// The side of a picture in the sheet, of every second pixel.
const SIDE: u32 = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [image, mask, sheet] = arguments.as_slice() else { return Err("wanted: IMAGE MASK SHEET.png".into()) };
    let sample = Sample { image: open(image.as_ref())?, mask: open(mask.as_ref())?.mapv(|v| u8::from(v > 0.5)) };
    let transforms = transforms();
    let mut out = RgbImage::new(SIDE * (DRAWS as u32 + 1), SIDE * transforms.len() as u32);
    for (row, transform) in transforms.into_iter().enumerate() {
        draw(&mut out, row, 0, &sample);
        let list = [Augment { p: 1.0, one_of: vec![transform] }];
        let mut fastest = f64::INFINITY;
        for at in 0..DRAWS {
            let sample = sample.clone();
            let start = Instant::now();
            let done = augment(&list, sample, Draw::default(), at);
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
            draw(&mut out, row, at + 1, &done);
        }
        println!("{fastest:6.1} ms  {transform:?}");
    }
    out.save(sheet)?;
    Ok(())
}

fn open(path: &Path) -> Result<Array2<f32>, pleura::radiograph::RadiographError> {
    Ok(prepare(&Radiograph::open(path)?, Intensity::Stored, SIZE, Resize::Area))
}

/// The SIIM winners' settings, or stronger ones where these are hardly visible.
fn transforms() -> Vec<Transform> {
    vec![
        Transform::Hflip {},
        Transform::ShiftScaleRotate { shift: 0.0625, scale: 0.1, degrees: 45.0, border: Border::Constant },
        Transform::ShiftScaleRotate { shift: 0.0625, scale: 0.1, degrees: 45.0, border: Border::Reflect101 },
        Transform::Crop { keep: [0.6, 0.9] },
        Transform::Elastic { alpha: 120.0, sigma: 6.0, affine: 3.6, border: Border::Reflect101 },
        Transform::Elastic { alpha: 2000.0, sigma: 40.0, affine: 40.0, border: Border::Constant },
        Transform::GridDistortion { steps: 5, limit: 0.3 },
        Transform::OpticalDistortion { limit: 2.0, shift: 0.05, border: Border::Reflect101 },
        Transform::Brightness { limit: 0.2, of: BrightnessOf::Range },
        Transform::Contrast { limit: 0.5, about: ContrastAbout::Mean },
        Transform::Contrast { limit: 0.5, about: ContrastAbout::Zero },
        Transform::BrightnessContrast { brightness: 0.2, contrast: 0.2 },
        Transform::Gamma { range: [0.6, 1.4] },
        Transform::Blur { limit: 9 },
        Transform::MotionBlur { limit: 21 },
        Transform::Median { limit: 3 },
        Transform::Median { limit: 15 },
        Transform::Clahe { clip: 4.0, tiles: 8 },
    ]
}

fn draw(sheet: &mut RgbImage, row: usize, column: usize, sample: &Sample) {
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = (2 * y as usize, 2 * x as usize);
            let grey = (sample.image[at] * 255.0) as u8;
            let tinted = if sample.mask[at] == 1 { [grey.saturating_add(70), grey, grey / 2] } else { [grey; 3] };
            sheet.put_pixel(column as u32 * SIDE + x, row as u32 * SIDE + y, Rgb(tinted));
        }
    }
}
