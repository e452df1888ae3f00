//! The status line of a running training.
//!
//! `fold 1/5 phase 2/3 epoch 3/40 120/530  loss 0.2134  dice 0.83  41.2 images/s  12m left  (bce 0.11 dice 0.10)`

use std::fmt;
use std::time::Duration;

/// A status line, written by [`Display`](fmt::Display); the caller decides where and how often to show it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// The fold, from 1, and the number of folds.
    pub fold: (u32, u32),
    /// The phase, from 1, and the number of phases.
    pub phase: (u32, u32),
    /// The phase's epoch, from 1, and the maximum number of epochs.
    pub epoch: (u32, u32),
    /// The epoch's step, from 1, and the number of steps.
    pub step: (u32, u32),
    /// Whether the epoch's steps are done, and validation is running.
    pub validating: bool,
    /// The mean loss of the epoch so far.
    pub loss: Option<f64>,
    /// The terms of the loss; empty if there is only one.
    pub terms: Vec<(String, f64)>,
    /// The last validation's mean Dice.
    pub dice: Option<f64>,
    /// The last validation's area under the ROC curve.
    pub auc: Option<f64>,
    /// See [`Speed::images_per_second`].
    pub images_per_second: Option<f64>,
    /// See [`Speed::left`].
    pub left: Option<Duration>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, (at, of)) in [("fold", self.fold), ("phase", self.phase), ("epoch", self.epoch)] {
            write!(f, "{name} {at}/{of} ")?;
        }
        if self.validating {
            write!(f, "validating")?;
        } else {
            write!(f, "{}/{}", self.step.0, self.step.1)?;
        }
        if let Some(loss) = self.loss {
            write!(f, "  loss {loss:.4}")?;
        }
        for (name, value) in [("dice", self.dice), ("auc", self.auc)] {
            if let Some(value) = value {
                write!(f, "  {name} {value:.2}")?;
            }
        }
        if let Some(speed) = self.images_per_second {
            let digits = usize::from(speed < 100.0);
            write!(f, "  {speed:.digits$} images/s")?;
        }
        self.left.map_or(Ok(()), |left| write!(f, "  {} left", short(left)))?;
        // last, because a narrow terminal truncates the line
        if self.terms.len() > 1 {
            let terms: Vec<_> = self.terms.iter().map(|(name, loss)| format!("{name} {loss:.2}")).collect();
            write!(f, "  ({})", terms.join(" "))?;
        }
        Ok(())
    }
}

/// A duration in its two largest units: `2d 3h`, `3h 20m`, `12m`, `45s`.
#[must_use]
pub fn short(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    // minutes are rounded, because seconds no longer matter
    let minutes = (seconds + 30) / 60;
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        _ if seconds < 60 => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// The speed of a training: images over seconds, both decaying with time, so that one slow step does not make the
/// time left jump, while a new phase with larger images soon has its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Speed {
    images: f64,
    seconds: f64,
}

/// The time constant in seconds: older observations weigh 1/e after it.
const MEMORY: f64 = 30.0;

impl Speed {
    /// Adds a step: its images, and its duration.
    pub fn observe(&mut self, images: u32, took: Duration) {
        let seconds = took.as_secs_f64();
        let faded = (-seconds / MEMORY).exp();
        self.images = self.images * faded + f64::from(images);
        self.seconds = self.seconds * faded + seconds;
    }

    /// `None` before the first step.
    #[must_use]
    pub fn images_per_second(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.images / self.seconds)
    }

    /// The expected duration for `images` images; `None` before the first step, or if it exceeds a `Duration`.
    #[must_use]
    pub fn left(&self, images: u64) -> Option<Duration> {
        let speed = self.images_per_second().filter(|&speed| speed > 0.0)?;
        Duration::try_from_secs_f64(images as f64 / speed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let terms = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 0.107)).collect();
        let start = Progress { fold: (1, 5), phase: (1, 1), epoch: (1, 40), step: (1, 530), ..Progress::default() };
        let full = Progress {
            fold: (1, 5),
            phase: (2, 3),
            epoch: (3, 40),
            step: (120, 530),
            validating: false,
            loss: Some(0.213_44),
            terms: terms(&["bce", "dice"]),
            dice: Some(0.83),
            auc: Some(0.951),
            images_per_second: Some(41.23),
            left: Some(Duration::from_secs(720)),
        };
        let fast = Progress {
            images_per_second: Some(412.3),
            terms: terms(&["bce"]),
            auc: None,
            validating: true,
            ..full.clone()
        };
        let cases = [
            (start, "fold 1/5 phase 1/1 epoch 1/40 1/530"),
            (
                full,
                "fold 1/5 phase 2/3 epoch 3/40 120/530  loss 0.2134  dice 0.83  auc 0.95  41.2 images/s  12m left  \
                 (bce 0.11 dice 0.11)",
            ),
            (fast, "fold 1/5 phase 2/3 epoch 3/40 validating  loss 0.2134  dice 0.83  412 images/s  12m left"),
        ];
        for (progress, expected) in cases {
            assert_eq!(progress.to_string(), expected);
        }
    }

    #[test]
    fn durations_are_short() {
        let cases = [
            (0.0, "0s"),
            (59.4, "59s"),
            (59.6, "1m"),
            (89.0, "1m"),
            (90.0, "2m"),
            (3569.0, "59m"),
            (3570.0, "1h 0m"),
            (12_000.0, "3h 20m"),
            (86_400.0 - 20.0, "1d 0h"),
            (183_600.0, "2d 3h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(short(Duration::from_secs_f64(seconds)), expected, "{seconds} s");
        }
    }

    #[test]
    fn speed_forgets() {
        let mut speed = Speed::default();
        assert_eq!((speed.images_per_second(), speed.left(10)), (None, None));
        (0..50).for_each(|_| speed.observe(4, Duration::from_millis(100)));
        assert!((speed.images_per_second().unwrap() - 40.0).abs() < 1e-9);
        assert_eq!(speed.left(4000).unwrap().as_secs_f64().round(), 100.0);
        // one step of a second changes little, a minute of them nearly everything
        speed.observe(4, Duration::from_secs(1));
        assert!(speed.images_per_second().unwrap() > 30.0);
        (0..60).for_each(|_| speed.observe(4, Duration::from_secs(1)));
        assert!((4.0..6.0).contains(&speed.images_per_second().unwrap()));
    }

    #[test]
    fn a_step_of_no_time_is_no_speed() {
        let mut speed = Speed::default();
        speed.observe(4, Duration::ZERO);
        assert_eq!((speed.images_per_second(), speed.left(1)), (None, None));
        speed.observe(0, Duration::from_secs(1));
        assert_eq!(Speed { images: 0.0, ..speed }.left(1), None);
    }
}
