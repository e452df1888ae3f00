//! Sets `cfg(no_real_data)` if there is no real data. For tests only: the published package does not contain it.

use std::path::Path;

#[path = "../../tests/support/lacking.rs"]
mod lacking;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../tests/support/lacking.rs");
    lacking::declare("no_real_data", lacking::real_data(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")));
}
