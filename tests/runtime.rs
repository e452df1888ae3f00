//! `pleura runtime`: finds ONNX Runtime, and fetches it.

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use assert_cmd::assert::Assert;

/// The binary, with an empty cache folder and no ONNX Runtime named.
fn pleura(cache: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.env_remove("ORT_DYLIB_PATH").env_remove("PLEURA_OFFLINE").env("PLEURA_CACHE", cache);
    command
}

fn said(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// A folder that is the whole PATH, with a `python3` that runs `script`.
#[cfg(unix)]
fn python(script: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python3");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn a_named_library_that_is_missing_is_wrong_usage() {
    let cache = tempfile::tempdir().unwrap();
    let by_option = pleura(cache.path()).args(["runtime", "show", "--onnxruntime", "nowhere.so"]).assert().code(2);
    assert!(said(&by_option).contains("nowhere.so` (from --onnxruntime)"), "{}", said(&by_option));
    let by_variable =
        pleura(cache.path()).args(["runtime", "show"]).env("ORT_DYLIB_PATH", "/nowhere.so").assert().code(2);
    assert!(said(&by_variable).contains("`/nowhere.so` (from ORT_DYLIB_PATH)"), "{}", said(&by_variable));
}

#[test]
#[cfg(unix)]
fn where_nothing_is_found_the_places_and_the_command_are_named() {
    let (cache, python) = (tempfile::tempdir().unwrap(), python("exit 1"));
    let assert = pleura(cache.path()).args(["runtime", "show"]).env("PATH", python.path()).assert().code(2);
    let said = said(&assert);
    let cache = cache.path().display().to_string();
    for word in
        ["--onnxruntime", "ORT_DYLIB_PATH", "beside the executable", &cache, "Python", "`pleura runtime install`"]
    {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
}

#[test]
fn offline_refuses_with_the_command_to_run_by_hand() {
    let cache = tempfile::tempdir().unwrap();
    let assert = pleura(cache.path()).args(["runtime", "install"]).env("PLEURA_OFFLINE", "1").assert().code(2);
    let said = said(&assert);
    assert!(said.contains("PLEURA_OFFLINE") && said.contains("`python3 -m pip install 'onnxruntime"), "{said}");
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
#[cfg(unix)]
fn without_python_or_pip_the_next_step_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let assert = pleura(cache.path()).args(["runtime", "install"]).env("PATH", empty.path()).assert().code(2);
    assert!(said(&assert).contains("cannot run python3"), "{}", said(&assert));
    let python = python("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    let assert = pleura(cache.path()).args(["runtime", "install"]).env("PATH", python.path()).assert().code(2);
    assert!(said(&assert).contains("has no pip") && said(&assert).contains("by hand"), "{}", said(&assert));
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
#[cfg(unix)]
fn an_index_that_does_not_answer_and_a_full_disk_are_transient() {
    let cache = tempfile::tempdir().unwrap();
    for words in
        ["WARNING: Retrying (Retry(total=4)) after connection broken", "ERROR: [Errno 28] No space left on device"]
    {
        let python = python(&format!("echo '{words}' >&2; exit 1"));
        pleura(cache.path()).args(["runtime", "install"]).env("PATH", python.path()).assert().code(75);
    }
}

/// The fake pip delivers a file that is not the pinned wheel.
#[test]
#[cfg(unix)]
fn a_changed_wheel_is_refused_and_nothing_is_left() {
    let cache = tempfile::tempdir().unwrap();
    let python = python(
        "while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && folder=$2; shift; done\n\
         /bin/mkdir -p \"$folder\" && echo changed > \"$folder/x.whl\"",
    );
    let assert = pleura(cache.path()).args(["runtime", "install"]).env("PATH", python.path()).assert().code(2);
    assert!(said(&assert).contains("was not installed: found sha256"), "{}", said(&assert));
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0, "nothing is left behind");
}

/// A library that reports ONNX Runtime 1.9.0, and has nothing else.
#[test]
#[cfg(target_os = "linux")]
fn a_library_that_is_too_old_is_told_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("old.c");
    let code = "static const char *version(void) { return \"1.9.0\"; }\n\
                static const void *api(unsigned version) { (void)version; return 0; }\n\
                static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};\n\
                const void *OrtGetApiBase(void) { return &base; }\n";
    fs::write(&source, code).unwrap();
    let library = folder.path().join("libonnxruntime.so.1.9.0");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status().unwrap();
    assert!(built.success());
    let assert = pleura(folder.path()).args(["runtime", "show", "--onnxruntime"]).arg(folder.path()).assert().code(2);
    let said = said(&assert);
    assert!(said.contains("version 1.9.0, expected 1.24 or newer"), "{said}");
}

/// The system would end a process that reads beyond the end of a library with SIGBUS.
#[test]
#[cfg(target_os = "linux")]
fn a_library_that_was_cut_short_is_an_error_wherever_it_was_found() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("onnxruntime-1.24.4");
    fs::create_dir(&folder).unwrap();
    let library = folder.join("libonnxruntime.so.1.24.4");
    let whole = fs::File::open(env!("CARGO_BIN_EXE_pleura")).unwrap();
    std::io::copy(&mut whole.take(1 << 20), &mut fs::File::create(&library).unwrap()).unwrap();
    let show = || {
        let mut command = pleura(cache.path());
        command.args(["runtime", "show"]);
        command
    };
    let by_option = show().arg("--onnxruntime").arg(&library).assert().code(2);
    let by_variable = show().env("ORT_DYLIB_PATH", &library).assert().code(2);
    let in_the_cache = show().assert().code(2);
    for refused in [by_option, by_variable, in_the_cache] {
        assert!(said(&refused).contains("damaged"), "{}", said(&refused));
    }
}

#[test]
#[cfg(unix)]
fn offline_announces_no_download() {
    let (cache, python) = (tempfile::tempdir().unwrap(), python("exit 1"));
    let mut command = pleura(cache.path());
    command.args(["check", "nowhere.toml"]).env("PLEURA_OFFLINE", "1").env("PATH", python.path());
    let said = said(&command.assert().code(2));
    assert!(said.contains("PLEURA_OFFLINE") && !said.contains("fetching"), "{said}");
}

/// Downloads the real wheel; three at a time, as parallel jobs would.
#[test]
fn the_pinned_runtime_is_fetched_once_and_found() {
    if !online() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| pleura(cache.path()).args(["runtime", "install"]).assert().success());
        }
    });
    let entries: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(entries.len(), 1, "one folder, and nothing half made: {entries:?}");
    let again = pleura(cache.path()).args(["runtime", "install"]).env("PLEURA_OFFLINE", "1").assert().success();
    assert!(said(&again).contains("was already in"), "{}", said(&again));

    let shown = pleura(cache.path()).args(["runtime", "show"]).assert().success();
    let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    assert!(shown.starts_with("ONNX Runtime 1.") && shown.contains("the cache folder"), "{shown}");
    assert!(shown.contains("CPU"), "{shown}");

    // damaged on disk: every command reports it, only `install` replaces it
    let library = pleura::runtime::find::library_in(&cache.path().join(&entries[0])).unwrap();
    let bytes = fs::read(&library).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for damaged in [&bytes[..bytes.len() / 2], &flipped] {
        fs::write(&library, damaged).unwrap();
        let refused = pleura(cache.path()).args(["runtime", "show"]).assert().code(2);
        let said = said(&refused);
        assert!(said.contains("is damaged: expected") && said.contains("run `pleura runtime install`"), "{said}");
        pleura(cache.path()).args(["runtime", "install"]).env("PLEURA_OFFLINE", "1").assert().code(2);
        let healed = pleura(cache.path()).args(["runtime", "install"]).assert().success();
        assert!(self::said(&healed).contains("replacing "), "{}", self::said(&healed));
        assert!(fs::read(&library).unwrap() == bytes);
    }
    pleura(cache.path()).args(["runtime", "show"]).assert().success();
}

/// Whether pip can reach its index. In CI it must.
fn online() -> bool {
    let ask = ["-m", "pip", "--timeout", "3", "--retries", "0", "index", "versions", "onnxruntime"];
    let reachable = Command::new("python3").args(ask).output().is_ok_and(|output| output.status.success());
    let expected = std::env::var_os("CI").is_some();
    if !reachable && !expected {
        support::skipped("the Python package index cannot be reached");
    }
    reachable || expected
}
