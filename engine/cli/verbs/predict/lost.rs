//! Images that failed because the network or a server did. They are not skipped for good: another run may read them.

use std::io::{Error, ErrorKind};
use std::path::Path;

use anyhow::Result;

use crate::term::{self, Skips};

/// Images lost in a row after which the others are not tried: each has been retried for as long as `--retry` says.
const ENOUGH: usize = 16;

/// The images that were lost.
#[derive(Default)]
pub struct Lost {
    count: usize,
    in_a_row: usize,
}

impl Lost {
    /// Adds an image, and prints why.
    ///
    /// # Errors
    /// If the network seems to be gone.
    pub fn push(&mut self, path: &Path, error: &anyhow::Error, skips: &Skips) -> Result<()> {
        self.count += 1;
        self.in_a_row += 1;
        skips.warn(format_args!("cannot fetch `{}`: {}", path.display(), term::reason(path, error)));
        match self.in_a_row >= ENOUGH {
            true => Err(transient(format!("{ENOUGH} images in a row could not be fetched: the rest was not tried"))),
            false => Ok(()),
        }
    }

    /// Notes that an image arrived.
    pub fn interrupted(&mut self) {
        self.in_a_row = 0;
    }

    /// Ends a run whose images were not all fetched: without a submission, which would lack them for good.
    ///
    /// # Errors
    /// If any was lost.
    pub fn finish(&self) -> Result<()> {
        match self.count {
            0 => Ok(()),
            count => {
                Err(transient(format!("{} could not be fetched: nothing was written", term::quantity(count, "image"))))
            }
        }
    }
}

fn transient(text: String) -> anyhow::Error {
    Error::new(ErrorKind::ConnectionAborted, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_network_ends_the_run_and_a_lost_image_does_not() {
        let (mut lost, skips) = (Lost::default(), Skips::unlisted("images"));
        let error = anyhow::anyhow!("503");
        assert!(lost.finish().is_ok());
        for _ in 0..3 {
            (0..ENOUGH - 1).for_each(|_| lost.push(Path::new("s3://b/a"), &error, &skips).unwrap());
            lost.interrupted();
        }
        assert!(lost.finish().unwrap_err().to_string().starts_with("45 images could not"));
        let pushed = (0..ENOUGH).map(|_| lost.push(Path::new("s3://b/a"), &error, &skips));
        assert!(pushed.last().unwrap().unwrap_err().to_string().starts_with("16 images in a row"));
    }
}
