#![no_main]

#[path = "../../../tests/corpus/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::plugin_table(bytes));
