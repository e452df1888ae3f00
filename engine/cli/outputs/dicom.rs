//! A folder of DICOM objects, up to four per image.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use pleura::ensemble::{Ensemble, Finding, Origin};
use pleura::manifest::FindingCode;
use pleura::{Radiograph, file_name};
use pleura_dicom_out::{Kind, Object, Run, objects};
use pleura_files::atomic::{self, Parts};

/// A folder of DICOM objects named after images: `<id>-seg.dcm`, `<id>-sc.dcm`, `<id>-sr.dcm`, `<id>-pr.dcm`.
pub struct DicomObjects {
    folder: PathBuf,
    parts: Parts,
    code: FindingCode,
    ensemble: String,
    made: (String, String),
}

impl DicomObjects {
    /// The names of its files, for the check that none of them is an input.
    pub const NAMES: [&'static str; 4] = ["*-seg.dcm", "*-sc.dcm", "*-sr.dcm", "*-pr.dcm"];

    /// Creates the folder if it is missing, and removes half-written files of an earlier run with the output `out`.
    ///
    /// # Errors
    /// If the manifest does not say what is found, or the folder cannot be made.
    pub fn create(folder: &Path, out: &Path, ensemble: &Ensemble) -> Result<Self> {
        let manifest = ensemble.manifest();
        let code = manifest.finding.clone().ok_or_else(|| {
            anyhow!(
                "`{}` does not say what its masks mean, which --dicom needs: add to it, before the first table, for \
                 example\nfinding = {{ code = \"36118008\", scheme = \"SCT\", meaning = \"Pneumothorax\" }}",
                ensemble.path().display()
            )
        })?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make folder `{}`", folder.display()))?;
        let parts = Parts::new(out);
        parts.sweep(folder).with_context(|| format!("cannot clear folder `{}`", folder.display()))?;
        let now = chrono::Local::now();
        let made = (now.format("%Y%m%d").to_string(), now.format("%H%M%S").to_string());
        Ok(Self { folder: folder.into(), parts, code, ensemble: manifest.name.clone(), made })
    }

    /// Whether an image's objects were written by an earlier run.
    pub fn holds(&self, id: &str) -> bool {
        self.path(id, Kind::Capture).is_file()
    }

    /// Writes an image's objects. One that is already there is left as it is, and one of another run is removed.
    ///
    /// # Errors
    /// If an object cannot be made or written.
    pub fn write(&self, radiograph: &Radiograph, finding: &Finding, origin: &Origin) -> Result<()> {
        let made = (self.made.0.as_str(), self.made.1.as_str());
        let run = Run { code: &self.code, ensemble: &self.ensemble, origin, made };
        let objects = objects(radiograph, finding, &run)
            .with_context(|| format!("cannot make the DICOM objects of `{}`", finding.id))?;
        for kind in Kind::ALL {
            let path = self.path(&finding.id, kind);
            let failed = || format!("cannot write `{}`", path.display());
            match objects.iter().find(|object| object.kind == kind) {
                Some(object) if is_at(object, &path) => {}
                Some(object) => self.put(&object.bytes, &path).with_context(failed)?,
                None => remove(&path).with_context(failed)?,
            }
        }
        Ok(())
    }

    fn put(&self, bytes: &[u8], path: &Path) -> std::io::Result<()> {
        let mut file = self.parts.beside(path)?;
        file.write_all(bytes)?;
        atomic::place_unsynced(file, path)
    }

    fn path(&self, id: &str, kind: Kind) -> PathBuf {
        self.folder.join(format!("{}-{}.dcm", file_name::of_id(id), kind.name()))
    }
}

/// Whether the object, which has one content for its UID, was written to the path before.
fn is_at(object: &Object, path: &Path) -> bool {
    let Ok(bytes) = fs::read(path) else { return false };
    let uid = object.uid.as_bytes();
    let start = &bytes[..bytes.len().min(1024)];
    bytes.len() == object.bytes.len() && start.windows(uid.len()).any(|part| part == uid)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
