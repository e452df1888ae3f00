//! The seven predictors (ITU-T T.81, table H.1).

/// A predictor from the samples to the left (a), above (b), and above to the left (c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    /// a
    Left,
    /// b
    Above,
    /// c
    Corner,
    /// a + b - c
    Plane,
    /// a + (b - c) / 2
    LeftAndSlope,
    /// b + (a - c) / 2
    AboveAndSlope,
    /// (a + b) / 2
    Mean,
}

impl Predictor {
    /// The predictor of a scan header's selection value. 0, no prediction, is for hierarchies only.
    pub(super) fn from_selector(selector: u8) -> Result<Self, String> {
        Ok(match selector {
            1 => Self::Left,
            2 => Self::Above,
            3 => Self::Corner,
            4 => Self::Plane,
            5 => Self::LeftAndSlope,
            6 => Self::AboveAndSlope,
            7 => Self::Mean,
            _ => return Err(format!("expected a predictor of 1 to 7, found {selector}")),
        })
    }

    /// The prediction, modulo 2^16. Halves round down.
    #[inline]
    pub(super) fn predict(self, a: u16, b: u16, c: u16) -> u16 {
        let (a, b, c) = (i32::from(a), i32::from(b), i32::from(c));
        let predicted = match self {
            Self::Left => a,
            Self::Above => b,
            Self::Corner => c,
            Self::Plane => a + b - c,
            Self::LeftAndSlope => a + ((b - c) >> 1),
            Self::AboveAndSlope => b + ((a - c) >> 1),
            Self::Mean => (a + b) >> 1,
        };
        predicted as u16
    }
}
