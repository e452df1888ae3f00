//! A training that takes seconds: bright discs, in two folds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};

/// Side of the images, in pixels.
pub const SIDE: u32 = 48;

/// Makes a folder of images with bright discs and their masks, and a recipe of `epochs` epochs.
pub fn training(folder: &Path, epochs: u32) -> PathBuf {
    for kind in ["images", "masks"] {
        fs::create_dir(folder.join(kind)).unwrap();
    }
    for number in 0..16_u32 {
        let (x0, y0, radius) = (14 + number, 30 - number, if number % 4 == 0 { 0 } else { 6 + number % 3 });
        let inside = |x: u32, y: u32| x.abs_diff(x0).pow(2) + y.abs_diff(y0).pow(2) < radius * radius;
        let value = |x: u32, y: u32| 60 + (x * 7 + y * 13 + number * 5) % 50 + if inside(x, y) { 90 } else { 0 };
        let mask = |x, y| Luma([if inside(x, y) { 255 } else { 0 }]);
        let name = format!("case-{number:02}.png");
        GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([value(x, y) as u8]))
            .save(folder.join("images").join(&name))
            .unwrap();
        GrayImage::from_fn(SIDE, SIDE, mask).save(folder.join("masks").join(&name)).unwrap();
    }
    let recipe = folder.join("recipe.toml");
    let text = format!(
        r#"schema = 1
name = "discs"
network = {{ architecture = {{ kind = "conv-stack", widths = [8] }}, heads = "both" }}
data = {{ images = ["images"], truth = {{ kind = "masks", folder = "masks" }} }}
folds = {{ count = 2, csv = "folds.csv" }}
loss = {{ map = [{{ kind = "dice" }}], score = [{{ kind = "bce" }}] }}
optimizer = {{ kind = "adam" }}

[[phases]]
epochs = {epochs}
size = [40, 36]
batch = 4
lr = 0.03
"#
    );
    fs::write(&recipe, text).unwrap();
    recipe
}

/// Waits until a file has this many lines.
pub fn wait_for_lines(path: &Path, lines: usize) {
    let begun = Instant::now();
    while fs::read_to_string(path).unwrap_or_default().lines().count() < lines {
        assert!(begun.elapsed() < Duration::from_secs(120), "`{}` has no {lines} lines", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}
