//! The rows of a mask as runs of pixels, and which of them are connected: a radiograph has a thousand times fewer runs
//! than pixels.

use ndarray::ArrayView2;

/// Pixels of a row from `start` to before `end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub start: usize,
    pub end: usize,
}

/// The runs of a mask's rows, from top to bottom, each row from left to right.
pub(super) struct Rows {
    runs: Vec<Run>,
    /// The number of each row's first run, and that of all.
    first: Vec<usize>,
}

impl Rows {
    /// The runs of the pixels that are marked, or of those that are not.
    pub fn new(mask: ArrayView2<'_, bool>, marked: bool) -> Self {
        let (height, width) = mask.dim();
        let mask = mask.as_standard_layout();
        let pixels: &[u8] = bytemuck::cast_slice(mask.as_slice().unwrap_or_default());
        let (mut runs, mut first) = (Vec::new(), Vec::with_capacity(height + 1));
        first.push(0);
        for row in pixels.chunks_exact(width.max(1)) {
            add_row(&mut runs, row, u8::from(marked));
            first.push(runs.len());
        }
        Self { runs, first }
    }

    /// All runs.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Each row's number, and its runs.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[Run])> {
        self.first.windows(2).map(|ends| &self.runs[ends[0]..ends[1]]).enumerate()
    }

    /// Calls `join` for the numbers of each two runs of adjoining rows that share a side or, with `corners`, a corner.
    pub fn touching(&self, corners: bool, mut join: impl FnMut(usize, usize)) {
        let reach = usize::from(corners);
        for ends in self.first.windows(3) {
            let (mut above, mut below) = (ends[0], ends[1]);
            while above < ends[1] && below < ends[2] {
                let (a, b) = (self.runs[above], self.runs[below]);
                if a.start < b.end + reach && b.start < a.end + reach {
                    join(above, below);
                }
                // a row's runs are a pixel or more apart: the one that ends first touches nothing further
                if a.end <= b.end { above += 1 } else { below += 1 }
            }
        }
    }
}

/// Adds the runs of a row of bytes of 0 and 1.
fn add_row(runs: &mut Vec<Run>, row: &[u8], of: u8) {
    let mut at = 0;
    while let Some(skipped) = memchr::memchr(of, &row[at..]) {
        let start = at + skipped;
        at = memchr::memchr(1 - of, &row[start..]).map_or(row.len(), |length| start + length);
        runs.push(Run { start, end: at });
    }
}

/// Which of some things are connected, as a forest: each points towards its root, whose number is never larger.
pub(super) struct Forest(Vec<usize>);

impl Forest {
    /// Of things that are not connected.
    pub fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    pub fn root(&mut self, mut of: usize) -> usize {
        while self.0[of] != of {
            self.0[of] = self.0[self.0[of]];
            of = self.0[of];
        }
        of
    }

    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;

    #[test]
    fn runs_touch_by_sides_or_by_corners() {
        let rows = Rows::new(drawn(&["##.#..", "..#.##", "##...."]).view(), true);
        let pairs = |corners| {
            let mut pairs = Vec::new();
            rows.touching(corners, |above, below| pairs.push((above, below)));
            pairs
        };
        // 0: ##, 1: # above; 2: #, 3: ## below them; 4: ##
        assert!(pairs(false).is_empty());
        assert_eq!(pairs(true), [(0, 2), (1, 2), (1, 3), (2, 4)]);
        let rows = Rows::new(drawn(&["#.#", "###", "#.#"]).view(), true);
        let mut joined = 0;
        rows.touching(true, |_, _| joined += 1);
        assert_eq!(joined, 4);
    }

    #[test]
    fn rows_without_pixels_have_no_runs() {
        for size in [(0, 0), (3, 0), (0, 3)] {
            assert!(Rows::new(ndarray::Array2::from_elem(size, true).view(), true).runs().is_empty());
        }
        let rows = Rows::new(drawn(&["...", ".#."]).view(), true);
        assert_eq!(rows.rows().map(|(row, runs)| (row, runs.len())).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
    }
}
