//! The fold to train alone.

use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// Environment variables with the index of a task in an array: Slurm's, and Kubernetes' in an Indexed Job.
const NUMBERS: [&str; 2] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// `--fold K`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// This one, from 0 as in file names.
    Number(u32),
    /// The index of the task in a scheduler's array.
    Auto,
}

impl FromStr for Fold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::Number).map_err(|_| "expected a fold number from 0, as in `fold0`, or `auto`".into())
    }
}

impl Fold {
    /// The fold's number, from 0 as in file names.
    ///
    /// # Errors
    /// If it is the scheduler's, and is missing or not a number.
    pub fn number(self) -> Result<u32> {
        if let Self::Number(number) = self {
            return Ok(number);
        }
        let Some((name, value)) = NUMBERS.iter().find_map(|name| Some((name, std::env::var_os(name)?))) else {
            bail!("--fold auto: neither `{}` nor `{}` is set; give the fold number", NUMBERS[0], NUMBERS[1]);
        };
        let number = value.to_str().and_then(|value| value.parse().ok());
        number.with_context(|| {
            format!(
                "--fold auto: expected a fold number in `{name}`, found {value:?}; give the \
                                        fold number"
            )
        })
    }
}
