//! Checks a wheel and extracts its libraries.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use zip::ZipArchive;

use super::pins::Wheel;

/// Checks a wheel's SHA-256.
pub fn verify(file: &Path, wheel: &Wheel) -> anyhow::Result<()> {
    let found = pleura_files::digest::file(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    if found != wheel.sha256 {
        bail!("{} {} was not installed: found sha256 {found}, expected {}", wheel.package, wheel.version, wheel.sha256);
    }
    Ok(())
}

/// Writes a wheel's libraries into `folder`, without their paths.
pub fn libraries(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let opened = || format!("cannot unpack `{}`", file.display());
    let source = BufReader::new(File::open(file).with_context(opened)?);
    let mut archive = ZipArchive::new(source).with_context(opened)?;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).with_context(opened)?;
        // Only the file name: no entry can escape from the folder.
        let Some(name) = entry.name().rsplit('/').next().filter(|name| is_wanted(name)).map(str::to_owned) else {
            continue;
        };
        let path = folder.join(name);
        let wrote = || format!("cannot write `{}`", path.display());
        let mut target = File::create(&path).with_context(wrote)?;
        io::copy(&mut entry, &mut target).with_context(wrote)?;
        // a full disk may only be reported on sync
        target.sync_all().with_context(wrote)?;
    }
    Ok(())
}

/// Whether it is a library, but not Python's own module or the second copy of nvrtc, which nothing loads by name.
fn is_wanted(name: &str) -> bool {
    let is_library = name.starts_with("lib") && (name.contains(".so") || name.ends_with(".dylib"));
    is_library && !name.contains(".alt.so")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn wheel_of(entries: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut archive = zip::ZipWriter::new(file.reopen().unwrap());
        for name in entries {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(name.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        file
    }

    #[test]
    fn libraries_alone_are_taken_and_none_climbs_out() {
        let wheel = wheel_of(&[
            "onnxruntime/capi/libonnxruntime.so.1.24.4",
            "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so",
            "onnxruntime/__init__.py",
            "nvidia/lib/libnvrtc.alt.so.13",
            "../../libclimbs.so",
        ]);
        let folder = tempfile::tempdir().unwrap();
        libraries(wheel.path(), folder.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["libclimbs.so", "libonnxruntime.so.1.24.4"]);
    }

    #[test]
    fn a_changed_wheel_is_refused_with_both_digests() {
        let file = wheel_of(&["libonnxruntime.so"]);
        let wheel = Wheel { package: "onnxruntime", version: "1", sha256: "0000" };
        let error = verify(file.path(), &wheel).unwrap_err().to_string();
        assert!(error.contains("onnxruntime 1 was not installed") && error.contains("expected 0000"), "{error}");
    }
}
