//! Progress: a bar on a terminal, and a line per minute elsewhere.

use std::io::{IsTerminal, stderr};
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{is_quiet, message, visible, warning};

/// Environment variable: seconds between two lines without a terminal; 0 for none.
const VARIABLE: &str = "PLEURA_PROGRESS";
const SECONDS: u64 = 60;
/// Stack size of the thread that writes the lines, in bytes.
const STACK: usize = 128 << 10;

/// A progress bar, removed from the terminal when dropped.
pub struct Bar {
    bar: ProgressBar,
    /// Ends the thread when dropped.
    _log: Option<Log>,
}

impl Deref for Bar {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.bar
    }
}

/// A bar for `len` items of work.
pub fn progress(len: u64, what: &'static str) -> Bar {
    let style =
        ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left {msg}")
            .expect("the template is well formed");
    let bar = ProgressBar::with_draw_target(Some(len), target()).with_style(style).with_prefix(what);
    logged(bar, |bar, begun| {
        let (done, all) = (bar.position(), bar.length().unwrap_or_default());
        Some(format!("{}: {}", bar.prefix(), counted(done, all, begun.elapsed())))
    })
}

/// A spinner for work of unknown length.
pub fn spinner(what: &'static str) -> Bar {
    let bar = ProgressBar::with_draw_target(None, target()).with_message(what);
    // The bar's own thread panics if the system refuses one; without it the bar is not animated.
    if !bar.is_hidden() && thread::Builder::new().spawn(|| ()).is_ok() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    logged(bar, |bar, begun| Some(format!("{}: {} so far", bar.message(), HumanDuration(begun.elapsed()))))
}

/// A line that is overwritten again and again.
pub fn line() -> Bar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is well formed");
    let bar = ProgressBar::with_draw_target(None, target()).with_style(style);
    logged(bar, |bar, _| Some(bar.message()).filter(|message| !message.is_empty()))
}

/// Lines that are overwritten again and again.
pub fn lines() -> Bar {
    let style = ProgressStyle::with_template("{msg}").expect("the template is well formed");
    let bar = ProgressBar::with_draw_target(None, target()).with_style(style);
    logged(bar, |bar, _| bar.message().lines().next().filter(|line| !line.is_empty()).map(str::to_owned))
}

fn target() -> ProgressDrawTarget {
    let shown = stderr().is_terminal() && !is_quiet();
    if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

/// `1,200 of 5,000 (24 %), 3.4 a second, 18 minutes left`
fn counted(done: u64, all: u64, elapsed: Duration) -> String {
    let share = (100 * done).checked_div(all).unwrap_or(100);
    let mut text = format!("{} of {} ({share} %)", HumanCount(done), HumanCount(all));
    if done > 0 {
        let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
        let left = Duration::from_secs_f64(all.saturating_sub(done) as f64 / rate);
        text.push_str(&format!(", {rate:.2} a second, {} left", HumanDuration(left)));
    }
    text
}

/// A bar that also writes lines if it is not visible.
fn logged(bar: ProgressBar, text: impl Fn(&ProgressBar, Instant) -> Option<String> + Send + 'static) -> Bar {
    let (watched, begun) = (bar.clone(), Instant::now());
    let log = interval().and_then(|interval| {
        Log::start(interval, move || {
            let text = text(&watched, begun).filter(|_| !watched.is_finished());
            text.iter().for_each(|text| message(visible(text)));
        })
    });
    Bar { bar, _log: log }
}

/// The time between two lines; `None` if there is a bar, or lines are disabled.
fn interval() -> Option<Duration> {
    static CHOSEN: OnceLock<u64> = OnceLock::new();
    let seconds = *CHOSEN.get_or_init(|| match std::env::var(VARIABLE).map(|text| text.parse().map_err(|_| text)) {
        Ok(Ok(seconds)) => seconds,
        Ok(Err(text)) => {
            warning(format_args!("{VARIABLE} is `{text}`, expected a number of seconds; using {SECONDS}"));
            SECONDS
        }
        Err(_) => SECONDS,
    });
    (seconds > 0 && !is_quiet() && !stderr().is_terminal()).then(|| Duration::from_secs(seconds))
}

/// A thread that writes at intervals, until this is dropped.
struct Log {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// `None` if the system refuses a thread: nothing is written then.
    fn start(interval: Duration, write: impl Fn() + Send + 'static) -> Option<Self> {
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                write();
            }
        };
        let thread = thread::Builder::new().name("progress".into()).stack_size(STACK).spawn(run).ok()?;
        Some(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.stop.take());
        // wait for a write in progress, so that later output follows it
        self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[test]
    fn lines_come_until_the_work_is_done() {
        let lines = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lines);
        let log = Log::start(Duration::from_millis(5), move || _ = counted.fetch_add(1, SeqCst)).unwrap();
        let begun = Instant::now();
        while lines.load(SeqCst) < 3 {
            assert!(begun.elapsed() < Duration::from_secs(60));
            thread::yield_now();
        }
        drop(log);
        let end = lines.load(SeqCst);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(lines.load(SeqCst), end, "nothing comes afterwards");
    }

    #[test]
    fn a_line_tells_how_much_is_done_and_how_long_the_rest_takes() {
        let told = counted(1200, 5000, Duration::from_secs(120));
        assert_eq!(told, "1,200 of 5,000 (24 %), 10.00 a second, 6 minutes left");
        assert_eq!(counted(0, 7, Duration::ZERO), "0 of 7 (0 %)");
        assert_eq!(counted(0, 0, Duration::ZERO), "0 of 0 (100 %)");
    }
}
