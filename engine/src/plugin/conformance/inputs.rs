//! Awkward inputs for plugins.

use ndarray::Array2;

use crate::plugin::Size;

/// A plane on which a plugin is tested.
pub(super) struct Input {
    pub name: String,
    pub plane: Array2<f32>,
}

impl Input {
    /// Whether a plugin may refuse it as too small, for example for tiles or windows.
    pub(super) fn is_small(&self) -> bool {
        self.plane.nrows().min(self.plane.ncols()) < 16
    }
}

/// One pixel, one row, one column, odd sides, squares, more than a tile; black, white, a gradient, noise.
pub(super) fn all() -> Vec<Input> {
    let sizes = [(1, 1), (1, 7), (9, 1), (7, 5), (33, 33), (64, 48), (64, 64), (65, 131)].map(Size::from);
    type Pattern = fn(Size) -> Array2<f32>;
    let patterns: [(&str, Pattern); 4] = [
        ("black", |size| Array2::zeros(size)),
        ("white", |size| Array2::ones(size)),
        ("gradient", |size| Array2::from_shape_fn(size, |(y, x)| (y + x) as f32 / (size.height + size.width) as f32)),
        ("noise", noise),
    ];
    let named = |size: Size, (name, pattern): (&str, Pattern)| Input {
        name: format!("{}x{} {name}", size.height, size.width),
        plane: pattern(size),
    };
    sizes.into_iter().flat_map(|size| patterns.map(|pattern| named(size, pattern))).collect()
}

/// Noise in 0..=1, the same in every run.
pub(super) fn noise(size: Size) -> Array2<f32> {
    // A linear congruential generator (Knuth's MMIX); its high bits are random enough here.
    let mut state = 1_u64;
    Array2::from_shape_simple_fn(size, || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    })
}

/// A smooth picture without any symmetry: three blobs of different heights on a slope, so that every shift and rotation
/// is visible, while interpolation hardly is.
pub(super) fn smooth(size: Size) -> Array2<f32> {
    // (row, column) as shares of the sides, height; all within the middle half
    const BLOBS: [(f32, f32, f32); 3] = [(0.40, 0.36, 0.5), (0.47, 0.63, 0.3), (0.64, 0.45, 0.4)];
    let (height, width) = (size.height as f32, size.width as f32);
    let sigma = height.min(width) / BLOB;
    Array2::from_shape_fn(size, |(row, column)| {
        let (y, x) = (row as f32 + 0.5, column as f32 + 0.5);
        let blob = |(down, across, peak): (f32, f32, f32)| {
            let (dy, dx) = ((y - down * height) / sigma, (x - across * width) / sigma);
            peak * (-(dy * dy + dx * dx) / 2.0).exp()
        };
        0.1 + 0.1 * y / height + 0.2 * x / width + BLOBS.into_iter().map(blob).sum::<f32>()
    })
}

/// The shorter side of [`smooth`] in standard deviations of its blobs.
pub(super) const BLOB: f32 = 16.0;

/// The masks that a postprocessing step may receive: none (it is the first), empty, full, noise.
pub(super) fn masks(size: Size) -> [(&'static str, Option<crate::Mask>); 4] {
    [
        ("no mask", None),
        ("an empty mask", Some(crate::Mask::empty(size))),
        ("a full mask", Some(Array2::from_elem(size, true).into())),
        ("a random mask", Some(noise(size).mapv(|p| p > 0.5).into())),
    ]
}
