//! Example radiographs with their true masks.

use image::{ExtendedColorType, ImageEncoder, RgbImage, codecs::jpeg::JpegEncoder};
use ndarray::Array2;
use pleura::chart::{self, picture, text};
use pleura::ensemble::resize;
use pleura::manifest::{Intensity, Resize};
use pleura::radiograph::DecodeLimits;
use pleura::{Mask, Radiograph, Size, mask_image, overlay};
use rayon::prelude::*;

use super::super::super::truth::Truth;
use super::super::Image;
use crate::term::Skips;

/// Number of tiles, and of positives among them if there are enough of both.
const TILES: usize = 12;
const POSITIVES: usize = 8;
const COLUMNS: usize = 4;
/// A tile's side as drawn; in pixels it is twice as long.
const SIDE: f64 = 240.0;
const PIXELS: usize = 480;
const GAP: f64 = 14.0;
/// Height of the text below a tile: two lines.
const TEXT: f64 = 40.0;
const TOP: f64 = 48.0;
/// Number of letters that fit below a tile.
const LETTERS: usize = 30;

/// A radiograph as JPEG, with its size in pixels.
type Tile = (Vec<u8>, Size);

/// The mosaic, and how many of its radiographs cannot be decoded; these are reported. `None` if there are none.
pub fn draw(images: &[Image], truth: Option<&Truth>, limits: DecodeLimits) -> (Option<String>, usize) {
    let chosen = choose(images);
    let tiles: Vec<_> = chosen.par_iter().map(|image| tile(image, truth, limits)).collect();
    let mut drawn = Vec::new();
    let undecoded = Skips::unlisted("skipped files");
    for (image, tile) in chosen.into_iter().zip(tiles) {
        match tile {
            Ok(tile) => drawn.push((image, tile)),
            Err(error) => {
                undecoded.file(&image.path, &error.context("it is not in the mosaic"));
            }
        }
    }
    ((!drawn.is_empty()).then(|| svg(&drawn, truth.is_some())), undecoded.count())
}

/// Positives from the largest mask to the smallest, then others, evenly picked from all.
fn choose(images: &[Image]) -> Vec<&Image> {
    let (mut positives, others): (Vec<_>, Vec<_>) = images.iter().partition(|image| image.positive());
    positives.sort_by_key(|image| std::cmp::Reverse(image.truth.map(|marked| marked.area)));
    let wanted = POSITIVES.max(TILES.saturating_sub(others.len())).min(positives.len());
    let (positives, others) = (evenly(&positives, wanted), evenly(&others, TILES - wanted));
    positives.into_iter().chain(others).collect()
}

/// `count` items of a list, or all of it: its ends, and evenly spaced ones between.
fn evenly<T: Copy>(list: &[T], count: usize) -> Vec<T> {
    let count = count.min(list.len());
    let at = |place: usize| if count < 2 { 0 } else { place * (list.len() - 1) / (count - 1) };
    (0..count).map(|place| list[at(place)]).collect()
}

fn tile(image: &Image, truth: Option<&Truth>, limits: DecodeLimits) -> anyhow::Result<Tile> {
    let radiograph = Radiograph::open_with(&image.path, limits)?;
    let Size { height, width } = radiograph.size();
    let longer = height.max(width);
    let side = |side: usize| (side * PIXELS.min(longer)).div_ceil(longer);
    let size = Size::new(side(height), side(width));
    let intensities = radiograph.intensities(Intensity::Window);
    let small = resize(intensities.view(), size, Resize::Area);
    let mask = truth.and_then(|truth| truth.images.get(&image.tags.id).map(|marks| marks.runs.to_mask(truth.size)));
    let mask = mask.unwrap_or_else(|| Mask::from(Array2::from_elem(size, false)));
    let picture = overlay::tinted(small.view(), &mask_image::resized(&mask, size))?;
    Ok((jpeg(&picture)?, size))
}

fn jpeg(picture: &RgbImage) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 85);
    encoder.write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn svg(tiles: &[(&Image, Tile)], truth: bool) -> String {
    let rows = tiles.len().div_ceil(COLUMNS);
    let columns = tiles.len().min(COLUMNS);
    let width = (GAP + columns as f64 * (SIDE + GAP)).max(420.0);
    let size = (width, TOP + rows as f64 * (SIDE + TEXT + GAP));
    let title = if truth { "Radiographs with their true masks" } else { "Radiographs" };
    let mut svg = chart::head(title, title, size, GAP);
    for (index, (image, (jpeg, Size { height, width }))) in tiles.iter().enumerate() {
        let x = GAP + (index % COLUMNS) as f64 * (SIDE + GAP);
        let y = TOP + (index / COLUMNS) as f64 * (SIDE + TEXT + GAP);
        let scale = SIDE / (*height).max(*width) as f64;
        let drawn = (*width as f64 * scale, *height as f64 * scale);
        let at = (x + (SIDE - drawn.0) / 2.0, y + (SIDE - drawn.1) / 2.0);
        picture(&mut svg, at, drawn, ("image/jpeg", jpeg), &image.tags.id);
        text(&mut svg, x, y + SIDE + 16.0, "start", &who(image));
        text(&mut svg, x, y + SIDE + 31.0, "start", &what(image));
    }
    svg.push_str("</svg>\n");
    svg
}

/// `F, 51 years, PA`, without what is unknown.
fn who(image: &Image) -> String {
    let years = image.tags.years().map(|years| match years {
        years if years < 2.0 => format!("{:.0} months", years * 12.0),
        years => format!("{years:.0} years"),
    });
    let parts: Vec<_> = [image.tags.sex.clone(), years, image.tags.view.clone()].into_iter().flatten().collect();
    if parts.is_empty() { short(&image.tags.id) } else { parts.join(", ") }
}

/// An id, or the end of a long one, where UIDs differ.
fn short(id: &str) -> String {
    let letters = id.chars().count();
    if letters <= LETTERS {
        id.into()
    } else {
        format!("…{}", id.chars().skip(letters - LETTERS).collect::<String>())
    }
}

/// The marked area as text.
fn what(image: &Image) -> String {
    match image.truth {
        None => String::new(),
        Some(marked) if marked.area == 0 => "no mask".into(),
        Some(marked) => {
            let masks = if marked.masks == 1 { "1 mask".into() } else { format!("{} masks", marked.masks) };
            format!("{masks}, {} px ({:.2} %)", marked.area, 100.0 * marked.share)
        }
    }
}
