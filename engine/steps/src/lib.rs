//! The stock steps of pleura: preparation, test-time augmentation and postprocessing.
//!
//! Each is a type that implements a role of [`pleura_plugin`], with its `Params` beside it. The `pleura` program links
//! all of them in ([`tables`]); each crate of `plugins/` exports one from a dynamic library.

#![deny(missing_docs)]

pub mod clahe;
pub mod component_mean;
pub mod convex_hull;
pub mod dilate;
pub mod fill_holes;
pub mod flip;
pub mod gamma;
pub mod keep_largest;
pub mod min_area;
mod params;
pub mod rotate;
pub mod scale;
pub mod threshold;
pub mod triplet;

use std::sync::LazyLock;

use pleura_plugin::abi::Table;
use pleura_plugin::{Postprocess, PostprocessTable, Prepare, PrepareTable, Tta, TtaTable};

pub use clahe::Clahe;
pub use component_mean::ComponentMean;
pub use convex_hull::ConvexHull;
pub use dilate::Dilate;
pub use fill_holes::FillHoles;
pub use flip::Flip;
pub use gamma::Gamma;
pub use keep_largest::KeepLargest;
pub use min_area::MinArea;
pub use rotate::Rotate;
pub use scale::Scale;
pub use threshold::Threshold;
pub use triplet::Triplet;

/// All steps by name, each with the table that its dynamic library exports.
#[must_use]
pub fn tables() -> &'static [(&'static str, Table)] {
    static TABLES: LazyLock<Vec<(&str, Table)>> = LazyLock::new(|| {
        vec![
            prepare::<Clahe>(),
            postprocess::<ComponentMean>(),
            postprocess::<ConvexHull>(),
            postprocess::<Dilate>(),
            postprocess::<FillHoles>(),
            tta::<Flip>(),
            prepare::<Gamma>(),
            postprocess::<KeepLargest>(),
            postprocess::<MinArea>(),
            tta::<Rotate>(),
            tta::<Scale>(),
            postprocess::<Threshold>(),
            postprocess::<Triplet>(),
        ]
    });
    &TABLES
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn prepare<P: Prepare>() -> (&'static str, Table) {
    (P::NAME, <P as PrepareTable>::table(VERSION))
}

fn tta<P: Tta>() -> (&'static str, Table) {
    (P::NAME, <P as TtaTable>::table(VERSION))
}

fn postprocess<P: Postprocess>() -> (&'static str, Table) {
    (P::NAME, <P as PostprocessTable>::table(VERSION))
}
