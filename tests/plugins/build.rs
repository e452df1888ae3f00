//! Builds the C fixtures, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The folder that holds `tests/plugin-fixtures/NAME.c` as `libNAME.so`.
pub fn fixtures() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let sources = root().join("tests/plugin-fixtures");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-fixtures");
        fs::create_dir_all(&folder).unwrap();
        for source in fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path()) {
            if source.extension().is_some_and(|extension| extension == "c") {
                let name = source.file_stem().unwrap().to_str().unwrap();
                // Several test processes may build at once: each library appears whole.
                let part = folder.join(format!("{name}.{}.part", std::process::id()));
                shared(&source, &part);
                fs::rename(part, folder.join(format!("lib{name}.so"))).unwrap();
            }
        }
        folder
    });
    &FOLDER
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of `pleura_plugin.h`.
pub fn include() -> PathBuf {
    root().join("engine/plugin-api/include")
}

fn shared(source: &Path, library: &Path) {
    let flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"];
    run(Command::new("cc").args(flags).arg("-I").arg(include()).arg("-o").arg(library).arg(source));
}

/// Runs a command, again if its program is busy: another test's child may still hold the copy open for writing.
fn unless_busy(command: &mut Command) -> std::io::Result<std::process::Output> {
    for _ in 0..100 {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            done => return done,
        }
    }
    command.output()
}

/// Runs a command that must succeed; its standard output.
pub fn run(command: &mut Command) -> String {
    let output = unless_busy(command).unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}
