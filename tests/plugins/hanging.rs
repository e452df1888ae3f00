//! Plugins that hang: in a separate process they cost only the current image, and its time-out.

use std::time::{Duration, Instant};

use ndarray::Array2;
use pleura::manifest::{Isolation, Step};
use pleura::plugin::{Plugin, PluginError};

use crate::{above_half, build, context, error, map, step};

/// Opens a fixture with a time-out of three seconds per call.
fn open(fixture: &str, params: &str) -> Result<Plugin, PluginError> {
    let step = step(&format!("./lib{fixture}.so"), params, Isolation::Process);
    Plugin::open(&Step { timeout: Some(3), ..step }, build::fixtures())
}

const KILLED: &str =
    "did not respond within 3 s, and its process was killed: increase its step's `timeout` if it needs longer";

#[test]
fn a_call_that_never_returns_costs_one_image_and_the_next_gets_a_fresh_child() {
    let plugin = open("hangs", "{}").unwrap();
    for _ in 0..2 {
        assert_eq!(plugin.postprocess(&context("before"), map().view(), None).unwrap(), above_half());
        let start = Instant::now();
        let text = error(plugin.postprocess(&context("hang"), map().view(), None));
        assert_eq!(text, format!("plugin `hangs` (postprocess): {KILLED}"));
        assert!(start.elapsed() >= Duration::from_secs(3), "it had its time: {:?}", start.elapsed());
        assert_eq!(plugin.postprocess(&context("after"), map().view(), None).unwrap(), above_half());
    }
}

#[test]
fn others_go_on_while_one_hangs() {
    let plugin = open("hangs", "{}").unwrap();
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| plugin.postprocess(&context("hang"), map().view(), None).is_err());
        for _ in 0..5 {
            assert_eq!(plugin.postprocess(&context("other"), map().view(), None).unwrap(), above_half());
        }
        assert!(hanging.join().unwrap());
    });
}

#[test]
fn opening_and_preparing_and_counting_views_have_their_time_too() {
    let says = error(open("hangs_early", r#"{"hang":true}"#));
    assert!(says.ends_with(&format!("fails to load in its child process: {KILLED}")), "{says}");
    let says = error(open("hangs_counting", "{}"));
    assert_eq!(says, format!("plugin `hangs-counting` (views): {KILLED}"));
    let plugin = open("hangs_early", "{}").unwrap();
    let (black, white) = (Array2::zeros((6, 10)), Array2::ones((6, 10)));
    assert_eq!(error(plugin.prepare(black.view())), format!("plugin `hangs-early` (prepare): {KILLED}"));
    assert_eq!(plugin.prepare(white.view()).unwrap(), white);
}
