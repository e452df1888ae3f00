//! Loads a plugin's library and checks its table.

use std::mem::offset_of;
use std::path::Path;

use pleura_plugin::abi::{self, Str, Table};

use super::{About, LoadError, PluginError, Role};
use crate::digest;

/// The longest name or version that is believed, in bytes; a longer one is a pointer gone astray.
const MAX_TEXT: usize = 256;

/// The table of a loaded library; the library stays for as long as the process.
pub(super) struct Loaded {
    pub table: Table,
    pub about: About,
}

/// Loads the library at `path`, with its symbols visible to others where `global_symbols`.
///
/// Checks in order: file, symbol, null table, ABI, table size, texts, one role, the calls of that role.
pub(super) fn load(path: &Path, global_symbols: bool) -> Result<Loaded, LoadError> {
    if !path.is_file() {
        return Err(LoadError::Missing);
    }
    let table = read_table(entry(path, global_symbols)?)?;
    let role = role(&table)?;
    require_calls(&table, role)?;
    let about = About {
        name: text(table.name, "name")?,
        version: text(table.version, "version")?,
        role,
        uses_score: table.capabilities & abi::USES_SCORE != 0,
        abi: (table.abi_major, table.abi_minor),
    };
    Ok(Loaded { table, about })
}

/// Makes sure that a library is the one declared, before it is loaded: loading runs its code.
///
/// Gives the file's SHA-256 where one is declared, in lowercase hexadecimal.
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
    // A bare file name would be looked up in the system's folders instead.
    let path = std::path::absolute(path).map_err(|e| LoadError::Open(e.to_string()))?;
    // SAFETY: loading runs the library's initialisers, which is what a plugin is chosen for; nothing can vouch for
    // foreign code, and `isolation = "process"` is there for those who do not trust it.
    let library = unsafe { open(&path, global_symbols) }.map_err(|e| {
        // The loader's own words name the library or symbol that is missing.
        LoadError::Open(std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
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
    // SAFETY: the caller vouches for the library's initialisers.
    unsafe { Library::open(Some(path), RTLD_NOW | visibility) }.map(Into::into)
}

#[cfg(not(unix))]
unsafe fn open(path: &Path, _global_symbols: bool) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: the caller vouches for the library's initialisers.
    unsafe { libloading::Library::new(path) }
}

/// Copies the table, once its first fields say that it is one of this ABI.
fn read_table(entry: Entry) -> Result<Table, LoadError> {
    // SAFETY: the header declares the function without arguments and without preconditions.
    let table = unsafe { entry() };
    if table.is_null() || !table.is_aligned() {
        return Err(LoadError::NullTable);
    }
    // SAFETY: every table of every ABI begins with struct_size, abi_major and abi_minor, and lives as long as the
    // library, which is never unloaded. Nothing else is read before those agree.
    let (struct_size, major) = unsafe { ((*table).struct_size, (*table).abi_major) };
    if major != abi::ABI_MAJOR {
        return Err(LoadError::Abi { major });
    }
    if (struct_size as usize) < FIRST_SIZE {
        return Err(LoadError::TableSize { found: struct_size, least: FIRST_SIZE });
    }
    // SAFETY: a table of this major number is at least as long as the one that this engine knows (above), and newer
    // fields come after it.
    Ok(unsafe { table.read() })
}

/// The size of the table of ABI 1.0. Once fields follow, a shorter table is to be filled up with nulls.
const FIRST_SIZE: usize = size_of::<Table>();
const _: () = assert!(abi::ABI_MINOR == 0, "copy struct_size bytes of the table, not all of them");
const _: () = assert!(offset_of!(Table, struct_size) == 0 && offset_of!(Table, abi_major) == 4);

fn text(text: Str, what: &str) -> Result<String, LoadError> {
    if text.data.is_null() || text.len == 0 || text.len > MAX_TEXT {
        return Err(LoadError::Text(what.to_owned()));
    }
    // SAFETY: the table's texts live as long as the library, which is never unloaded; the length is sane.
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
