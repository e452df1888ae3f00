//! Traits, a macro and a C ABI for writing pleura plugins.
//!
//! A plugin is a dynamic library that exports one symbol. It has one of three roles:
//!
//! | role | trait | what it does |
//! |---|---|---|
//! | prepare | [`Prepare`] | image → image of the same size, before a member sees it |
//! | TTA | [`Tta`] | a number of views: forward on images, inverse on maps |
//! | postprocess | [`Postprocess`] | probability map and mask so far → mask |
//!
//! Implement the trait, set the crate type to `cdylib`, and [`export!`] the type:
//!
//! ```
//! use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess, export};
//!
//! /// Marks every pixel above a probability.
//! struct Above { probability: f32 }
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Params { probability: f32 }
//!
//! impl Postprocess for Above {
//!     const NAME: &'static str = "above";
//!     type Params = Params;
//!
//!     fn create(params: Params) -> Result<Self, Error> {
//!         Ok(Self { probability: params.probability })
//!     }
//!
//!     fn apply(&self, _: &Context, map: Map<'_>, _: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
//!         pleura_plugin::ndarray::Zip::from(&mut out).and(map).for_each(|o, &p| *o = p > self.probability);
//!         Ok(())
//!     }
//! }
//!
//! export!(postprocess: Above);
//! # fn main() {}
//! ```
//!
//! # Tests without the engine
//!
//! A plugin is an ordinary type: create it and call it on arrays. `pleura plugins test LIBRARY` then tests the built
//! library as an ensemble uses it.
//!
//! ```
//! # use pleura_plugin::{Context, Error, Map, Mask, MaskMut, Postprocess};
//! # struct Above { probability: f32 }
//! # #[derive(serde::Deserialize)]
//! # struct Params { probability: f32 }
//! # impl Postprocess for Above {
//! #     const NAME: &'static str = "above";
//! #     type Params = Params;
//! #     fn create(params: Params) -> Result<Self, Error> { Ok(Self { probability: params.probability }) }
//! #     fn apply(&self, _: &Context, map: Map<'_>, _: Option<Mask<'_>>, mut out: MaskMut<'_>) -> Result<(), Error> {
//! #         pleura_plugin::ndarray::Zip::from(&mut out).and(map).for_each(|o, &p| *o = p > self.probability);
//! #         Ok(())
//! #     }
//! # }
//! use pleura_plugin::Size;
//! use pleura_plugin::ndarray::{Array2, array};
//!
//! # fn main() -> Result<(), Error> {
//! let above = Above::create(Params { probability: 0.5 })?;
//! let map = array![[0.2, 0.6], [0.9, 0.5]];
//! let mut mask = Array2::from_elem(map.dim(), false);
//! above.apply(&Context::new("case-7", Size::new(2, 2)), map.view(), None, mask.view_mut())?;
//! assert_eq!(mask, array![[false, true], [true, false]]);
//! # Ok(())
//! # }
//! ```
//!
//! # Messages
//!
//! Return an [`Error`] to fail: the image is skipped, and the message is printed with the plugin's name. For other
//! messages, call [`log()`].
//!
//! The C side of the same boundary is `include/pleura_plugin.h`; [`abi`] mirrors it.

#![deny(missing_docs)]

pub mod abi;
mod export;
mod log;
mod role;
mod size;

pub use export::{PostprocessTable, PrepareTable, TtaTable};
pub use log::{Level, log};
pub use ndarray;
pub use role::{Context, Error, Image, ImageMut, Map, MapMut, Mask, MaskMut, Postprocess, Prepare, Tta};
pub use size::Size;

/// An abort would end the engine's process: a panic must unwind to be reported as an error.
#[cfg(panic = "abort")]
compile_error!("build pleura plugins with panic = \"unwind\": a panic is then reported instead of ending the process");
