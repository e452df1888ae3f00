//! Loads a plugin's library and checks its table.

use std::mem::offset_of;
use std::path::Path;

use pleura_plugin::abi::{self, Str, Table};

use super::buffer::Writes;
use super::{About, LoadError, PluginError, Role, exits, log};
use crate::digest;

/// The maximum length of a name or version, in bytes; a longer one indicates an invalid pointer.
const MAX_TEXT: usize = 256;

/// The table of a loaded library, which is never unloaded.
pub(super) struct Loaded {
    pub table: Table,
    pub about: About,
    pub writes: Writes,
}

impl Loaded {
    /// Passes the engine's log function to the plugin, before any other call.
    fn new(table: Table, about: About, writes: Writes) -> Self {
        if let Some(use_log) = table.use_log {
            // SAFETY: a function of the table; the one passed to it may be called at any time.
            exits::within(&about.name, "use_log", || unsafe { use_log(log::take) });
        }
        Self { table, about, writes }
    }
}

/// Loads the library at `path`; with `global_symbols`, its symbols are visible to others.
///
/// Checks in order: file, symbol, null table, ABI, table size, texts, one role, the calls of that role.
pub(super) fn load(path: &Path, global_symbols: bool) -> Result<Loaded, LoadError> {
    if !path.is_file() {
        return Err(LoadError::Missing);
    }
    let table = read_table(entry(path, global_symbols)?)?;
    // SAFETY: the library guarantees its texts, and is never unloaded.
    let about = unsafe { about(&table) }?;
    Ok(Loaded::new(table, about, Writes::Anywhere))
}

/// The stock step of that name, whose table is linked into the program.
pub(super) fn built_in(name: &str) -> Result<Loaded, LoadError> {
    let (_, table) = pleura_steps::tables().iter().find(|(stock, _)| *stock == name).ok_or(LoadError::Missing)?;
    // SAFETY: the table's texts are the program's own.
    let about = unsafe { about(table) }?;
    Ok(Loaded::new(*table, about, Writes::Within))
}

/// The content of a table, if it is valid.
///
/// # Safety
/// Texts of up to [`MAX_TEXT`] bytes must be where the table points.
unsafe fn about(table: &Table) -> Result<About, LoadError> {
    let role = role(table)?;
    require_calls(table, role)?;
    // SAFETY: the caller guarantees it.
    let (name, version) = unsafe { (text(table.name, "name")?, text(table.version, "version")?) };
    let uses_score = table.capabilities & abi::USES_SCORE != 0;
    Ok(About { name, version, role, uses_score, abi: (table.abi_major, table.abi_minor) })
}

/// Checks a table in bytes instead of a library: a text's pointer holds an offset into the bytes, and no calls are
/// made. For tests with made-up tables.
#[doc(hidden)]
pub fn table_of(bytes: &[u8]) -> Result<About, LoadError> {
    let mut table = std::mem::MaybeUninit::<Table>::zeroed();
    let len = bytes.len().min(size_of::<Table>());
    // SAFETY: no more is copied than exists on either side. Every bit pattern is a `Table`: its fields are numbers,
    // pointers, and functions or null.
    let mut table = unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), table.as_mut_ptr().cast::<u8>(), len);
        table.assume_init()
    };
    check_start(table.struct_size, table.abi_major)?;
    for (text, what) in [(&mut table.name, "name"), (&mut table.version, "version")] {
        let place = text.data.addr();
        let end = place.checked_add(text.len.min(MAX_TEXT + 1)).filter(|_| place > 0);
        let there = end.and_then(|end| bytes.get(place..end)).ok_or_else(|| LoadError::Text(what.to_owned()))?;
        text.data = there.as_ptr().cast();
    }
    // SAFETY: both texts are within the bytes, up to their accepted length.
    unsafe { about(&table) }
}

/// Checks a library's hash before it is loaded: loading runs its code.
///
/// Returns the file's SHA-256 if one is declared, in lowercase hexadecimal.
pub(super) fn verify(path: &Path, declared: Option<&str>) -> Result<Option<String>, PluginError> {
    let Some(declared) = declared else { return Ok(None) };
    if !path.is_file() {
        return Err(PluginError::Load { path: path.to_owned(), why: LoadError::Missing });
    }
    let found = digest::file(path).map_err(|source| PluginError::Read { path: path.to_owned(), source })?;
    if declared.eq_ignore_ascii_case(&found) {
        return Ok(Some(found));
    }
    Err(PluginError::Changed { path: path.to_owned(), found, declared: declared.to_owned() })
}

type Entry = unsafe extern "C" fn() -> *const Table;

/// The exported function. The library is never unloaded: threads and thread-local destructors may outlive it.
fn entry(path: &Path, global_symbols: bool) -> Result<Entry, LoadError> {
    // A bare file name would be searched for in the system's folders instead.
    let path = std::path::absolute(path).map_err(|e| LoadError::Open(e.to_string()))?;
    // SAFETY: loading runs the library's initialisers, which is what a plugin is for; foreign code cannot be proven
    // safe, and `isolation = "process"` exists for those who do not trust it.
    let library = unsafe { open(&path, global_symbols) }.map_err(|e| {
        // The loader's own message names the missing library or symbol.
        let words = std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string);
        let named = format!("{}: ", path.display());
        LoadError::Open(words.strip_prefix(&named).map_or(words.clone(), str::to_owned))
    })?;
    // SAFETY: the header declares the symbol of that name with this type; the check of the table follows.
    let entry = unsafe { library.get::<Entry>(abi::SYMBOL) }.map(|symbol| *symbol).map_err(|_| LoadError::NoSymbol);
    std::mem::forget(library);
    entry
}

#[cfg(unix)]
unsafe fn open(path: &Path, global_symbols: bool) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};
    let visibility = if global_symbols { RTLD_GLOBAL } else { RTLD_LOCAL };
    // SAFETY: the caller accepts the library's initialisers.
    unsafe { Library::open(Some(path), RTLD_NOW | visibility) }.map(Into::into)
}

#[cfg(not(unix))]
unsafe fn open(path: &Path, _global_symbols: bool) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: the caller accepts the library's initialisers.
    unsafe { libloading::Library::new(path) }
}

/// Copies the table, once its first fields show that it is one of this ABI.
fn read_table(entry: Entry) -> Result<Table, LoadError> {
    // SAFETY: the header declares the function without arguments and without preconditions.
    let table = unsafe { entry() };
    if table.is_null() || !table.is_aligned() {
        return Err(LoadError::NullTable);
    }
    // SAFETY: every table of every ABI starts with struct_size, abi_major and abi_minor, and lives as long as the
    // library, which is never unloaded. Nothing else is read before those are checked.
    let (struct_size, major) = unsafe { ((*table).struct_size, (*table).abi_major) };
    check_start(struct_size, major)?;
    let mut known = std::mem::MaybeUninit::<Table>::zeroed();
    // SAFETY: the table has `struct_size` bytes, and no more are copied than this engine knows. Functions that an older
    // table lacks stay null; newer fields come after the known ones.
    Ok(unsafe {
        let bytes = (struct_size as usize).min(size_of::<Table>());
        std::ptr::copy_nonoverlapping(table.cast::<u8>(), known.as_mut_ptr().cast::<u8>(), bytes);
        known.assume_init()
    })
}

/// Checks the start of a table, before the rest is read.
fn check_start(struct_size: u32, major: u16) -> Result<(), LoadError> {
    if major != abi::ABI_MAJOR {
        return Err(LoadError::Abi { major });
    }
    if (struct_size as usize) < FIRST_SIZE {
        return Err(LoadError::TableSize { found: struct_size, least: FIRST_SIZE });
    }
    Ok(())
}

/// The size of the table of ABI 1.0.
const FIRST_SIZE: usize = offset_of!(Table, use_log);
const _: () = assert!(offset_of!(Table, struct_size) == 0 && offset_of!(Table, abi_major) == 4);

/// # Safety
/// A text of up to [`MAX_TEXT`] bytes must be where `text` points.
unsafe fn text(text: Str, what: &str) -> Result<String, LoadError> {
    if text.data.is_null() || text.len == 0 || text.len > MAX_TEXT {
        return Err(LoadError::Text(what.to_owned()));
    }
    // SAFETY: the caller guarantees it; the length has been checked.
    Ok(unsafe { text.to_text() })
}

fn role(table: &Table) -> Result<Role, LoadError> {
    match table.capabilities & (abi::PREPARE | abi::TTA | abi::POSTPROCESS) {
        abi::PREPARE => Ok(Role::Prepare),
        abi::TTA => Ok(Role::Tta),
        abi::POSTPROCESS => Ok(Role::Postprocess),
        _ => Err(LoadError::Roles(table.capabilities)),
    }
}

fn require_calls(table: &Table, role: Role) -> Result<(), LoadError> {
    let mut calls = vec![("create", table.create.is_some()), ("destroy", table.destroy.is_some())];
    match role {
        Role::Prepare => calls.push(("prepare", table.prepare.is_some())),
        Role::Tta => calls.extend([
            ("views", table.views.is_some()),
            ("view_size", table.view_size.is_some()),
            ("forward", table.forward.is_some()),
            ("inverse", table.inverse.is_some()),
        ]),
        Role::Postprocess => calls.push(("postprocess", table.postprocess.is_some())),
    }
    match calls.iter().find(|(_, there)| !there) {
        Some((name, _)) => Err(LoadError::MissingCall((*name).to_owned())),
        None => Ok(()),
    }
}
