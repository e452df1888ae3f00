//! Helpers of the integration tests: the binary, ONNX Runtime, real data, toy models and images.
#![allow(dead_code, reason = "each test crate uses its own part")]

pub mod browser;
pub mod case;
pub mod dicom;
pub mod discs;
pub mod golden;
pub mod node;
pub mod player;
pub mod slurm;
pub mod toy;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

/// The `pleura` binary, run from the repository's root.
pub fn pleura() -> assert_cmd::Command {
    runtime();
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_pleura"))
}

/// Installs the pinned ONNX Runtime if there is none, as a user would. Signals that a background job or `nohup` ignores
/// are as in a terminal: the programs that tests start inherit them, and heed that they are ignored.
pub fn runtime() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(unix)]
        for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGTERM] {
            // SAFETY: the default action needs nothing of this process.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        if pleura::runtime::find::candidates(None).is_empty() {
            let status = Command::new(env!("CARGO_BIN_EXE_pleura")).args(["runtime", "install"]).status();
            assert!(status.is_ok_and(|status| status.success()), "no ONNX Runtime, and none could be installed");
        }
    });
}

/// Sends a signal to a child that has not been waited for.
#[cfg(unix)]
pub fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: the process may have ended; until it is waited for, no other process has its number.
    assert_eq!(unsafe { libc::kill(i32::try_from(child.id()).unwrap(), signal) }, 0);
}

/// Waits for a child until a time limit, after which it is killed.
///
/// # Panics
/// If it exceeds the limit, with the message of `what`.
pub fn wait(child: &mut Child, patience: Duration, what: impl FnOnce() -> String) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{}", what());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The folder of real data. Tests that need it are ignored `cfg_attr(no_real_data)`.
pub fn data() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("PLEURA_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    assert!(folder.is_dir(), "no real data at `{}`; set PLEURA_DATA", folder.display());
    folder
}

/// A folder of small, unusual inputs. Tests that need one are ignored `cfg_attr(no_cases)`.
pub fn cases(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::env::var_os("PLEURA_CASES").map_or_else(|| root.join("../shared/cases"), PathBuf::from);
    let folder = cases.join(name);
    assert!(folder.is_dir(), "no cases at `{}`; set PLEURA_CASES", folder.display());
    folder
}

/// Prints that a test cannot run, bypassing the capture of its output. For conditions known only at run time, such as
/// the network; those known at build time ignore tests (`lacking.rs`).
pub fn skipped(reason: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {reason}", thread.name().unwrap_or("a test"));
}
