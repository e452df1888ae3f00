//! The filters that the demo's networks look through: written once, run on arrays to fit weights, and written into
//! ONNX graphs.

/// Filters on maps: on arrays, or as nodes of a graph.
pub trait Filters {
    /// A map of one channel.
    type Map: Clone;

    /// The mean of `window` × `window` pixels (odd), of fewer at the borders.
    fn mean(&mut self, map: &Self::Map, window: usize) -> Self::Map;
    /// The mean of 2 × 2 pixels: half the size.
    fn shrink(&mut self, map: &Self::Map) -> Self::Map;
    /// Bilinear, `times` the size.
    fn grow(&mut self, map: &Self::Map, times: usize) -> Self::Map;
    /// `one - other`.
    fn subtract(&mut self, one: &Self::Map, other: &Self::Map) -> Self::Map;
    /// `one * other`.
    fn multiply(&mut self, one: &Self::Map, other: &Self::Map) -> Self::Map;
    /// The square root of what is above 0, of a little more than 0 elsewhere.
    fn root(&mut self, map: &Self::Map) -> Self::Map;
    /// Left and right exchanged.
    fn mirror(&mut self, map: &Self::Map) -> Self::Map;
    /// The row's position, 0 at the top to 1 at the bottom, in a map as large as this.
    fn down(&mut self, map: &Self::Map) -> Self::Map;
    /// The distance from the middle column, 0 to 1, in a map as large as this.
    fn aside(&mut self, map: &Self::Map) -> Self::Map;
}

/// How many times the image is halved: the depth of the pyramid.
const LEVELS: usize = 4;

/// What a pixel looks like at several scales: brightness, contrast, texture, the other side's texture, position.
///
/// The way down (shrink) and back up (grow, and all scales side by side) is a U-Net's, with filters that are given.
pub fn features<F: Filters>(filters: &mut F, image: &F::Map) -> Vec<F::Map> {
    let mut maps = vec![image.clone()];
    let mut level = image.clone();
    for depth in 0..LEVELS {
        if depth > 0 {
            level = filters.shrink(&level);
        }
        let around = filters.mean(&level, 5);
        let detail = filters.subtract(&level, &around);
        let energy = filters.multiply(&detail, &detail);
        let energy = filters.mean(&energy, 5);
        let texture = filters.root(&energy);
        let wide = filters.mean(&level, 11);
        let contrast = filters.subtract(&around, &wide);
        let mirrored = filters.mirror(&around);
        let uneven = filters.subtract(&around, &mirrored);
        let mut found = vec![detail, texture.clone(), contrast];
        if depth >= 2 {
            let mirrored = filters.mirror(&texture);
            found.extend([around, uneven, filters.subtract(&texture, &mirrored)]);
        }
        maps.extend(found.iter().map(|map| grown(filters, map, depth)));
    }
    let (down, aside) = (filters.down(image), filters.aside(image));
    let (down2, aside2) = (filters.multiply(&down, &down), filters.multiply(&aside, &aside));
    let corner = filters.multiply(&down, &aside);
    maps.extend([down, aside, down2, aside2, corner]);
    maps
}

/// What the neighbourhood looks like to the first guess: the guess itself, and its means over wider and wider windows.
pub fn context<F: Filters>(filters: &mut F, guess: &F::Map) -> Vec<F::Map> {
    let mut maps = vec![guess.clone(), filters.mean(guess, 5)];
    let mut level = guess.clone();
    for depth in 1..=LEVELS {
        level = filters.shrink(&level);
        let around = filters.mean(&level, 5);
        maps.push(grown(filters, &around, depth));
    }
    maps
}

fn grown<F: Filters>(filters: &mut F, map: &F::Map, depth: usize) -> F::Map {
    if depth == 0 { map.clone() } else { filters.grow(map, 1 << depth) }
}
