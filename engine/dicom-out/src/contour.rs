//! The boundary of a mask, along the edges of its pixels.

use std::collections::BTreeMap;

use pleura::Mask;

/// A corner of pixels, (column, row): (0, 0) is the first pixel's top left, (width, height) the last one's bottom right.
pub type Corner = (usize, usize);

/// The closed polygons around the marked pixels, each with its first corner again at its end, and corners only where it
/// turns. Marked pixels are on the right: outer boundaries run clockwise, those of holes the other way. Pixels that touch at
/// a corner only are in polygons of their own.
pub fn polygons(mask: &Mask) -> Vec<Vec<Corner>> {
    let mut edges = edges(mask);
    let mut polygons = Vec::new();
    while let Some((&start, _)) = edges.first_key_value() {
        polygons.push(follow(&mut edges, start));
    }
    polygons
}

/// Every edge between a marked pixel and one that is not, from its start to its ends: two where pixels touch at a corner.
fn edges(mask: &Mask) -> BTreeMap<Corner, Vec<Corner>> {
    let pixels = mask.pixels();
    let (height, width) = pixels.dim();
    let is_marked = |row: usize, column: usize| row < height && column < width && pixels[(row, column)];
    let mut edges: BTreeMap<Corner, Vec<Corner>> = BTreeMap::new();
    for ((row, column), _) in pixels.indexed_iter().filter(|(_, marked)| **marked) {
        let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
        // above, right, below, left; beyond the image's start is beyond its end, too
        let neighbours =
            [(row.wrapping_sub(1), column), (row, column + 1), (row + 1, column), (row, column.wrapping_sub(1))];
        for (side, (r, c)) in neighbours.into_iter().enumerate() {
            if !is_marked(r, c) {
                edges.entry(corners[side]).or_default().push(corners[(side + 1) % 4]);
            }
        }
    }
    edges
}

/// Takes the polygon that begins at a corner out of the edges.
fn follow(edges: &mut BTreeMap<Corner, Vec<Corner>>, start: Corner) -> Vec<Corner> {
    let mut polygon = vec![start];
    let mut from = start;
    let mut at = take(edges, start, None);
    while at != start {
        let next = take(edges, at, Some(from));
        if direction(from, at) != direction(at, next) {
            polygon.push(at);
        }
        (from, at) = (at, next);
    }
    polygon.push(start);
    polygon
}

/// Takes an edge from a corner; of two, the one that turns right, which stays with its pixel.
fn take(edges: &mut BTreeMap<Corner, Vec<Corner>>, at: Corner, from: Option<Corner>) -> Corner {
    let ends = edges.get_mut(&at).expect("boundaries are closed");
    let (x, y) = from.map_or((0, 0), |from| direction(from, at));
    let right = ends.iter().position(|&end| direction(at, end) == (-y, x)).unwrap_or(0);
    let end = ends.swap_remove(right);
    if ends.is_empty() {
        edges.remove(&at);
    }
    end
}

/// The direction between neighbouring corners, (columns, rows).
fn direction(from: Corner, to: Corner) -> (isize, isize) {
    (to.0 as isize - from.0 as isize, to.1 as isize - from.1 as isize)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let shape = (rows.len(), rows[0].len());
        Mask::from(Array2::from_shape_fn(shape, |(row, column)| rows[row].as_bytes()[column] == b'#'))
    }

    #[test]
    fn a_ring_has_an_outer_boundary_and_that_of_its_hole() {
        let found = polygons(&mask(&["###", "#.#", "###"]));
        assert_eq!(found[0], [(0, 0), (3, 0), (3, 3), (0, 3), (0, 0)]);
        assert_eq!(found[1], [(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)]);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn pixels_that_touch_at_a_corner_are_apart() {
        for rows in [["#.", ".#"], [".#", "#."]] {
            let found = polygons(&mask(&rows));
            assert!(found.len() == 2 && found.iter().all(|polygon| polygon.len() == 5), "{found:?}");
        }
        assert!(polygons(&mask(&["..", ".."])).is_empty());
    }

    #[test]
    fn areas_of_polygons_are_the_masks() {
        // twice the area, by corners
        let area = |polygon: &[Corner]| -> isize {
            polygon.windows(2).map(|pair| (pair[0].0 * pair[1].1) as isize - (pair[1].0 * pair[0].1) as isize).sum()
        };
        for seed in 0..50_usize {
            let marked =
                |(row, column): (usize, usize)| (row * 31 + column * 17 + seed * row * column).is_multiple_of(3);
            let mask = Mask::from(Array2::from_shape_fn((13, 9), marked));
            let found: isize = polygons(&mask).iter().map(|polygon| area(polygon)).sum();
            assert_eq!(found, 2 * mask.area() as isize, "{seed}");
        }
    }
}
