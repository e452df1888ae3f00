//! Tells the tests whether there is real data. For them alone: the package that is published goes without.

use std::path::Path;

#[path = "../../tests/support/lacking.rs"]
mod lacking;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../tests/support/lacking.rs");
    lacking::declare("no_real_data", lacking::real_data(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")));
}
