//! Checks that a library's file is complete, before the loader maps it.
//!
//! The loader maps what a library's headers declare. If the file was truncated, the first access beyond its end is a
//! SIGBUS, which ends the process without a message.

use std::fs::File;
use std::path::Path;

use object::Endianness;
use object::elf::{ELFCLASS64, ELFMAG, FileHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::read::{ReadCache, ReadRef};

/// Checks that a file is as long as its ELF headers say. Files of other formats pass: their loaders check them.
///
/// # Errors
/// If the file is unreadable or shorter than its headers say: a fragment for people.
pub fn check(library: &Path) -> Result<(), String> {
    let file = File::open(library).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?.len();
    let data = ReadCache::new(file);
    let start = (&data).read_bytes_at(0, 5).unwrap_or_default();
    if !start.starts_with(&ELFMAG) || start.get(4).is_some_and(|&class| class != ELFCLASS64.0) {
        return Ok(());
    }
    match extent(&data) {
        Ok(expected) if expected <= found => Ok(()),
        Ok(expected) => Err(format!("expected {expected} bytes, found {found}: the file is damaged or cut short")),
        Err(error) => Err(format!("{error} in a file of {found} bytes: it is damaged or cut short")),
    }
}

/// The end of an ELF file by its headers: the furthest end of its segments and of its section table.
fn extent<'data>(data: impl ReadRef<'data>) -> object::Result<u64> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?.iter();
    let segments = segments.map(|segment| segment.p_offset(endian).saturating_add(segment.p_filesz(endian)));
    // Linkers write the section table last: without it, something is missing.
    let sections = match header.e_shoff.get(endian) {
        0 => 0,
        start => {
            let bytes = u64::from(header.e_shnum.get(endian)) * u64::from(header.e_shentsize.get(endian));
            start.saturating_add(bytes)
        }
    };
    Ok(segments.max().unwrap_or(0).max(sections))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// This test's own program is an ELF file.
    #[test]
    fn a_library_that_was_cut_anywhere_is_refused_and_a_whole_one_is_not() {
        let whole = std::env::current_exe().unwrap();
        check(&whole).unwrap();
        let bytes = std::fs::metadata(&whole).unwrap().len();
        let folder = tempfile::tempdir().unwrap();
        let cut = folder.path().join("cut.so");
        for length in [bytes - 1, bytes / 2, 4096, 64, 63, 20, 5] {
            let mut part = File::create(&cut).unwrap();
            std::io::copy(&mut std::io::Read::take(File::open(&whole).unwrap(), length), &mut part).unwrap();
            let reason = check(&cut).unwrap_err();
            assert!(reason.contains("damaged or cut short"), "{length}: {reason}");
        }
    }

    #[test]
    fn what_is_no_elf_file_is_for_the_loader_to_refuse() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["", "text", "\x7fEL"] {
            let path = folder.path().join("library.so");
            std::fs::write(&path, content).unwrap();
            assert_eq!(check(&path), Ok(()), "{content:?}");
        }
        assert!(check(&folder.path().join("none.so")).is_err());
    }
}
