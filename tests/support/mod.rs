//! What integration tests share: the binary, ONNX Runtime, real data, toy models and images.
#![allow(dead_code, reason = "each test crate uses its own part")]

pub mod browser;
pub mod case;
pub mod discs;
pub mod golden;
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

/// Makes sure that there is an ONNX Runtime, installing the pinned one as a user would.
pub fn runtime() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if pleura::runtime::find::candidates(None).is_empty() {
            let status = Command::new(env!("CARGO_BIN_EXE_pleura")).args(["runtime", "install"]).status();
            assert!(status.is_ok_and(|status| status.success()), "no ONNX Runtime, and none could be installed");
        }
    });
}

/// Sends a signal to a child that has not been waited for.
#[cfg(unix)]
pub fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: the worst is that the process is not there any more; until it is waited for, nobody else has its number.
    assert_eq!(unsafe { libc::kill(i32::try_from(child.id()).unwrap(), signal) }, 0);
}

/// Waits for a child, at most so long: one that waits for ever is ended.
///
/// # Panics
/// Where it is not over by then, with what `what` tells.
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

/// The folder of real data; `None` (said in one line) where it is absent, which in CI is a failure.
pub fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("PLEURA_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no real data at `{}`", folder.display());
    eprintln!("skipped: no real data at `{}`; set PLEURA_DATA", folder.display());
    None
}

/// A folder of small inputs that are odd; `None` (said in one line) where it is absent, which in CI is a failure.
pub fn cases(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::env::var_os("PLEURA_CASES").map_or_else(|| root.join("../shared/cases"), PathBuf::from);
    let folder = cases.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no cases at `{}`", folder.display());
    eprintln!("skipped: no cases at `{}`; set PLEURA_CASES", folder.display());
    None
}
