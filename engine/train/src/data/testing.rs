//! Helpers of the data tests.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma};
use pleura::submission::Runs;

use super::dataset::{Item, Marked};
use pleura::Size;

/// Images with these labels; there are no files.
pub(super) fn items(labels: &[bool]) -> Vec<Item> {
    let item = |(index, &label): (usize, &bool)| Item {
        id: format!("i{index}"),
        path: PathBuf::from(format!("i{index}.png")),
        size: Size::new(4, 4),
        label,
        area: if label { 0.5 } else { 0.0 },
        mask: Marked { runs: Runs::default(), size: Size::new(4, 4) },
    };
    labels.iter().enumerate().map(item).collect()
}

/// Writes a PNG of (height, width), grey by row and column, and creates its folders.
pub(super) fn png(path: &Path, (height, width): (u32, u32), grey: impl Fn(u32, u32) -> u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_fn(width, height, |column, row| Luma([grey(row, column)])).save(path).unwrap();
}

/// The folder of real data. Tests that need it are ignored `cfg_attr(no_real_data)`.
pub(super) fn data() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("PLEURA_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    assert!(folder.is_dir(), "no real data at `{}`; set PLEURA_DATA", folder.display());
    folder
}
