//! One synthetic chest: outlines, bones, vessels, and perhaps a pneumothorax.

use std::f32::consts::{PI, TAU};

use rand::Rng;

use crate::Random;
use crate::canvas::{Point, Stroke, bone, closed_curve, smooth, soft};

/// A lung's side: the patient's right is on the image's left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The patient's right lung, on the image's left.
    Right,
    /// The patient's left lung, on the image's right.
    Left,
}

impl Side {
    /// The direction away from the spine.
    pub fn sign(self) -> f32 {
        if self == Self::Right { -1.0 } else { 1.0 }
    }
}

/// A lung's outline as a radius for each direction around its centre.
#[derive(Debug, Clone)]
pub struct Lung {
    /// The lung's side.
    pub side: Side,
    centre: Point,
    radii: Vec<f32>,
}

const DIRECTIONS: usize = 720;

/// The right lung's outline, x away from the spine: apex, chest wall, costophrenic angle, diaphragm, mediastinum.
const OUTLINE: [Point; 15] = [
    (0.15, -0.72),
    (0.27, -0.83),
    (0.43, -0.76),
    (0.56, -0.55),
    (0.65, -0.25),
    (0.71, 0.08),
    (0.735, 0.38),
    (0.745, 0.60),
    (0.60, 0.47),
    (0.42, 0.385),
    (0.26, 0.41),
    (0.15, 0.50),
    (0.13, 0.2),
    (0.12, -0.1),
    (0.13, -0.45),
];

impl Lung {
    fn random(side: Side, random: &mut Random) -> Self {
        let (wide, tall) = (random.random_range(0.94..1.05), random.random_range(0.92..1.06));
        // the heart pushes the base of the left lung aside and down
        let lower = if side == Side::Left { 0.05 } else { 0.0 };
        let points = OUTLINE.map(|(x, y)| {
            let wobble = (random.random_range(-0.012..0.012), random.random_range(-0.015..0.015));
            let drop = lower * smooth(0.2, 0.5, y);
            (side.sign() * (x * wide + wobble.0), y * tall + wobble.1 + drop)
        });
        let centre = (side.sign() * 0.42 * wide, -0.08);
        Self { side, centre, radii: radii(&closed_curve(&points, 24), centre) }
    }

    /// Polar coordinates of a point: its distance from the centre as a fraction of the outline's (1 on the outline),
    /// and its direction in -π..=π: 0 away from the spine, negative upwards.
    pub fn place(&self, (x, y): Point) -> (f32, f32) {
        let (dx, dy) = (self.side.sign() * (x - self.centre.0), y - self.centre.1);
        let direction = dy.atan2(dx);
        (dx.hypot(dy) / self.radius(direction), direction)
    }

    /// The point at a fraction of the outline's distance, in a direction.
    pub fn point(&self, fraction: f32, direction: f32) -> Point {
        let reach = fraction * self.radius(direction);
        (self.centre.0 + self.side.sign() * reach * direction.cos(), self.centre.1 + reach * direction.sin())
    }

    /// The outline's distance from the centre.
    pub fn radius(&self, direction: f32) -> f32 {
        let position = direction.rem_euclid(TAU) / TAU * DIRECTIONS as f32;
        let low = position as usize % DIRECTIONS;
        let t = position.fract();
        self.radii[low] * (1.0 - t) + self.radii[(low + 1) % DIRECTIONS] * t
    }
}

/// Air between lung and chest wall: a rim without vessels, as deep as `depth` (a fraction of the outline's distance
/// from the lung's centre) in the direction `middle`, tapering off until `reach` to both sides.
#[derive(Debug, Clone, Copy)]
pub struct Pneumothorax {
    /// Which lung has collapsed.
    pub side: Side,
    depth: f32,
    middle: f32,
    reach: f32,
}

impl Pneumothorax {
    fn random(random: &mut Random) -> Self {
        Self {
            side: if random.random_bool(0.5) { Side::Right } else { Side::Left },
            depth: random.random_range(0.16..0.42),
            middle: random.random_range(-1.35..-0.25),
            reach: random.random_range(0.85..1.5),
        }
    }

    /// The lung's edge in a direction, as a fraction of the outline; 1 where it still touches the wall.
    pub fn edge(&self, direction: f32) -> f32 {
        let away = (direction - self.middle) / self.reach;
        1.0 - self.depth * (1.0 - away * away).max(0.0).powf(0.8)
    }

    /// The degree of collapse: a deeper rim means a more collapsed and denser lung.
    pub fn collapse(&self) -> f32 {
        self.depth
    }

    /// The visceral pleura: a fine bright line along the collapsed lung.
    pub fn pleura(&self, lung: &Lung, strength: f32) -> Stroke {
        let points = (0..=160).filter_map(|step| {
            let direction = self.middle + self.reach * (step as f32 / 80.0 - 1.0);
            let edge = self.edge(direction);
            (edge < 0.985).then(|| (lung.point(edge, direction), strength))
        });
        Stroke { points: points.collect(), half_width: 0.0042, profile: soft }
    }
}

/// A synthetic chest.
#[derive(Debug, Clone)]
pub struct Anatomy {
    /// Both lungs.
    pub lungs: [Lung; 2],
    /// A collapsed lung, if any.
    pub pneumothorax: Option<Pneumothorax>,
    /// Ribs and clavicles.
    pub bones: Vec<Stroke>,
    /// The vessels of both lungs.
    pub vessels: Vec<Stroke>,
    /// Lines other than the pleura: skin folds and leads.
    pub lines: Vec<Stroke>,
    /// The heart's centre and half axes.
    pub heart: (Point, Point),
}

impl Anatomy {
    /// A random chest.
    pub fn random(collapsed: bool, random: &mut Random) -> Self {
        let lungs = [Side::Right, Side::Left].map(|side| Lung::random(side, random));
        let pneumothorax = collapsed.then(|| Pneumothorax::random(random));
        let bones = [Side::Right, Side::Left].into_iter().flat_map(|side| bones(side, random)).collect();
        let vessels = lungs.iter().flat_map(|lung| vessels(lung.side, random)).collect();
        let axes = (random.random_range(0.30..0.40), random.random_range(0.29..0.36));
        let heart = ((random.random_range(0.08..0.14), random.random_range(0.20..0.26)), axes);
        Self { lungs, pneumothorax, bones, vessels, lines: lines(random), heart }
    }
}

/// The outline's distance from the centre in each direction (mirrored, so that 0 points away from the spine).
fn radii(outline: &[Point], centre: Point) -> Vec<f32> {
    let sign = centre.0.signum();
    let polar: Vec<_> = outline
        .iter()
        .map(|&(x, y)| {
            let (dx, dy) = (sign * (x - centre.0), y - centre.1);
            (dy.atan2(dx).rem_euclid(TAU), dx.hypot(dy))
        })
        .collect();
    let nearest = |angle: f32| {
        let gap = |other: f32| ((other - angle + PI).rem_euclid(TAU) - PI).abs();
        let weigh = |&(other, radius): &(f32, f32)| {
            let weight = (-(gap(other) / 0.03).powi(2)).exp() + 1e-12 / (gap(other) + 1e-3);
            (weight, weight * radius)
        };
        let (weights, sum) = polar.iter().map(weigh).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        sum / weights
    };
    (0..DIRECTIONS).map(|step| nearest(step as f32 / DIRECTIONS as f32 * TAU)).collect()
}

/// Nine ribs, from the spine outwards and down and forward again, and the clavicle.
fn bones(side: Side, random: &mut Random) -> Vec<Stroke> {
    let sign = side.sign();
    let strength = random.random_range(0.75..1.1);
    let gap = random.random_range(0.138..0.152);
    let first = random.random_range(-0.86..-0.82);
    let ribs = (0..10).map(|number| {
        let n = number as f32;
        let wall = 0.33 + 0.425 * (1.0 - (-n * 0.42).exp());
        let (top, drop) = (first + n * gap, 0.08 + 0.018 * n);
        // below the diaphragm the abdomen is brighter than they are
        let lower = 1.0 - 0.65 * smooth(6.5, 9.0, n);
        let back = (0..=24).map(|step| {
            let t = step as f32 / 24.0 * PI / 2.0;
            (
                (sign * (0.07 + (wall - 0.07) * t.sin()), top - 0.05 * (2.0 * t).sin() + drop * (1.0 - t.cos())),
                strength * smooth(0.0, 0.5, t) * lower,
            )
        });
        let front = (1..=24).map(|step| {
            let t = step as f32 / 24.0;
            let x = wall - (wall - 0.2) * (t * PI / 2.0).sin().powf(1.6);
            let y = top + drop + (0.13 + 0.012 * n) * t.powf(0.7);
            // the front ends are cartilage, which is hardly visible
            ((sign * x, y), strength * 0.62 * lower * (1.0 - smooth(0.5, 0.9, t)))
        });
        Stroke { points: back.chain(front).collect(), half_width: 0.026 + 0.0006 * n, profile: bone }
    });
    let tilt = random.random_range(-0.03..0.03);
    let clavicle = (0..=30).map(|step| {
        let t = step as f32 / 30.0;
        let y = -0.66 - 0.12 * t + tilt * t + 0.035 * (t * TAU).sin();
        ((sign * (0.07 + 0.72 * t), y), strength * 1.2 * smooth(0.0, 0.08, t))
    });
    let clavicle = Stroke { points: clavicle.collect(), half_width: 0.03, profile: bone };
    ribs.chain([clavicle]).collect()
}

/// A tree of vessels from the hilum outwards.
fn vessels(side: Side, random: &mut Random) -> Vec<Stroke> {
    let mut strokes = Vec::new();
    let hilum = random.random_range(-0.07..-0.01);
    for trunk in 0..11 {
        let direction = -1.45 + trunk as f32 * 0.29 + random.random_range(-0.12..0.12);
        let width = random.random_range(0.0075..0.012);
        let root = (side.sign() * random.random_range(0.13..0.17), hilum + 0.08 * direction.sin());
        branch(root, direction, width, side.sign(), random, &mut strokes);
    }
    strokes
}

/// One vessel and its branches: each thinner than its parent.
fn branch(start: Point, direction: f32, width: f32, sign: f32, random: &mut Random, strokes: &mut Vec<Stroke>) {
    if width < 0.0016 {
        return;
    }
    let (mut place, mut heading) = (start, direction);
    let steps = random.random_range(5..9);
    let length = 0.028 * (width / 0.011).sqrt().max(0.55);
    let mut points = vec![(place, width * 16.0)];
    for _ in 0..steps {
        heading += random.random_range(-0.16..0.16);
        place = (place.0 + sign * length * heading.cos(), place.1 + length * heading.sin());
        points.push((place, width * 16.0));
    }
    strokes.push(Stroke { points, half_width: width, profile: soft });
    let spread = random.random_range(0.22..0.55);
    for turn in [-spread, spread] {
        branch(place, heading + turn, width * random.random_range(0.62..0.82), sign, random, strokes);
    }
}

/// Occasional skin folds and leads: bright lines that cross a lung, with vessels on both sides.
fn lines(random: &mut Random) -> Vec<Stroke> {
    let mut strokes = Vec::new();
    if random.random_bool(0.3) {
        let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
        let (x, lean) = (random.random_range(0.35..0.6), random.random_range(-0.1..0.15));
        let top = random.random_range(-0.6..-0.1);
        let fold = (0..=20).map(|step| {
            let t = step as f32 / 20.0;
            let fade = smooth(0.0, 0.2, t) * (1.0 - smooth(0.8, 1.0, t));
            ((sign * (x + lean * t + 0.04 * (t * PI).sin()), top + 0.6 * t), 0.55 * fade)
        });
        strokes.push(Stroke { points: fold.collect(), half_width: 0.006, profile: soft });
    }
    if random.random_bool(0.25) {
        let (x, sway) = (random.random_range(-0.5..0.5), random.random_range(-0.3..0.3));
        let lead = (0..=40).map(|step| {
            let t = step as f32 / 40.0;
            ((x + sway * (t * 2.4).sin(), -1.1 + 1.5 * t), 2.2)
        });
        strokes.push(Stroke { points: lead.collect(), half_width: 0.005, profile: soft });
    }
    strokes
}
