//! From a seed to a radiograph and its true mask.

use ndarray::{Array2, Zip};
use pleura::Mask;
use rand::{Rng, SeedableRng};

use crate::Random;
use crate::anatomy::{Anatomy, Lung};
use crate::canvas::{Frame, Point, noise, smooth, soft};

/// A synthetic radiograph of known truth. The same seed and number give the same one on every run.
#[derive(Debug, Clone)]
pub struct Phantom {
    /// A valid UID (under 2.25), the image's id in a submission.
    pub uid: String,
    /// Intensities in 0..=1, (height, width), 1 being white.
    pub intensities: Array2<f32>,
    /// The pneumothorax; empty if there is none.
    pub truth: Mask,
}

/// The share of phantoms with a pneumothorax.
const COLLAPSED: f64 = 0.38;

/// The attenuation by each part.
struct Layers {
    bones: Array2<f32>,
    vessels: Array2<f32>,
    lines: Array2<f32>,
    pleura: Array2<f32>,
    grain: Array2<f32>,
    cloud: Array2<f32>,
}

impl Phantom {
    /// The phantom of a seed and number, `side` × `side` pixels.
    #[must_use]
    pub fn new(seed: u64, number: u64, side: usize) -> Self {
        let mut random = Random::seed_from_u64(seed);
        random.set_stream(number);
        let uid = format!("2.25.{}", random.random::<u128>());
        let collapsed = random.random_bool(COLLAPSED);
        let anatomy = Anatomy::random(collapsed, &mut random);
        let frame = Frame::random(side, &mut random);
        let exposure = Exposure::random(&mut random);
        let layers = Layers::draw(&anatomy, &frame, &mut random);
        let mut light = Array2::zeros((side, side));
        let mut truth = Array2::from_elem((side, side), false);
        Zip::indexed(&mut light).and(&mut truth).par_for_each(|(row, column), light, truth| {
            let part = tissue(&anatomy, frame.body(row, column));
            *light = exposure.expose(attenuation(&part, &layers, (row, column)));
            *truth = part.free_air;
        });
        let intensities = exposure.develop(light, &mut random);
        Self { uid, intensities, truth: Mask::from(truth) }
    }
}

/// The tissue at a point.
struct Tissue {
    /// Muscle, fat, abdomen, heart and spine.
    solid: f32,
    /// The share of the path through a lung's side of the chest, 0..=1.
    air: f32,
    /// The share of the path through lung tissue, with its vessels, 0..=1.
    lung: f32,
    /// Additional density of a collapsed lung.
    collapse: f32,
    /// Within the bony chest, so that bones are drawn.
    body: f32,
    /// Air outside the lung: the truth.
    free_air: bool,
}

fn tissue(anatomy: &Anatomy, point: Point) -> Tissue {
    let body = body(point);
    let heart = heart(anatomy, point);
    let mut tissue =
        Tissue { solid: solid(point, body, heart), air: 0.0, lung: 0.0, collapse: 0.0, body, free_air: false };
    for lung in &anatomy.lungs {
        let (fraction, direction) = lung.place(point);
        if fraction >= 1.0 {
            continue;
        }
        // behind and in front of the heart there is less lung
        tissue.air = (1.0 - fraction.powi(5)).sqrt() * smooth(1.0, 0.965, fraction) * (1.0 - 0.72 * heart);
        tissue.lung = 1.0;
        if let Some((edge, collapse)) = edge(anatomy, lung, direction) {
            let blur = 0.004 / lung.radius(direction);
            tissue.lung = 1.0 - smooth(edge - blur, edge + blur, fraction);
            tissue.collapse = collapse;
            tissue.free_air = fraction > edge + blur && (1.0 - edge) * lung.radius(direction) > 0.012;
        }
    }
    tissue
}

/// The edge of a collapsed lung in a direction, and its degree of collapse.
fn edge(anatomy: &Anatomy, lung: &Lung, direction: f32) -> Option<(f32, f32)> {
    let collapsed = anatomy.pneumothorax.as_ref().filter(|air| air.side == lung.side)?;
    Some((collapsed.edge(direction), collapsed.collapse()))
}

/// The thickness of the body at a point: 0 beside it.
fn body((x, y): Point) -> f32 {
    let shoulder = smooth(-1.06, -0.56, y);
    let half = 0.24 + 0.72 * shoulder + 0.02 * (y * 3.0).sin();
    let across = (x.abs() / half).min(1.0);
    (1.0 - across.powi(6)).sqrt() * (0.74 + 0.26 * smooth(-0.9, -0.3, y))
}

/// The share of the path through the heart, 0..=1.
fn heart(anatomy: &Anatomy, (x, y): Point) -> f32 {
    let ((hx, hy), (ax, ay)) = anatomy.heart;
    // the left border bulges, the apex points down and out
    let (dx, dy) = ((x - hx - 0.25 * (y - hy)) / ax, (y - hy) / ay);
    1.0 - smooth(0.55, 1.04, dx.hypot(dy))
}

/// The attenuation of the body without air.
fn solid((x, y): Point, body: f32, heart: f32) -> f32 {
    let half = 0.1 + 0.04 * smooth(-0.2, 0.3, y) + 0.055 * soft((y + 0.36) / 0.13) * f32::from(x > 0.0);
    let mediastinum = 1.0 - smooth(half * 0.5, half * 1.25, x.abs());
    let trachea = soft((x - 0.01) / 0.045) * (1.0 - smooth(-0.45, -0.28, y));
    let disc = 0.5 + 0.5 * (y * std::f32::consts::TAU / 0.155).cos();
    let spine = (1.0 - smooth(0.045, 0.1, x.abs())) * (0.7 + 0.3 * disc);
    let abdomen = smooth(0.3, 0.8, y);
    let bubble = soft(((x - 0.36) / 0.13).hypot((y - 0.66) / 0.07));
    let organs = 0.12 * mediastinum + 0.1 * heart + 0.05 * spine + 0.13 * abdomen - 0.09 * trachea - 0.13 * bubble;
    0.56 * body + body.min(1.0) * organs
}

fn attenuation(tissue: &Tissue, layers: &Layers, at: (usize, usize)) -> f32 {
    let inside = smooth(0.02, 0.5, tissue.air);
    let texture = layers.vessels[at] + 0.026 * layers.grain[at] + 0.03 * layers.cloud[at];
    let lung = tissue.lung * (0.055 + 0.16 * tissue.collapse + texture * (0.25 + 0.75 * tissue.air));
    tissue.solid - tissue.air * 0.37
        + inside * lung
        + tissue.body * (0.088 * layers.bones[at] + 0.03 * layers.lines[at] + 0.012 * layers.cloud[at])
        + layers.pleura[at] * inside
}

impl Layers {
    fn draw(anatomy: &Anatomy, frame: &Frame, random: &mut Random) -> Self {
        let blank = || Array2::zeros((frame.side, frame.side));
        let (mut bones, mut vessels, mut lines, mut pleura) = (blank(), blank(), blank(), blank());
        anatomy.bones.iter().for_each(|stroke| stroke.draw(frame, &mut bones));
        anatomy.vessels.iter().for_each(|stroke| stroke.draw(frame, &mut vessels));
        anatomy.lines.iter().for_each(|stroke| stroke.draw(frame, &mut lines));
        if let Some(air) = &anatomy.pneumothorax {
            let strength = random.random_range(0.075..0.13);
            let collapsed = anatomy.lungs.iter().filter(|lung| lung.side == air.side);
            collapsed.for_each(|lung| air.pleura(lung, strength).draw(frame, &mut pleura));
        }
        // vessels crowd where branches meet: no part of the lung is as dense as a bone
        vessels.mapv_inplace(|value: f32| 0.2 * (1.0 - (-value / 0.2).exp()));
        let grain = noise(frame.side, frame.pixels(0.011), random) + noise(frame.side, frame.pixels(0.024), random);
        let cloud = noise(frame.side, frame.pixels(0.11), random) + noise(frame.side, frame.pixels(0.3), random);
        Self { bones, vessels, lines, pleura, grain, cloud }
    }
}

/// The film's exposure and development.
struct Exposure {
    offset: f32,
    contrast: f32,
    noise: f32,
}

impl Exposure {
    fn random(random: &mut Random) -> Self {
        Self {
            offset: random.random_range(-0.035..0.035),
            contrast: random.random_range(0.92..1.12),
            noise: random.random_range(0.008..0.018),
        }
    }

    /// From attenuation to brightness, saturating at both ends.
    fn expose(&self, attenuation: f32) -> f32 {
        let value = 0.5 + (attenuation - 0.5) * self.contrast + self.offset;
        let toe = if value < 0.12 { 0.12 * ((value - 0.12) / 0.12).exp() } else { value };
        if toe > 0.8 { 0.8 + 0.2 * (1.0 - (-(toe - 0.8) / 0.2).exp()) } else { toe }
    }

    /// Adds the detector's noise: grains of about two pixels.
    fn develop(&self, mut light: Array2<f32>, random: &mut Random) -> Array2<f32> {
        let side = light.nrows();
        let fine = noise(side, 1.0, random) + noise(side, 1.9, random);
        Zip::from(&mut light).and(&fine).for_each(|value, &fine| {
            *value = (*value + self.noise * fine * (1.3 - *value)).clamp(0.0, 1.0);
        });
        light
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_phantom() {
        let [one, again, other] = [3, 3, 4].map(|number| Phantom::new(11, number, 128));
        assert_eq!(one.intensities, again.intensities);
        assert_eq!((&one.uid, &one.truth), (&again.uid, &again.truth));
        assert_ne!(one.uid, other.uid);
    }

    #[test]
    fn about_a_third_are_collapsed_and_darker_there() {
        let phantoms: Vec<_> = (0..60).map(|number| Phantom::new(5, number, 128)).collect();
        let collapsed: Vec<_> = phantoms.iter().filter(|phantom| !phantom.truth.is_empty()).collect();
        assert!((12..=30).contains(&collapsed.len()), "{} of 60", collapsed.len());
        for phantom in collapsed {
            let (inside, outside) = (mean(phantom, true), mean(phantom, false));
            assert!(inside + 0.05 < outside, "{}: {inside} against {outside}", phantom.uid);
        }
    }

    fn mean(phantom: &Phantom, marked: bool) -> f32 {
        let pairs = phantom.intensities.iter().zip(phantom.truth.pixels());
        let values: Vec<_> = pairs.filter(|&(_, &truth)| truth == marked).map(|(&value, _)| value).collect();
        values.iter().sum::<f32>() / values.len() as f32
    }
}
