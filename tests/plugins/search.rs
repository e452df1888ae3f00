//! Finding plugins, and the verbs `plugins list` and `plugins test`.

use assert_cmd::Command;
use pleura::manifest::{Isolation, Step};
use pleura::plugin::{Plugin, PluginError};

use crate::{build, error, open, step};

fn pleura() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.current_dir(build::fixtures()).env("PLEURA_PLUGINS", build::fixtures());
    command
}

/// Exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_name_is_found_beside_the_manifest_and_in_its_plugins_folder() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Plugin::open(&step("writes-past", "{}", Isolation::None), folder.path());
    assert!(matches!(open(), Err(PluginError::NotFound { .. })));
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let names = ["plugins/libwrites_past.so", "libwrites-past.so", "libwrites_past.so", "libplugin_writes_past.so"];
    for name in names {
        std::fs::copy(build::fixtures().join("libwrites_past.so"), folder.path().join(name)).unwrap();
        assert_eq!(
            open().unwrap().origin().library(),
            Some(&*folder.path().join(name)),
            "each comes before the ones above"
        );
    }
}

#[test]
fn a_missing_plugin_says_where_it_was_looked_for_and_what_there_is() {
    let open = |plugin| error(Plugin::open(&step(plugin, "{}", Isolation::None), build::fixtures()));
    let text = open("segfault");
    assert!(text.starts_with("no plugin `segfault`; there is `segfaults`, `segfaults-at-load`"), "{text}");
    let (_, searched) = text.split_once("; searched ").unwrap();
    assert!(searched.contains(&format!("`{}`", build::fixtures().display())), "{text}");
    assert!(open("libgood.so").starts_with("no plugin `libgood.so`; there is `./libgood.so`; searched"));
    let text = open("zzzz");
    assert!(text.contains("`good`") && text.contains("`garbage`"), "all names, where none is near: {text}");
}

#[test]
fn list_shows_plugins_warns_of_bad_ones_and_survives_those_that_crash() {
    let (code, out, err) = run(pleura().args(["plugins", "list"]));
    assert_eq!(code, 0, "{err}");
    let row = |name: &str| out.lines().find(|line| line.split_whitespace().next() == Some(name));
    assert!(out.starts_with("NAME "), "{out}");
    let cells: Vec<_> = row("returns-nan").unwrap().split_whitespace().collect();
    assert_eq!(cells[1..4], ["tta", "0.0.1", "1.0"]);
    assert!(cells[4].ends_with("libreturns_nan.so"));
    assert!(row("segfaults-at-load").is_none());
    assert!(err.contains("libsegfaults_at_load.so` fails to load in its child process: its process was killed by"));
    assert!(err.contains("libwrong_abi.so` has ABI 2"));
    assert!(err.contains(&format!("searched {}", build::fixtures().display())));
}

#[test]
fn test_finds_what_each_bad_plugin_does() {
    let cases = [
        ("wrong-abi", "FAIL  loads: plugin library"),
        ("refuses", "FAIL  takes the parameters {}: plugin `refuses` rejects its parameters: `level` must lie"),
        (
            "garbage",
            "FAIL  makes a mask of 7x5 noise and no mask: plugin `garbage` (postprocess): returned an invalid mask",
        ),
        ("writes-past", "(postprocess): wrote past its buffer"),
        ("unwritten", "FAIL  prepares 7x5 noise: plugin `unwritten` (prepare): left 5 pixels of its result unwritten"),
        ("returns-nan", "FAIL  view 0 is not the identity: the engine already adds the identity"),
        ("quits", "its process exited (exit status: 3)"),
        ("segfaults-at-load", "was killed by SIGSEGV"),
        ("racy", "gives different results when several threads call it at once"),
        (
            "hangs",
            "FAIL  makes a mask of 7x5 black and no mask: plugin `hangs` (postprocess): did not respond within 4 s",
        ),
        ("forgetful", "the same input gives a different result the second time"),
        ("tta-square", "FAIL  view 0 of 96x96 comes back as it went: the view only rearranges pixels"),
        ("tta-square", "ok    view 0 of 96x128 comes back as it went: exactly"),
        ("tta-axis", "FAIL  view 0 of 96x128 comes back as it went: the view only rearranges pixels"),
        ("tta-shift", "FAIL  view 0 of 7x5 comes back as it went: the view only rearranges pixels"),
        ("tta-border", "FAIL  view 0 of 97x97 comes back as it went: the view only rearranges pixels"),
        ("tta-border", "ok    view 0 of 96x96 comes back as it went: exactly"),
        ("tta-zoom", "FAIL  view 0 of 96x96 comes back as it went: the middle of a smooth picture is off by up to"),
        ("tta-half", "FAIL  view 0 of a map of half of 192x192 comes back as it went: the middle of a smooth picture"),
        ("tta-smear", "FAIL  view 0 of 97x97 comes back as it went: the middle of a smooth picture is off by up to"),
        ("remembers", "FAIL  prepares an image whatever came before it: "),
        ("hidden-score", "FAIL  says whether it uses the score: the mask depends on the score"),
        ("good", "FAIL  refuses a parameter it does not know: a typo in a manifest would not be detected"),
    ];
    for (name, says) in cases {
        let limit = if name == "hangs" { "4" } else { "300" };
        let (code, out, err) = run(pleura().args(["plugins", "test", name, "--timeout", limit]));
        assert_eq!(code, 2, "{name}: {out}{err}");
        assert!(out.lines().any(|line| line.contains(says)), "{name}: {out}");
    }
}

#[test]
fn test_of_nothing_or_with_parameters_that_are_none_is_wrong_usage() {
    let (code, _, err) = run(pleura().args(["plugins", "test", "goood"]));
    assert_eq!(code, 2);
    assert!(err.contains("no plugin `goood`; there is `good`"), "{err}");
    let (code, _, err) = run(pleura().args(["plugins", "test", "good", "--params", "[1]"]));
    assert_eq!(code, 2);
    assert!(err.contains("expected a JSON object"), "{err}");
}

#[test]
fn symbols_are_visible_to_others_on_request_only() {
    let needs = || open("needs_symbol", Isolation::None);
    let provides = |global_symbols| {
        let step = Step { global_symbols, ..step("provides-symbol", "{}", Isolation::None) };
        Plugin::open(&step, build::fixtures()).unwrap()
    };
    provides(false);
    assert!(error(needs()).ends_with("sees no symbol"));
    provides(true);
    assert_eq!(needs().unwrap().name(), "needs-symbol");
}
