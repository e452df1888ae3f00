//! Tries again what failed for a reason that may pass.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::error::RemoteError;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause, unless the server asks for a longer one.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest pause that a server's `Retry-After` is followed for.
const ASKED: Duration = Duration::from_secs(60);

/// The pauses between the attempts at one thing. They double, with jitter, so that many machines do not return at once;
/// a server's own wish is followed.
pub struct Retry {
    start: Instant,
    limit: Duration,
    pause: Duration,
    tries: usize,
}

impl Retry {
    /// Attempts from now on, for as long as `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { start: Instant::now(), limit, pause: FIRST, tries: 0 }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The error itself, if it is not transient or the time is over; it then says how often the attempt was made.
    pub async fn after(&mut self, error: RemoteError) -> Result<(), RemoteError> {
        self.tries += 1;
        if !error.is_transient() {
            return Err(error);
        }
        let jittered = self.pause.mul_f64(rand::rng().random_range(0.5..=1.0));
        let wait = error.after.map_or(jittered, |asked| asked.min(ASKED).max(jittered));
        let elapsed = self.start.elapsed();
        if elapsed + wait > self.limit {
            let (tries, seconds) = (self.tries, elapsed.as_secs_f64());
            return Err(RemoteError::new(error.fault(), format!("{error} ({tries} tries in {seconds:.1} s)")));
        }
        tokio::time::sleep(wait).await;
        self.pause = (2 * self.pause).min(LONGEST);
        Ok(())
    }
}

/// Runs `attempt` until it succeeds, fails for good, or `limit` has passed.
///
/// # Errors
/// As [`Retry::after`].
pub async fn retrying<T>(
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, RemoteError>,
) -> Result<T, RemoteError> {
    let mut retry = Retry::new(limit);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => retry.after(error).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;

    fn run(limit: Duration, faults: &[Fault]) -> (Result<usize, RemoteError>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut tries = 0;
        let done = runtime.block_on(retrying(limit, async || {
            tries += 1;
            faults.get(tries - 1).map_or(Ok(tries), |fault| Err(RemoteError::new(*fault, "503")))
        }));
        (done, tries)
    }

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let (done, tries) = run(Duration::from_secs(9), &[Fault::Network, Fault::Network]);
        assert_eq!((done.unwrap(), tries), (3, 3));
        let (done, tries) = run(Duration::from_secs(9), &[Fault::Network, Fault::Missing]);
        assert_eq!((done.unwrap_err().fault(), tries), (Fault::Missing, 2));
        let (done, tries) = run(Duration::from_millis(250), &[Fault::Network; 100]);
        assert!((2..=5).contains(&tries), "{tries}");
        assert!(done.unwrap_err().to_string().contains("tries in"));
    }
}
