//! The frame of a JPEG image, and which of its coefficients the scans have provided so far.

use super::Incomplete;

/// A frame of DCT blocks: sequential or progressive.
pub(super) struct Frame {
    pub(super) progressive: bool,
    rows: usize,
    cols: usize,
    /// The largest sampling factors.
    most: (usize, usize),
    pub(super) components: Vec<Component>,
}

/// A component of a frame.
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, (vertical, horizontal): the component's blocks in an interleaved unit.
    pub(super) sampling: (usize, usize),
    /// For each coefficient, the lowest bit received; `NONE` before the first scan.
    precision: [u8; 64],
    /// Progressive: for each block of complete units, row by row, which coefficients are not zero.
    pub(super) nonzero: Vec<u64>,
}

const NONE: u8 = u8::MAX;

impl Frame {
    /// Reads the body of a start-of-frame segment.
    pub(super) fn read(body: &[u8], progressive: bool) -> Result<Self, Incomplete> {
        let broken = Incomplete::Broken("a start of frame that is too short");
        let &[_, r1, r0, c1, c0, count, ref components @ ..] = body else { return Err(broken) };
        let (rows, cols) = (usize::from(u16::from_be_bytes([r1, r0])), usize::from(u16::from_be_bytes([c1, c0])));
        let components = components.get(..3 * usize::from(count)).ok_or(broken)?;
        let components: Vec<Component> = components.chunks_exact(3).map(Component::read).collect();
        if rows == 0 || cols == 0 || !(1..=4).contains(&count) {
            return Err(Incomplete::Broken("a start of frame without pixels or with more than 4 components"));
        }
        if components.iter().any(|c| !(1..=4).contains(&c.sampling.0) || !(1..=4).contains(&c.sampling.1)) {
            return Err(Incomplete::Broken("a sampling factor that is not 1 to 4"));
        }
        let most = |factor: fn(&Component) -> usize| components.iter().map(factor).max().unwrap_or(1);
        let most = (most(|c| c.sampling.0), most(|c| c.sampling.1));
        let mut frame = Self { progressive, rows, cols, most, components };
        if progressive {
            let units = frame.units();
            for component in &mut frame.components {
                let (height, width) = component.sampling;
                component.nonzero = vec![0; units.0 * height * units.1 * width];
            }
        }
        Ok(frame)
    }

    /// Interleaved units, (down, across).
    pub(super) fn units(&self) -> (usize, usize) {
        (self.rows.div_ceil(8 * self.most.0), self.cols.div_ceil(8 * self.most.1))
    }

    /// Blocks of a component in a scan of its own, (down, across).
    pub(super) fn blocks(&self, component: usize) -> (usize, usize) {
        let (height, width) = self.components[component].sampling;
        let side = |pixels: usize, factor: usize, most: usize| (pixels * factor).div_ceil(most).div_ceil(8);
        (side(self.rows, height, self.most.0), side(self.cols, width, self.most.1))
    }

    /// Blocks in a row of [`Component::nonzero`].
    pub(super) fn stride(&self, component: usize) -> usize {
        self.units().1 * self.components[component].sampling.1
    }

    /// Checks that all coefficients have been received, down to their lowest bit.
    pub(super) fn check_complete(&self) -> Result<(), Incomplete> {
        for (number, component) in self.components.iter().enumerate() {
            let missing = component.precision.iter().filter(|&&low| low != 0).count();
            if missing > 0 {
                return Err(Incomplete::Scans { component: number + 1, missing });
            }
        }
        Ok(())
    }
}

impl Component {
    fn read(bytes: &[u8]) -> Self {
        let sampling = (usize::from(bytes[1] & 15), usize::from(bytes[1] >> 4));
        Self { id: bytes[0], sampling, precision: [NONE; 64], nonzero: Vec::new() }
    }

    /// Records that the coefficients of a band have been received down to bit `low`.
    pub(super) fn received(&mut self, (first, last): (usize, usize), low: u8) {
        self.precision[first..=last].fill(low);
    }
}
