use ndarray::{Array2, s};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::recipe::{Border, BrightnessOf, ContrastAbout};

const TURN: Transform = Transform::ShiftScaleRotate { shift: 0.1, scale: 0.2, degrees: 45.0, border: Border::Constant };

const GEOMETRY: [Transform; 7] = [
    Transform::Vflip {},
    Transform::Hflip {},
    TURN,
    Transform::Crop { keep: [0.6, 0.9] },
    Transform::Elastic { alpha: 120.0, sigma: 6.0, affine: 3.6, border: Border::Reflect101 },
    Transform::GridDistortion { steps: 5, limit: 0.3 },
    Transform::OpticalDistortion { limit: 1.0, shift: 0.05, border: Border::Reflect101 },
];

const INTENSITY: [Transform; 12] = [
    Transform::Noise { limit: 0.1 },
    Transform::Cutout { holes: 8, side: 0.2 },
    Transform::Brightness { limit: 0.2, of: BrightnessOf::Range },
    Transform::Brightness { limit: 0.2, of: BrightnessOf::Mean },
    Transform::Contrast { limit: 0.5, about: ContrastAbout::Mean },
    Transform::Contrast { limit: 0.5, about: ContrastAbout::Zero },
    Transform::BrightnessContrast { brightness: 0.2, contrast: 0.5 },
    Transform::Gamma { range: [0.6, 1.4] },
    Transform::Blur { limit: 7 },
    Transform::MotionBlur { limit: 9 },
    Transform::Median { limit: 5 },
    Transform::Clahe { clip: 4.0, tiles: 4 },
];

/// Transforms that change nothing.
const IDENTITY: [Transform; 13] = [
    Transform::Noise { limit: 0.0 },
    Transform::Cutout { holes: 3, side: 0.0 },
    Transform::ShiftScaleRotate { shift: 0.0, scale: 0.0, degrees: 0.0, border: Border::Wrap },
    Transform::Crop { keep: [1.0, 1.0] },
    Transform::Elastic { alpha: 0.0, sigma: 4.0, affine: 0.0, border: Border::Constant },
    Transform::GridDistortion { steps: 5, limit: 0.0 },
    Transform::OpticalDistortion { limit: 0.0, shift: 0.1, border: Border::Constant },
    Transform::Brightness { limit: 0.0, of: BrightnessOf::Range },
    Transform::Brightness { limit: 0.0, of: BrightnessOf::Mean },
    Transform::Contrast { limit: 0.0, about: ContrastAbout::Mean },
    Transform::Contrast { limit: 0.0, about: ContrastAbout::Zero },
    Transform::BrightnessContrast { brightness: 0.0, contrast: 0.0 },
    Transform::Gamma { range: [1.0, 1.0] },
];

/// A ramp with grain, and a mask of a disk off the centre.
fn sample(size: Size) -> Sample {
    let Size { height, width } = size;
    let image = Array2::from_shape_fn(size, |(row, column)| {
        let grain = (row * 7919 + column * 104_729 + row * column) % 23;
        (row * 90 / height + column * 120 / width + grain) as f32 / 255.0
    });
    let (y, x, r) = (height as f32 * 0.45, width as f32 * 0.6, height.min(width) as f32 * 0.25);
    let inside = |row: usize, column: usize| (row as f32 - y).powi(2) + (column as f32 - x).powi(2) < r * r;
    Sample { image, mask: Array2::from_shape_fn(size, |(row, column)| u8::from(inside(row, column))) }
}

fn once(transform: Transform, sample: &Sample, seed: u64) -> Sample {
    let list = [Augment { p: 1.0, one_of: vec![transform] }];
    augment(&list, sample.clone(), Draw { seed, ..Draw::default() }, 0)
}

#[test]
fn identity_parameters_change_nothing() {
    for size in [(64, 48), (33, 57), (1, 1), (2, 3)].map(Size::from) {
        let sample = sample(size);
        for transform in IDENTITY {
            assert_eq!(once(transform, &sample, 3), sample, "{transform:?} of {size}");
        }
    }
}

#[test]
fn geometry_moves_the_mask_with_the_image() {
    let mut shown = sample(Size::new(160, 200));
    shown.image = shown.mask.mapv(f32::from);
    for transform in GEOMETRY {
        for seed in 0..10 {
            let moved = once(transform, &shown, seed);
            assert_ne!(moved.mask, shown.mask, "{transform:?}");
            // along the disk's border the image is between 0 and 1, and the mask is either
            let differ = moved.image.iter().zip(&moved.mask).filter(|&(&i, &m)| (i >= 0.5) != (m == 1)).count();
            let border = moved.image.iter().filter(|&&i| i > 0.0 && i < 1.0).count();
            assert!(differ * 10 <= border, "{transform:?}, seed {seed}: {differ} of {border} differ");
        }
    }
}

#[test]
fn sides_are_exchanged_of_square_images_only() {
    let image = ndarray::array![[0.0, 0.1], [0.2, 0.3]];
    let sample = Sample { mask: image.mapv(|v: f32| u8::from(v > 0.15)), image };
    let rows = |sample: &Sample| sample.image.iter().copied().collect::<Vec<_>>();
    let flipped = once(Transform::Vflip {}, &sample, 0);
    assert_eq!((rows(&flipped), flipped.mask.row(0).to_vec()), (vec![0.2, 0.3, 0.0, 0.1], vec![1, 1]));
    let transposed = once(Transform::Transpose {}, &sample, 0);
    assert_eq!((rows(&transposed), transposed.mask.row(0).to_vec()), (vec![0.0, 0.2, 0.1, 0.3], vec![0, 1]));
    // numpy.rot90, by 0 to 3 quarters
    let turns = [[0.0, 0.1, 0.2, 0.3], [0.1, 0.3, 0.0, 0.2], [0.3, 0.2, 0.1, 0.0], [0.2, 0.0, 0.3, 0.1]].map(Vec::from);
    let found: Vec<_> = (0..40).map(|seed| rows(&once(Transform::QuarterTurns {}, &sample, seed))).collect();
    assert!(
        turns.iter().all(|turn| found.contains(turn)) && found.iter().all(|turn| turns.contains(turn)),
        "{found:?}"
    );
    for transform in [Transform::Transpose {}, Transform::QuarterTurns {}] {
        let list = [Augment { p: 1.0, one_of: vec![transform] }];
        assert!(check(&list, Size::new(8, 8)).is_ok());
        assert!(check(&list, Size::new(8, 9)).unwrap_err().to_string().contains("8×9 are not square"));
    }
}

#[test]
fn noise_has_the_deviation_that_was_drawn_and_squares_are_black() {
    let sample = Sample { image: Array2::from_elem((100, 100), 0.5), mask: Array2::ones((100, 100)) };
    for seed in 0..5 {
        let noisy = once(Transform::Noise { limit: 0.1 }, &sample, seed).image.mapv(|v| f64::from(v) - 0.5);
        let deviation = (noisy.mapv(|v| v * v).sum() / 1e4).sqrt();
        assert!(noisy.sum().abs() / 1e4 < 0.01 && deviation < 0.103, "{deviation}");
        let cut = once(Transform::Cutout { holes: 1, side: 0.1 }, &sample, seed);
        let black = cut.image.iter().filter(|&&v| v == 0.0).count();
        assert!((25..=100).contains(&black) && cut.mask == sample.mask, "{black}");
    }
}

#[test]
fn intensities_change_and_masks_do_not() {
    let sample = sample(Size::new(70, 90));
    for transform in INTENSITY {
        for seed in 0..10 {
            let changed = once(transform, &sample, seed);
            assert_eq!(changed.mask, sample.mask);
            assert_ne!(changed.image, sample.image, "{transform:?}");
        }
    }
}

#[test]
fn everything_stays_an_image() {
    for size in [(65, 80), (80, 65), (9, 5)].map(Size::from) {
        let sample = Sample { image: sample(size).image.mapv(|v| (v * 3.0).min(1.0)), ..sample(size) };
        for transform in GEOMETRY.into_iter().chain(INTENSITY) {
            for seed in 0..5 {
                let changed = once(transform, &sample, seed);
                assert_eq!((changed.image.dim(), changed.mask.dim()), (size.dim(), size.dim()));
                assert!(changed.image.is_standard_layout() && changed.mask.is_standard_layout());
                assert!(changed.image.iter().all(|v| (0.0..=1.0).contains(v)), "{transform:?} of {size}");
                assert!(changed.mask.iter().all(|&v| v <= 1));
            }
        }
    }
}

#[test]
fn a_flat_image_stays_flat() {
    let flat = Sample { image: Array2::from_elem((40, 40), 0.6), mask: Array2::zeros((40, 40)) };
    for transform in GEOMETRY.into_iter().skip(3).chain(INTENSITY.into_iter().skip(2)) {
        let image = once(transform, &flat, 5).image;
        assert!(image.iter().all(|v| (v - image[(0, 0)]).abs() < 1e-5), "{transform:?}");
    }
    for border in [Border::Replicate, Border::Reflect, Border::Reflect101, Border::Wrap] {
        let turn = Transform::ShiftScaleRotate { shift: 0.1, scale: 0.2, degrees: 45.0, border };
        assert!(once(turn, &flat, 5).image.iter().all(|v| (v - 0.6).abs() < 1e-5), "{border:?}");
    }
    let turned = once(TURN, &flat, 5).image;
    assert!(
        turned.iter().all(|v| (0.0..=0.6001).contains(v)) && turned[(20, 20)] > 0.59,
        "black comes in at the border"
    );
}

/// For an image whose intensities are 0.2 and 0.4, in equal shares: the mean is 0.3.
#[test]
fn brightness_and_contrast_are_of_what_they_say() {
    let image = Array2::from_shape_fn((8, 8), |(row, _)| if row < 4 { 0.2 } else { 0.4 });
    let sample = Sample { mask: Array2::zeros(image.dim()), image };
    let cases = [
        // the two resulting intensities as functions of the random number, -1 to 1
        (
            Transform::Brightness { limit: 0.1, of: BrightnessOf::Range },
            Box::new(|n: f32| [0.2 + 0.1 * n, 0.4 + 0.1 * n]) as Box<dyn Fn(f32) -> [f32; 2]>,
        ),
        (Transform::Brightness { limit: 0.1, of: BrightnessOf::Mean }, Box::new(|n| [0.2 + 0.03 * n, 0.4 + 0.03 * n])),
        (
            Transform::Contrast { limit: 0.5, about: ContrastAbout::Mean },
            Box::new(|n| [0.3 - 0.1 * (1.0 + 0.5 * n), 0.3 + 0.1 * (1.0 + 0.5 * n)]),
        ),
        (
            Transform::Contrast { limit: 0.5, about: ContrastAbout::Zero },
            Box::new(|n| [0.2 * (1.0 + 0.5 * n), 0.4 * (1.0 + 0.5 * n)]),
        ),
    ];
    for (transform, expected) in &cases {
        for seed in 0..20 {
            let found = apply(*transform, sample.clone(), &mut ChaCha8Rng::seed_from_u64(seed)).image;
            let drawn = either_way(1.0, &mut ChaCha8Rng::seed_from_u64(seed));
            for (row, expected) in [0, 7].into_iter().zip(expected(drawn)) {
                assert!((found[(row, 3)] - expected).abs() < 1e-6, "{transform:?}, {drawn}: {}", found[(row, 3)]);
            }
        }
    }
}

#[test]
fn chances_are_as_asked() {
    let sample = sample(Size::new(4, 6));
    let flip = |p| [Augment { p, one_of: vec![Transform::Hflip {}] }];
    let flipped = |p| {
        let changed = |position: &usize| augment(&flip(p), sample.clone(), Draw::default(), *position) != sample;
        (0..1000).filter(changed).count()
    };
    assert_eq!((flipped(0.0), flipped(1.0)), (0, 1000));
    assert!((250..350).contains(&flipped(0.3)), "{}", flipped(0.3));
    let still = Transform::Brightness { limit: 0.0, of: BrightnessOf::Range };
    let one_of = vec![still, Transform::Hflip {}, Transform::Gamma { range: [1.0, 1.0] }];
    let list = [Augment { p: 1.0, one_of }];
    let changed = (0..1000).filter(|&at| augment(&list, sample.clone(), Draw::default(), at) != sample).count();
    assert!((283..383).contains(&changed), "{changed}");
}

#[test]
fn tiles_need_an_image_larger_than_they_are() {
    let list = [Augment { p: 0.1, one_of: vec![Transform::Hflip {}, Transform::Clahe { clip: 2.0, tiles: 8 }] }];
    assert!(check(&list, Size::new(9, 64)).is_ok());
    let error = check(&list, Size::new(64, 8)).unwrap_err().to_string();
    assert_eq!(error, "images of 64×8 are too small for the 8×8 `tiles` of `clahe`: each side must be larger");
}

proptest! {
    #[test]
    fn flipping_twice_changes_nothing(height in 1_usize..20, width in 1_usize..20) {
        let sample = sample(Size::new(height, width));
        let once = affine::hflip(sample.clone());
        prop_assert_eq!(once.image.slice(s![.., ..;-1]), sample.image.view());
        prop_assert_eq!(affine::hflip(once), sample);
    }

    #[test]
    fn a_draw_decides_about_everything(
        seed in any::<u64>(), phase in 0_u32..3, epoch in 0_u32..9, position in 0_usize..99
    ) {
        let sample = sample(Size::new(30, 24));
        let list: Vec<_> = GEOMETRY.into_iter().chain(INTENSITY).map(|t| Augment { p: 0.5, one_of: vec![t] }).collect();
        let draw = Draw { seed, phase, epoch };
        let at = |draw, position| augment(&list, sample.clone(), draw, position);
        prop_assert_eq!(at(draw, position), at(draw, position));
        let turn = [Augment { p: 1.0, one_of: vec![TURN] }];
        let at = |draw, position| augment(&turn, sample.clone(), draw, position);
        let others = [Draw { seed: !seed, ..draw }, Draw { phase: phase + 1, ..draw }, Draw { epoch: epoch + 1, ..draw }];
        for other in others {
            prop_assert_ne!(at(draw, position), at(other, position));
        }
        prop_assert_ne!(at(draw, position), at(draw, position + 1));
    }
}

/// The picture of `tests/reference/augment.py`, which made the references.
fn picture() -> Sample {
    let image = Array2::from_shape_fn((30, 40), |(row, column)| {
        let (row, column) = (row as i64, column as i64);
        let grain = (row * 7919 + column * 104_729 + row * column) % 23;
        let blob = if (row - 11).pow(2) + (column - 25).pow(2) < 64 { 90 } else { 0 };
        (row * 2 + column + grain + blob).clamp(0, 255) as f32 / 255.0
    });
    Sample { mask: Array2::zeros(image.dim()), image }
}

/// A seed with which a blur draws this odd side, of at most 9.
fn seed_for(side: u32, limit: u32) -> u64 {
    let drawn = |seed: &u64| 2 * blur::radius(limit, &mut ChaCha8Rng::seed_from_u64(*seed)) as u32 + 1 == side;
    (0..100).find(drawn).unwrap()
}

#[test]
fn agrees_with_opencv() {
    let cases: serde_json::Map<String, serde_json::Value> = serde_json::from_str(include_str!("opencv.json")).unwrap();
    for (name, rows) in cases {
        let picture = picture();
        let numbers = |side, limit| ChaCha8Rng::seed_from_u64(seed_for(side, limit));
        // OpenCV quantises positions to a 32nd when it warps, and 8 bits are a grey value's precision
        let (found, tolerance) = match name.as_str() {
            "blur 3" => (blur::mean(picture, 9, &mut numbers(3, 9)), 2e-5),
            "blur 9" => (blur::mean(picture, 9, &mut numbers(9, 9)), 2e-5),
            "median 3" => (median::median(picture, 7, &mut numbers(3, 7)), 2e-5),
            "median 7" => (median::median(picture, 7, &mut numbers(7, 7)), 2e-5),
            // 8 bits, truncated there
            "contrast" => (intensity::multiplied_and_added(picture, 0.25, 0.0), 1.001 / 255.0),
            "brightness" => (intensity::multiplied_and_added(picture, 0.0, -0.2), 1.001 / 255.0),
            "brightness and contrast" => (intensity::multiplied_and_added(picture, -0.15, 0.3), 1.001 / 255.0),
            warped => {
                let (what, border) = warped.split_once(", ").expect("a warp and its border");
                let border: Border = serde_json::from_value(border.into()).unwrap();
                let moved = match what {
                    "affine" => {
                        let map = affine::Map::about(Size::new(30, 40), 30_f64.to_radians(), 0.7, (2.5, -4.0));
                        map.apply(&picture, border)
                    }
                    "lens in" => optical::through_lens(&picture, 0.6, (0.5, 0.5), border),
                    "lens out" => optical::through_lens(&picture, -0.6, (0.5, 0.5), border),
                    other => panic!("no case {other}"),
                };
                (moved, 0.012)
            }
        };
        for (row, at) in rows.as_array().unwrap().iter().zip([0, 14, 29]) {
            for (column, expected) in row.as_array().unwrap().iter().enumerate() {
                let (expected, found) = (expected.as_f64().unwrap() as f32, found.image[(at, column)]);
                assert!((expected - found).abs() <= tolerance, "{name} at {at}, {column}: {found} for {expected}");
            }
        }
    }
}
