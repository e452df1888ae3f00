//! Drawing primitives: frames, strokes, noise, blur. All images are (height, width), row-major.

use ndarray::{Array2, Zip};
use pleura::Size;
use rand::Rng;

use crate::Random;

/// A point in body coordinates: the thorax spans about -1..=1 both ways, x to the image's right, y down.
pub type Point = (f32, f32);

/// The position of the body in the image: rotated, scaled and shifted a little, as patients' positions vary.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The side of the square image in pixels.
    pub side: usize,
    scale: f32,
    turn: (f32, f32),
    shift: Point,
}

impl Frame {
    /// A random position.
    pub fn random(side: usize, random: &mut Random) -> Self {
        let angle: f32 = random.random_range(-0.05..0.05);
        let scale = side as f32 / 2.0 * random.random_range(1.04..1.16);
        let shift = (random.random_range(-0.03..0.03), random.random_range(-0.04..0.02));
        Self { side, scale, turn: angle.sin_cos(), shift }
    }

    /// Converts pixel centres to body coordinates.
    pub fn body(&self, row: usize, column: usize) -> Point {
        let half = self.side as f32 / 2.0;
        let (x, y) = ((column as f32 + 0.5 - half) / self.scale, (row as f32 + 0.5 - half) / self.scale);
        let (sin, cos) = self.turn;
        (cos * x + sin * y - self.shift.0, cos * y - sin * x - self.shift.1)
    }

    /// Converts body coordinates to pixels, (x, y).
    pub fn pixel(&self, (x, y): Point) -> Point {
        let (x, y) = (x + self.shift.0, y + self.shift.1);
        let (sin, cos) = self.turn;
        let half = self.side as f32 / 2.0;
        ((cos * x - sin * y) * self.scale + half, (cos * y + sin * x) * self.scale + half)
    }

    /// Converts a length in body coordinates to pixels.
    pub fn pixels(&self, length: f32) -> f32 {
        length * self.scale
    }
}

/// A curve with a width: drawn by the distance to its centre line, so that self-overlaps do not add up.
#[derive(Debug, Clone)]
pub struct Stroke {
    /// Points along the centre line, in body coordinates, each with a strength.
    pub points: Vec<(Point, f32)>,
    /// From the centre line to the edge, in body units.
    pub half_width: f32,
    /// Brightness across, by the distance from the centre line as a fraction of the half width.
    pub profile: fn(f32) -> f32,
}

impl Stroke {
    /// Adds the stroke to an image.
    pub fn draw(&self, frame: &Frame, image: &mut Array2<f32>) {
        let reach = frame.pixels(self.half_width).max(0.6) + 1.0;
        let points: Vec<_> = self.points.iter().map(|&(point, strength)| (frame.pixel(point), strength)).collect();
        let Some((rows, columns)) = bounds(&points, reach, frame.side) else { return };
        let size = Size::new(rows.len(), columns.len());
        let mut nearest = Array2::from_elem(size, (f32::INFINITY, 0.0));
        for &((x, y), strength) in &resample(&points, (reach / 3.0).clamp(0.7, 4.0)) {
            let (x, y) = (x - columns.start as f32, y - rows.start as f32);
            for row in span(y, reach, size.height) {
                for column in span(x, reach, size.width) {
                    let distance = (row as f32 + 0.5 - y).hypot(column as f32 + 0.5 - x);
                    if distance < nearest[(row, column)].0 {
                        nearest[(row, column)] = (distance, strength);
                    }
                }
            }
        }
        // a line thinner than a pixel gets fainter, not thinner
        let half = frame.pixels(self.half_width);
        let faint = (half / 0.8).min(1.0);
        let mut target = image.slice_mut(ndarray::s![rows, columns]);
        Zip::from(&mut target).and(&nearest).for_each(|pixel, &(distance, strength)| {
            if distance <= reach {
                *pixel += (self.profile)(distance / half.max(0.8)) * strength * faint;
            }
        });
    }
}

/// A profile that is bright inside and fades at the edge.
pub fn soft(distance: f32) -> f32 {
    (1.0 - distance * distance).max(0.0)
}

/// A bone's profile: a dense rim around a spongy inside.
pub fn bone(distance: f32) -> f32 {
    let edge = 1.0 - smooth(0.9, 1.1, distance);
    edge * (0.72 + 0.38 * distance.powi(4))
}

/// 0 below `low`, 1 above `high`, smooth in between.
pub fn smooth(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Smooth noise: random numbers on a grid of `cell` pixels, interpolated; about -1..=1.
pub fn noise(side: usize, cell: f32, random: &mut Random) -> Array2<f32> {
    let cells = (side as f32 / cell) as usize + 3;
    let grid = Array2::from_shape_simple_fn((cells, cells), || random.random_range(-1.0..1.0f32));
    let place = |index: usize| {
        let position = index as f32 / cell;
        let low = position as usize;
        (low, smooth(0.0, 1.0, position - low as f32))
    };
    let places: Vec<_> = (0..side).map(place).collect();
    Array2::from_shape_fn((side, side), |(row, column)| {
        let ((r, t), (c, u)) = (places[row], places[column]);
        let top = grid[(r, c)] * (1.0 - u) + grid[(r, c + 1)] * u;
        let bottom = grid[(r + 1, c)] * (1.0 - u) + grid[(r + 1, c + 1)] * u;
        top * (1.0 - t) + bottom * t
    })
}

/// A closed curve through points (Catmull-Rom), with `steps` points from each to the next.
pub fn closed_curve(points: &[Point], steps: usize) -> Vec<Point> {
    let at = |index: usize| points[index % points.len()];
    let piece = |index: usize, t: f32| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|offset| at(index + offset));
        let blend = |a: f32, b: f32, c: f32, d: f32| {
            b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
        };
        (blend(a.0, b.0, c.0, d.0), blend(a.1, b.1, c.1, d.1))
    };
    (0..points.len()).flat_map(|index| (0..steps).map(move |step| piece(index, step as f32 / steps as f32))).collect()
}

/// Rows and columns that a stroke may touch; `None` if it is outside the image.
fn bounds(
    points: &[(Point, f32)],
    reach: f32,
    side: usize,
) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let range = |of: fn(&(Point, f32)) -> f32| {
        let low = points.iter().map(of).fold(f32::INFINITY, f32::min) - reach;
        let high = points.iter().map(of).fold(f32::NEG_INFINITY, f32::max) + reach + 1.0;
        let (low, high) = (low.max(0.0) as usize, (high.max(0.0) as usize).min(side));
        (low < high).then_some(low..high)
    };
    Some((range(|&((_, y), _)| y)?, range(|&((x, _), _)| x)?))
}

fn span(centre: f32, reach: f32, len: usize) -> std::ops::Range<usize> {
    ((centre - reach).max(0.0) as usize)..((centre + reach + 1.0).max(0.0) as usize).min(len)
}

/// Points at most `step` pixels apart.
fn resample(points: &[(Point, f32)], step: f32) -> Vec<(Point, f32)> {
    let mut dense = Vec::new();
    for pair in points.windows(2) {
        let [((x, y), s), ((u, v), w)] = [pair[0], pair[1]];
        let pieces = ((u - x).hypot(v - y) / step).ceil().max(1.0);
        for piece in 0..pieces as usize {
            let t = piece as f32 / pieces;
            dense.push(((x + (u - x) * t, y + (v - y) * t), s + (w - s) * t));
        }
    }
    dense.extend(points.last());
    dense
}
