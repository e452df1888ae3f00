//! Turns a type that implements a role into the C table that the host reads.
//!
//! Every call is caught: a panic becomes an ordinary error and never crosses the boundary.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use ndarray::{ArrayView2, ArrayViewMut2};
use serde::de::DeserializeOwned;

use crate::abi::{self, Host, OK, Plane, PlaneMut, Str, Table};
use crate::log::use_log;
use crate::{Context, Error, Postprocess, Prepare, Size, Tta};

/// Exports a plugin from its dynamic library: `export!(postprocess: Threshold)`, `export!(tta: Flip)`,
/// `export!(prepare: Clahe)`. Use it once per library.
///
/// A program that links several plugin crates as Rust libraries contains the symbol several times, and may not link:
/// load their dynamic libraries instead, as the engine does.
#[macro_export]
macro_rules! export {
    (prepare: $plugin:ty) => {
        $crate::export!(@table <$plugin as $crate::PrepareTable>::table(env!("CARGO_PKG_VERSION")));
    };
    (tta: $plugin:ty) => {
        $crate::export!(@table <$plugin as $crate::TtaTable>::table(env!("CARGO_PKG_VERSION")));
    };
    (postprocess: $plugin:ty) => {
        $crate::export!(@table <$plugin as $crate::PostprocessTable>::table(env!("CARGO_PKG_VERSION")));
    };
    (@table $table:expr) => {
        /// The table that the host reads.
        #[unsafe(no_mangle)]
        pub extern "C" fn pleura_plugin() -> *const $crate::abi::Table {
            static TABLE: std::sync::LazyLock<$crate::abi::Table> = std::sync::LazyLock::new(|| $table);
            &*TABLE
        }
    };
}

/// The C table of a [`Prepare`] plugin.
pub trait PrepareTable: Prepare {
    /// Builds the table; `version` is the plugin's own.
    fn table(version: &'static str) -> Table {
        Table {
            create: Some(create_prepare::<Self>),
            destroy: Some(destroy::<Self>),
            prepare: Some(prepare::<Self>),
            use_log: Some(use_log),
            ..Table::empty(Self::NAME, version, abi::PREPARE)
        }
    }
}
impl<P: Prepare> PrepareTable for P {}

/// The C table of a [`Tta`] plugin.
pub trait TtaTable: Tta {
    /// Builds the table; `version` is the plugin's own.
    fn table(version: &'static str) -> Table {
        Table {
            create: Some(create_tta::<Self>),
            destroy: Some(destroy::<Self>),
            views: Some(views::<Self>),
            view_size: Some(view_size::<Self>),
            forward: Some(forward::<Self>),
            inverse: Some(inverse::<Self>),
            use_log: Some(use_log),
            ..Table::empty(Self::NAME, version, abi::TTA)
        }
    }
}
impl<P: Tta> TtaTable for P {}

/// The C table of a [`Postprocess`] plugin.
pub trait PostprocessTable: Postprocess {
    /// Builds the table; `version` is the plugin's own.
    fn table(version: &'static str) -> Table {
        let score = if Self::USES_SCORE { abi::USES_SCORE } else { 0 };
        Table {
            create: Some(create_postprocess::<Self>),
            destroy: Some(destroy::<Self>),
            postprocess: Some(postprocess::<Self>),
            use_log: Some(use_log),
            ..Table::empty(Self::NAME, version, abi::POSTPROCESS | score)
        }
    }
}
impl<P: Postprocess> PostprocessTable for P {}

unsafe extern "C" fn create_prepare<P: Prepare>(params: Str, host: *const Host) -> *mut c_void {
    // SAFETY: the host keeps `params` and `host` alive during the call.
    unsafe { create(params, host, P::create) }
}

unsafe extern "C" fn create_tta<P: Tta>(params: Str, host: *const Host) -> *mut c_void {
    // SAFETY: as above.
    unsafe { create(params, host, P::create) }
}

unsafe extern "C" fn create_postprocess<P: Postprocess>(params: Str, host: *const Host) -> *mut c_void {
    // SAFETY: as above.
    unsafe { create(params, host, P::create) }
}

unsafe extern "C" fn destroy<P>(this: *mut c_void) {
    // SAFETY: `this` came from `create` of the same table, and the host does not use it again.
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(this.cast::<P>()) })));
    // A panic in a destructor cannot be reported; the instance is gone either way.
    outcome.unwrap_or_else(|panic| drop(panic_message(panic)));
}

unsafe extern "C" fn prepare<P: Prepare>(this: *const c_void, image: Plane, out: PlaneMut, host: *const Host) -> u32 {
    // SAFETY: the host keeps the instance and the planes alive during the call.
    unsafe { reply(host, || instance::<P>(this).apply(view(image), view_mut(out))) }
}

unsafe extern "C" fn views<P: Tta>(this: *const c_void) -> usize {
    // SAFETY: as above.
    catch_unwind(AssertUnwindSafe(|| unsafe { instance::<P>(this) }.views())).unwrap_or_else(|panic| {
        drop(panic_message(panic));
        0 // which the host refuses
    })
}

unsafe extern "C" fn view_size<P: Tta>(
    this: *const c_void,
    view: usize,
    height: *mut usize,
    width: *mut usize,
    host: *const Host,
) -> u32 {
    // SAFETY: as above; `height` and `width` are the host's variables.
    unsafe {
        reply(host, || {
            let size = instance::<P>(this).view_size(view, Size::new(*height, *width));
            (*height, *width) = size.dim();
            Ok(())
        })
    }
}

unsafe extern "C" fn forward<P: Tta>(
    this: *const c_void,
    number: usize,
    image: Plane,
    out: PlaneMut,
    host: *const Host,
) -> u32 {
    // SAFETY: as above.
    unsafe { reply(host, || instance::<P>(this).forward(number, view(image), view_mut(out))) }
}

unsafe extern "C" fn inverse<P: Tta>(
    this: *const c_void,
    number: usize,
    map: Plane,
    out: PlaneMut,
    host: *const Host,
) -> u32 {
    // SAFETY: as above.
    unsafe { reply(host, || instance::<P>(this).inverse(number, view(map), view_mut(out))) }
}

unsafe extern "C" fn postprocess<P: Postprocess>(
    this: *const c_void,
    context: *const abi::Context,
    map: Plane,
    mask: *const u8,
    out: *mut u8,
    host: *const Host,
) -> u32 {
    let size = Size::new(map.height, map.width);
    // SAFETY: as above; the host gives masks of the map's size that hold nothing but 0 and 1, which are `bool`s.
    unsafe {
        reply(host, || {
            let context = Context::from_abi(&*context);
            let mask = (!mask.is_null()).then(|| ArrayView2::from_shape_ptr(size, mask.cast::<bool>()));
            let out = ArrayViewMut2::from_shape_ptr(size, out.cast::<bool>());
            instance::<P>(this).apply(&context, view(map), mask, out)
        })
    }
}

impl Context {
    /// # Safety
    /// The texts in `context` must be valid for reads.
    unsafe fn from_abi(context: &abi::Context) -> Self {
        let spacing = (context.spacing_row, context.spacing_column);
        Self {
            // SAFETY: the caller guarantees it.
            image_id: unsafe { context.image_id.to_text() },
            original_size: Size::new(context.original_height, context.original_width),
            score: (context.score_low, context.score_high),
            spacing: (spacing.0 > 0.0 && spacing.1 > 0.0).then_some(spacing),
        }
    }
}

/// # Safety
/// `params` and `host` must be valid.
unsafe fn create<P, Q: DeserializeOwned>(
    params: Str,
    host: *const Host,
    new: impl FnOnce(Q) -> Result<P, Error>,
) -> *mut c_void {
    let mut made = std::ptr::null_mut();
    // SAFETY: the caller guarantees that both are valid.
    unsafe {
        reply(host, || {
            let params = serde_json::from_str(&params.to_text()).map_err(|e| parameter_error(&e))?;
            made = Box::into_raw(Box::new(new(params)?)).cast();
            Ok(())
        });
    }
    made
}

/// serde's message without its position in the JSON text, which users never see.
fn parameter_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Runs a call, and reports an error or a panic to the host. Returns [`OK`](abi::OK) or 0.
///
/// # Safety
/// `host` must be valid.
unsafe fn reply(host: *const Host, call: impl FnOnce() -> Result<(), Error>) -> u32 {
    let message = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return OK,
        Ok(Err(Error(message))) => message,
        Err(panic) => panic_message(panic),
    };
    // SAFETY: the caller guarantees that the host is valid; it copies the message at once.
    unsafe { ((*host).error)((*host).sink, Str::new(&message)) };
    0
}

fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|panic| panic.downcast::<String>().map(|text| *text));
    let text = text.unwrap_or_else(|panic| {
        // The destructor of another type may panic, too, outside of `catch_unwind`.
        std::mem::forget(panic);
        "no message".into()
    });
    format!("panicked: {text}")
}

/// # Safety
/// `this` must be a live instance of `P`.
unsafe fn instance<'a, P>(this: *const c_void) -> &'a P {
    // SAFETY: the caller guarantees it.
    unsafe { &*this.cast::<P>() }
}

/// # Safety
/// The plane must be valid for reads, and dense.
unsafe fn view<'a>(plane: Plane) -> ArrayView2<'a, f32> {
    // SAFETY: the caller guarantees it.
    let data = unsafe { slice::from_raw_parts(plane.data, plane.height * plane.width) };
    ArrayView2::from_shape((plane.height, plane.width), data).expect("the length is the product of the sides")
}

/// # Safety
/// The plane must be valid for writes, dense, and not aliased.
unsafe fn view_mut<'a>(plane: PlaneMut) -> ArrayViewMut2<'a, f32> {
    // SAFETY: the caller guarantees it.
    let data = unsafe { slice::from_raw_parts_mut(plane.data, plane.height * plane.width) };
    ArrayViewMut2::from_shape((plane.height, plane.width), data).expect("the length is the product of the sides")
}
