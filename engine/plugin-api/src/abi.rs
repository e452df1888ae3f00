//! The C boundary, as `include/pleura_plugin.h` declares it.
//!
//! No memory changes owner across it: the host allocates every buffer, and a
//! plugin reports errors through the [`Host`] callback during the call.

use std::ffi::{c_char, c_void};

/// Raised when a table of the old layout can no longer be read: host and plugin must have the same number.
pub const ABI_MAJOR: u16 = 1;
/// Raised when calls or fields are added at the end of the table.
pub const ABI_MINOR: u16 = 1;
/// What a call returns on success. It is not 0, so that a plugin that never ran cannot pass for one that did.
pub const OK: u32 = 0x504C_5552;
/// The exported symbol: `const pleura_plugin_table *pleura_plugin(void)`.
pub const SYMBOL: &str = "pleura_plugin";

/// [`Table::capabilities`]: image → image.
pub const PREPARE: u32 = 1;
/// [`Table::capabilities`]: test-time augmentation.
pub const TTA: u32 = 2;
/// [`Table::capabilities`]: map → mask.
pub const POSTPROCESS: u32 = 4;
/// [`Table::capabilities`]: postprocessing reads [`Context::score_low`] and `score_high`.
pub const USES_SCORE: u32 = 8;

/// [`Log`]: something is wrong, but the call continues.
pub const LOG_ERROR: u32 = 1;
/// [`Log`]: the result may be unexpected.
pub const LOG_WARN: u32 = 2;
/// [`Log`]: what was done.
pub const LOG_INFO: u32 = 3;
/// [`Log`]: details for debugging the plugin.
pub const LOG_DEBUG: u32 = 4;

/// The host's function for messages, which any thread may call as long as the process runs. The text is copied at once.
pub type Log = unsafe extern "C" fn(level: u32, message: Str);

/// UTF-8 text of `len` bytes, not terminated, valid during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// The first byte.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

/// A dense row-major plane of `height * width` floats to read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    /// The first pixel of the first row.
    pub data: *const f32,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// A dense row-major plane of `height * width` floats to write.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PlaneMut {
    /// The first pixel of the first row.
    pub data: *mut f32,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Callbacks of the host, valid during a call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Passed back as the first argument of `error`.
    pub sink: *mut c_void,
    /// Reports why the call fails; the text is copied at once.
    pub error: unsafe extern "C" fn(sink: *mut c_void, message: Str),
}

/// What a postprocessing step knows about the image; see [`crate::Context`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// `sizeof(pleura_context)` of the host, so that fields can be added.
    pub struct_size: u32,
    /// The image's id in the submission.
    pub image_id: Str,
    /// Rows of the radiograph as stored.
    pub original_height: usize,
    /// Columns of the radiograph as stored.
    pub original_width: usize,
    /// Lower bound of the classifier's score.
    pub score_low: f32,
    /// Upper bound of the classifier's score.
    pub score_high: f32,
    /// Millimetres between rows; 0 where the file does not state it.
    pub spacing_row: f32,
    /// Millimetres between columns; 0 where the file does not state it.
    pub spacing_column: f32,
}

/// What the exported symbol returns: one table, valid as long as the process. Calls of other roles are null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// `sizeof(pleura_plugin_table)` of the plugin.
    pub struct_size: u32,
    /// [`ABI_MAJOR`] of the plugin.
    pub abi_major: u16,
    /// [`ABI_MINOR`] of the plugin.
    pub abi_minor: u16,
    /// The plugin's name in manifests.
    pub name: Str,
    /// The plugin's own version.
    pub version: Str,
    /// One role, plus [`USES_SCORE`] where it applies.
    pub capabilities: u32,
    /// Makes an instance from parameters as a JSON object; null refuses them, with the reason given through `host`.
    pub create: Option<unsafe extern "C" fn(params: Str, host: *const Host) -> *mut c_void>,
    /// Frees an instance.
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// [`PREPARE`]: writes the whole of `out`, which has the size of `image`.
    pub prepare:
        Option<unsafe extern "C" fn(this: *const c_void, image: Plane, out: PlaneMut, host: *const Host) -> u32>,
    /// [`TTA`]: the number of views.
    pub views: Option<unsafe extern "C" fn(this: *const c_void) -> usize>,
    /// [`TTA`]: replaces `*height` and `*width` of an image by those of its view.
    pub view_size: Option<
        unsafe extern "C" fn(
            this: *const c_void,
            view: usize,
            height: *mut usize,
            width: *mut usize,
            host: *const Host,
        ) -> u32,
    >,
    /// [`TTA`]: writes a view of an image.
    pub forward: Option<
        unsafe extern "C" fn(this: *const c_void, view: usize, image: Plane, out: PlaneMut, host: *const Host) -> u32,
    >,
    /// [`TTA`]: transforms a view's map back to the image's orientation and size.
    pub inverse: Option<
        unsafe extern "C" fn(this: *const c_void, view: usize, map: Plane, out: PlaneMut, host: *const Host) -> u32,
    >,
    /// [`POSTPROCESS`]: `mask` (null for the first step) and `out` are `map.height * map.width` bytes, each 0 or 1;
    /// `out` is zeroed before the call.
    pub postprocess: Option<
        unsafe extern "C" fn(
            this: *const c_void,
            context: *const Context,
            map: Plane,
            mask: *const u8,
            out: *mut u8,
            host: *const Host,
        ) -> u32,
    >,
    /// Since ABI 1.1, may be null: called once, before any other call, with the host's function for messages.
    pub use_log: Option<unsafe extern "C" fn(log: Log)>,
}

// SAFETY: a table holds only function pointers and text that lives as long as the process.
unsafe impl Sync for Table {}
// SAFETY: as above.
unsafe impl Send for Table {}

impl Str {
    /// Borrows a text.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        Self { data: text.as_ptr().cast(), len: text.len() }
    }

    /// Copies the text, replacing bytes that are not UTF-8; empty if the pointer is null.
    ///
    /// # Safety
    /// The bytes must be valid for reads.
    #[must_use]
    pub unsafe fn to_text(self) -> String {
        if self.data.is_null() {
            return String::new();
        }
        // SAFETY: the caller guarantees that the bytes are valid.
        let bytes = unsafe { std::slice::from_raw_parts(self.data.cast::<u8>(), self.len) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

impl Table {
    /// A table of this ABI with no calls.
    #[must_use]
    pub const fn empty(name: &'static str, version: &'static str, capabilities: u32) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            name: Str::new(name),
            version: Str::new(version),
            capabilities,
            create: None,
            destroy: None,
            prepare: None,
            views: None,
            view_size: None,
            forward: None,
            inverse: None,
            postprocess: None,
            use_log: None,
        }
    }
}
