//! The mean of all non-empty masks.

use std::io::Cursor;

use anyhow::Result;
use image::{ImageFormat, Rgb, RgbImage};
use ndarray::Array2;
use pleura::chart::{self, Axis, picture, rule, text};
use pleura::ensemble::resize;
use pleura::manifest::Resize;

use super::super::super::truth::Truth;
use pleura::Size;

/// The longer side of the map, in cells.
const CELLS: usize = 128;
/// The longer side of the map as drawn.
const SIDE: f64 = 480.0;
const LEFT: f64 = 28.0;
const TOP: f64 = 52.0;
/// The gap between the map and the scale, and the scale's width.
const SCALE: (f64, f64) = (26.0, 20.0);

/// Colours from zero to the maximum: ever lighter, to be readable without hues.
const RAMP: [[f64; 3]; 6] = [
    [8.0, 10.0, 24.0],
    [24.0, 46.0, 110.0],
    [20.0, 110.0, 150.0],
    [70.0, 170.0, 120.0],
    [205.0, 205.0, 70.0],
    [255.0, 250.0, 215.0],
];

/// The map with its scale. `None` if nothing is marked.
pub fn draw(truth: &Truth) -> Result<Option<String>> {
    let positives = truth.positives().count();
    if positives == 0 {
        return Ok(None);
    }
    let map = cells(&mean(truth, positives));
    let most = map.iter().fold(0.0, |most: f32, &share| most.max(share));
    let (rows, columns) = map.dim();
    let longer = rows.max(columns) as f64;
    let (width, height) = (SIDE * columns as f64 / longer, SIDE * rows as f64 / longer);
    let title = format!("Where the masks of {positives} images lie");
    let described = format!("{title}: the share of them that mark a place, up to {:.1} %", 100.0 * most);
    let size = (LEFT + width + SCALE.0 + SCALE.1 + 78.0, TOP + height + 44.0);
    let mut svg = chart::head(&title, &described, size, LEFT);
    let png = png(&map.mapv(|share| share / most))?;
    picture(&mut svg, (LEFT, TOP), (width, height), ("image/png", &png), &described);
    let below = "share of the masks that mark a place";
    text(&mut svg, LEFT, TOP + height + 24.0, "start", below);
    scale(&mut svg, LEFT + width + SCALE.0, height, most)?;
    svg.push_str("</svg>\n");
    Ok(Some(svg))
}

/// The share of masks that mark each pixel, (height, width).
fn mean(truth: &Truth, positives: usize) -> Array2<f32> {
    let (size, height) = (truth.size, truth.size.height);
    // run starts and ends in column order; their running sum is the number of masks at a pixel
    let mut changes = vec![0_i32; size.area() + 1];
    for &(start, end) in truth.positives().flat_map(|marks| marks.runs.ranges()) {
        changes[start as usize] += 1;
        changes[end as usize] -= 1;
    }
    let mut covered = 0;
    let mut shares = Array2::zeros(size);
    for (pixel, change) in changes[..size.area()].iter().enumerate() {
        covered += change;
        shares[(pixel % height, pixel / height)] = covered as f32 / positives as f32;
    }
    shares
}

fn cells(mean: &Array2<f32>) -> Array2<f32> {
    let (height, width) = mean.dim();
    let longer = height.max(width);
    let side = |side: usize| (side * CELLS.min(longer)).div_ceil(longer);
    resize(mean.view(), Size::new(side(height), side(width)), Resize::Area).into_owned()
}

/// Values in 0..=1, (height, width), as a PNG in the ramp's colours.
fn png(map: &Array2<f32>) -> Result<Vec<u8>> {
    let (rows, columns) = map.dim();
    let picture = RgbImage::from_fn(columns as u32, rows as u32, |column, row| {
        colour(map[(row as usize, column as usize)].into())
    });
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

fn colour(value: f64) -> Rgb<u8> {
    let place = value.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let below = (place as usize).min(RAMP.len() - 2);
    let part = place - below as f64;
    let mix = |channel: usize| RAMP[below][channel] * (1.0 - part) + RAMP[below + 1][channel] * part;
    Rgb([0, 1, 2].map(|channel| mix(channel).round() as u8))
}

fn scale(svg: &mut String, left: f64, height: f64, most: f32) -> Result<()> {
    let steps = 200;
    let ramp = Array2::from_shape_fn((steps, 1), |(row, _)| 1.0 - row as f32 / (steps - 1) as f32);
    picture(svg, (left, TOP), (SCALE.1, height), ("image/png", &png(&ramp)?), "the scale");
    let axis = Axis::new((0.0, f64::from(most) * 100.0), (TOP + height, TOP));
    for (value, number) in axis.ticks(6.0, false) {
        let (x, y) = (left + SCALE.1, axis.place(value));
        rule(svg, (x, y), (x + 4.0, y), "stroke=\"#666\"");
        text(svg, x + 8.0, y + 4.0, "start", &format!("{number} %"));
    }
    Ok(())
}
