//! Bad plugins: each is detected, and the error says what to do.

use ndarray::Array2;
use pleura::manifest::Isolation;
use pleura::plugin::{Fault, LoadError, Plugin, PluginError, Role};

use crate::{above_half, build, context, error, map, open, step, target};
use pleura::Size;

const BOTH: [Isolation; 2] = [Isolation::None, Isolation::Process];

#[test]
fn a_good_plugin_does_the_same_here_and_in_a_child_process() {
    for isolation in BOTH {
        let plugin = open("good", isolation).unwrap();
        assert_eq!((plugin.name(), plugin.version(), plugin.role()), ("good", "0.0.1", Role::Postprocess));
        assert_eq!((plugin.about().abi, plugin.uses_score(), plugin.views()), ((1, 0), false, 0));
        assert_eq!(plugin.sha256().unwrap().len(), 64);
        assert_eq!(plugin.postprocess(&context("a"), map().view(), None).unwrap(), above_half());
        // Not in standard layout: the plugin must receive one that is.
        let turned = plugin.postprocess(&context("a"), map().t(), Some(&above_half())).err();
        assert!(matches!(turned, Some(PluginError::Call { why: Fault::Input(_), .. })), "sizes differ: {turned:?}");
        let turned = plugin.postprocess(&context("a"), map().t(), None).unwrap();
        assert_eq!(turned.pixels(), above_half().pixels().t());
    }
}

#[test]
fn libraries_that_are_no_plugins_are_refused_with_the_next_step() {
    let cases = [
        ("wrong_abi", "has ABI 2, expected 1.1: rebuild the plugin against the header"),
        ("no_symbol", "exports no `pleura_plugin`: use `export!` in Rust, define that function in C"),
        ("null_table", "returns no table from `pleura_plugin`"),
        ("short_table", "has a table of 16 bytes, expected at least"),
        ("two_roles", "must have exactly one of the roles prepare, tta and postprocess"),
        ("missing_call", "leaves the call `postprocess` of its role null"),
        ("nameless", "has no valid name"),
        ("not_there", "does not exist"),
    ];
    for (fixture, says) in cases {
        for isolation in BOTH {
            let text = error(open(fixture, isolation));
            assert!(text.contains(&format!("lib{fixture}.so` {says}")), "{fixture}, {isolation:?}: {text}");
        }
    }
}

#[test]
fn a_file_that_is_no_library_is_refused() {
    std::fs::write(build::fixtures().join("libtext.so"), "not a library").unwrap();
    for isolation in BOTH {
        let text = error(open("text", isolation));
        assert!(text.contains("libtext.so` cannot be loaded: "), "{text}");
    }
}

#[test]
fn a_plugin_must_go_by_the_name_it_was_found_under() {
    let by_name = Plugin::open(&step("other-name", "{}", Isolation::None), build::fixtures());
    let Err(PluginError::Load { why: LoadError::OtherName { found }, .. }) = by_name else { panic!("{by_name:?}") };
    assert_eq!(found, "something-else");
    assert_eq!(open("other_name", Isolation::None).unwrap().name(), "something-else", "by path, any name will do");
}

#[test]
fn refused_parameters_are_told_in_the_plugins_own_words() {
    for isolation in BOTH {
        let text = error(open("refuses", isolation));
        assert_eq!(text, "plugin `refuses` rejects its parameters: `level` must lie between 0 and 1");
    }
}

#[test]
fn masks_that_hold_garbage_or_run_over_are_errors() {
    let cases = [
        ("garbage", "returned an invalid mask: expected pixels of 0 and 1, found 255"),
        ("writes_past", "wrote past its buffer"),
        ("silent", "failed without a message (it returned 0x0)"),
    ];
    for (fixture, says) in cases {
        for isolation in BOTH {
            let plugin = open(fixture, isolation).unwrap();
            let text = error(plugin.postprocess(&context("a"), map().view(), None));
            assert_eq!(text, format!("plugin `{}` (postprocess): {says}", plugin.name()));
        }
    }
}

#[test]
fn images_that_are_not_wholly_written_or_not_images_are_errors() {
    let cases = [
        ("writes_before", "wrote past its buffer"),
        ("unwritten", "left 10 pixels of its result unwritten"),
        ("out_of_range", "returned an image with values from 0 to 250.75, expected 0 to 1"),
    ];
    for (fixture, says) in cases {
        for isolation in BOTH {
            let plugin = open(fixture, isolation).unwrap();
            let text = error(plugin.prepare(map().view()));
            assert_eq!(text, format!("plugin `{}` (prepare): {says}", plugin.name()));
        }
    }
}

#[test]
fn a_plugin_is_never_given_nan() {
    for isolation in BOTH {
        let plugin = open("takes_nan", isolation).unwrap();
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut map = map();
            map[[2, 3]] = value;
            let text = error(plugin.postprocess(&context("a"), map.view(), None));
            let says = "was not called: 1 pixels of the map given to it are NaN or infinite";
            assert_eq!(text, format!("plugin `takes-nan` (postprocess): {says}"));
        }
    }
}

#[test]
fn nan_from_a_plugin_is_reported() {
    for isolation in BOTH {
        let plugin = open("returns_nan", isolation).unwrap();
        assert_eq!(plugin.forward(0, map().view()).unwrap(), map());
        let text = error(plugin.inverse(0, map().view(), Size::new(6, 10)));
        assert_eq!(text, "plugin `returns-nan` (inverse): returned 2 pixels that are NaN or infinite");
    }
}

#[test]
fn views_are_neither_none_nor_absurd() {
    for isolation in BOTH {
        let text = error(open("no_views", isolation));
        assert_eq!(text, "plugin `no-views` (views): has 0 views; expected 1 to 1024");
        let plugin = open("absurd_views", isolation).unwrap();
        let text = error(plugin.forward(0, map().view()));
        assert_eq!(
            text,
            "plugin `absurd-views` (forward): makes view 0 of 0×10 pixels; expected sides from 1 to 16384"
        );
        let text = error(plugin.view_size(1, Size::new(6, 10)));
        assert!(text.contains("makes view 1 of 1099511627776×10 pixels"), "{text}");
        assert!(error(plugin.view_size(2, Size::new(6, 10))).contains("view 2 does not exist: there are 2"));
    }
}

#[test]
fn a_plugin_makes_no_calls_of_another_role() {
    let plugin = open("good", Isolation::None).unwrap();
    let text = error(plugin.prepare(map().view()));
    assert_eq!(text, "plugin `good` (prepare): is a postprocess plugin, which has no such call");
    assert!(error(plugin.inverse(0, map().view(), Size::new(6, 10))).contains("is a postprocess plugin"));
    let empty = Array2::zeros((0, 0));
    assert!(error(plugin.postprocess(&context("a"), empty.view(), None)).contains("the map is 0x0"));
}

#[test]
fn a_panic_in_rust_is_an_error_and_the_plugin_goes_on() {
    for isolation in BOTH {
        let open = |on: &str| {
            let params = format!(r#"{{"on": "{on}"}}"#);
            Plugin::open(&step("./libpanics.so", &params, isolation), &target().join("deps"))
        };
        let text = error(open("create"));
        assert_eq!(text, "plugin `panics` rejects its parameters: panicked: told to panic when created");
        let plugin = open("b").unwrap();
        let apply = |image| plugin.postprocess(&context(image), map().view(), None);
        assert_eq!(apply("a").unwrap(), above_half());
        assert_eq!(error(apply("b")), "plugin `panics` (postprocess): panicked: told to panic on b");
        assert_eq!(apply("c").unwrap(), above_half());
    }
}

#[test]
fn a_plugin_that_would_abort_on_panic_does_not_compile() {
    let compile = |panic: &str| {
        let source = build::root().join("engine/plugin-api/src/lib.rs");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        // Nothing compiles without its dependencies; the refusal comes first.
        let output = std::process::Command::new(rustc)
            .args(["--edition=2024", "--crate-type=rlib", "--emit=metadata", "-o", "/dev/null", "-C"])
            .arg(format!("panic={panic}"))
            .arg(source)
            .output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let refusal = "build pleura plugins with panic = \"unwind\"";
    assert!(compile("abort").contains(refusal));
    assert!(!compile("unwind").contains(refusal));
}
