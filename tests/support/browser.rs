//! Pages in a real browser: headless Chromium.

use std::path::Path;
use std::process::{Command, Output};

/// Chromium's program. Tests that need it are ignored `cfg_attr(no_chromium)`.
pub fn chromium() -> &'static str {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|done| done.status.success()));
    found.expect("no chromium on PATH")
}

/// A page after loading: its elements as text, and its console output.
pub struct Seen {
    pub page: String,
    pub console: String,
}

/// Opens a page, with the output that `wanted` selects.
pub fn browse(chromium: &str, page: &Path, fragment: &str, wanted: &str) -> Output {
    browse_sized(chromium, page, fragment, wanted, (1200, 4000))
}

/// As [`browse`], in a window of (width, height); `wanted` may be several options, separated by blanks.
pub fn browse_sized(chromium: &str, page: &Path, fragment: &str, wanted: &str, (width, height): (u32, u32)) -> Output {
    let profile = tempfile::tempdir().unwrap();
    let done = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=5000"])
        .args(wanted.split(' '))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#{fragment}", page.canonicalize().unwrap().display()))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done
}

impl Seen {
    pub fn new(chromium: &str, page: &Path, fragment: &str) -> Self {
        let done = browse(chromium, page, fragment, "--dump-dom");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let console = said.lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
        Self { page: String::from_utf8(done.stdout).unwrap(), console }
    }

    /// A value that the page's script recorded.
    pub fn noted(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.page.split_once(&format!("data-{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }

    /// The ids of the cards, in order.
    pub fn ids(&self) -> Vec<&str> {
        let ids = self.page.split("<p class=\"id\" title=\"").skip(1);
        ids.map(|rest| rest.split_once('"').unwrap().0).collect()
    }
}
