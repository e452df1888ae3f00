//! Calls a plugin instance in this process, through its table.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use pleura_plugin::abi::{self, Host, Plane, PlaneMut, Str, Table};
use serde::{Deserialize, Serialize};

use super::buffer::{FloatBuffer, MaskBuffer, Writes};
use super::library::Loaded;
use super::{About, Context, Fault, Size, exits, log};

/// The calls of an instance, in this process or another. Sizes and values of the inputs have been checked.
pub(super) trait Calls: Send + Sync {
    /// The number of views, as stated by the plugin.
    fn views(&self) -> Result<usize, Fault>;
    /// The size of a view of an image, as stated by the plugin.
    fn view_size(&self, view: usize, image: Size) -> Result<Size, Fault>;
    /// Transforms a plane into one of size `out`, every pixel written and finite.
    fn plane(&self, call: PlaneCall, input: ArrayView2<'_, f32>, out: Size) -> Result<Array2<f32>, Fault>;
    /// Computes a mask from the map and the mask so far.
    fn postprocess(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<ArrayView2<'_, bool>>,
    ) -> Result<Array2<bool>, Fault>;
}

/// The calls that turn one plane into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PlaneCall {
    Prepare,
    /// Contains the number of the view.
    Forward(usize),
    /// Contains the number of the view.
    Inverse(usize),
}

/// An instance in this process.
pub(super) struct Instance {
    table: Table,
    /// The plugin's name.
    name: String,
    this: NonNull<c_void>,
    writes: Writes,
}

// SAFETY: the ABI requires that an instance is read-only after `create`, and may be called and destroyed by any thread.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    /// Creates an instance of a plugin with parameters, a JSON object. The error is the plugin's message.
    pub(super) fn create(loaded: &Loaded, params: &str) -> Result<Self, String> {
        let &Loaded { table, about: About { ref name, .. }, writes } = loaded;
        let sink = Sink::default();
        let host = sink.host();
        // SAFETY: `params` and `host` are valid during the call. Loading has checked that the call exists, so the null
        // pointer is never used.
        let create = || unsafe { table.create.map_or(ptr::null_mut(), |create| create(Str::new(params), &host)) };
        let this = exits::within(name, "create", create);
        match NonNull::new(this) {
            Some(this) => Ok(Self { table, name: name.clone(), this, writes }),
            None => Err(sink.message().unwrap_or_else(|| "it gives no reason".to_owned())),
        }
    }

    fn this(&self) -> *const c_void {
        self.this.as_ptr()
    }

    /// Makes a call with a host for error messages, and turns its status into a result.
    fn reply(&self, name: &'static str, call: impl FnOnce(*const Host) -> u32) -> Result<(), Fault> {
        let sink = Sink::default();
        let host = sink.host();
        match exits::within(&self.name, name, || call(&host)) {
            abi::OK => Ok(()),
            status => Err(sink.message().map_or(Fault::Silent(status), Fault::Said)),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.table.destroy {
            // SAFETY: `this` came from this table's `create`, and is not used afterwards.
            exits::within(&self.name, "destroy", || unsafe { destroy(self.this.as_ptr()) });
        }
    }
}

impl Calls for Instance {
    fn views(&self) -> Result<usize, Fault> {
        let views = self.table.views.ok_or_else(|| no_call("views"))?;
        // SAFETY: the instance is valid.
        Ok(exits::within(&self.name, "views", || unsafe { views(self.this()) }))
    }

    fn view_size(&self, view: usize, image: Size) -> Result<Size, Fault> {
        let call = self.table.view_size.ok_or_else(|| no_call("view_size"))?;
        let Size { mut height, mut width } = image;
        // SAFETY: the instance, the host and both variables are valid during the call.
        self.reply("view_size", |host| unsafe { call(self.this(), view, &mut height, &mut width, host) })?;
        Ok(Size::new(height, width))
    }

    fn plane(&self, call: PlaneCall, input: ArrayView2<'_, f32>, out: Size) -> Result<Array2<f32>, Fault> {
        let input = input.as_standard_layout();
        let plane = plane(&input);
        let mut buffer = FloatBuffer::new(out, self.writes);
        let (table, this) = (&self.table, self.this());
        let out = PlaneMut { data: buffer.as_mut_ptr(), height: out.height, width: out.width };
        match call {
            PlaneCall::Prepare => {
                let prepare = table.prepare.ok_or_else(|| no_call("prepare"))?;
                // SAFETY: the instance, the host, the dense input and the buffer are valid during the call, and nothing
                // else accesses the buffer.
                self.reply("prepare", |host| unsafe { prepare(this, plane, out, host) })?;
            }
            PlaneCall::Forward(view) => {
                let forward = table.forward.ok_or_else(|| no_call("forward"))?;
                // SAFETY: as above.
                self.reply("forward", |host| unsafe { forward(this, view, plane, out, host) })?;
            }
            PlaneCall::Inverse(view) => {
                let inverse = table.inverse.ok_or_else(|| no_call("inverse"))?;
                // SAFETY: as above.
                self.reply("inverse", |host| unsafe { inverse(this, view, plane, out, host) })?;
            }
        }
        buffer.finish()
    }

    fn postprocess(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<ArrayView2<'_, bool>>,
    ) -> Result<Array2<bool>, Fault> {
        let call = self.table.postprocess.ok_or_else(|| no_call("postprocess"))?;
        let (map, mask) = (map.as_standard_layout(), mask.as_ref().map(|mask| mask.as_standard_layout()));
        let context = abi_context(context);
        // A `bool` is one byte, 0 or 1.
        let mask = mask.as_ref().map_or(ptr::null(), |mask| mask.as_ptr().cast::<u8>());
        let mut buffer = MaskBuffer::new(map.dim().into(), self.writes);
        let out = buffer.as_mut_ptr();
        // SAFETY: the instance, the host, the context, the dense map and mask of one size, and the buffer are valid
        // during the call, and nothing else accesses the buffer.
        self.reply("postprocess", |host| unsafe { call(self.this(), &context, plane(&map), mask, out, host) })?;
        buffer.finish()
    }
}

fn plane(input: &CowArray<'_, f32, Ix2>) -> Plane {
    let (height, width) = input.dim();
    Plane { data: input.as_ptr(), height, width }
}

fn abi_context(context: &Context) -> abi::Context {
    let (spacing_row, spacing_column) = context.spacing.unwrap_or_default();
    abi::Context {
        struct_size: size_of::<abi::Context>() as u32,
        image_id: Str::new(&context.image_id),
        original_height: context.original_size.height,
        original_width: context.original_size.width,
        score_low: context.score.0,
        score_high: context.score.1,
        spacing_row,
        spacing_column,
    }
}

/// Unreachable: loading refuses a table without the calls of its role, and [`super::Plugin`] makes no others.
fn no_call(name: &str) -> Fault {
    Fault::Said(format!("does not support the call `{name}`"))
}

/// Receives a plugin's error message; locked, because a plugin may report from its own thread.
#[derive(Default)]
struct Sink(Mutex<Option<String>>);

impl Sink {
    /// A host that reports to this sink; it must not outlive it.
    fn host(&self) -> Host {
        Host { sink: ptr::from_ref(self).cast_mut().cast(), error: take_message }
    }

    fn message(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Keeps the first message of a call.
unsafe extern "C" fn take_message(sink: *mut c_void, message: Str) {
    if sink.is_null() {
        return;
    }
    // SAFETY: the host was made by `Sink::host`, and plugins call it only during their call; only a shared reference is
    // made of it.
    let sink = unsafe { &*sink.cast::<Sink>() };
    // SAFETY: the plugin keeps the message valid during the call.
    let text = unsafe { log::text(message) };
    if !text.is_empty() {
        sink.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }
}
