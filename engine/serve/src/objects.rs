//! DICOM objects made of findings.

use std::time::SystemTime;

use pleura::Radiograph;
use pleura::ensemble::{Ensemble, Finding, Origin};
use pleura::manifest::FindingCode;
use pleura_dicom_out::{DicomOutError, Object, Run};

/// Makes the DICOM objects of an ensemble's findings.
pub struct Maker {
    ensemble: String,
    /// The identity of the ensemble's files.
    pub origin: Origin,
    /// What masks mean; without it there are no objects.
    code: Option<FindingCode>,
}

impl Maker {
    /// Reads what the manifest says of its masks, and hashes its files.
    ///
    /// # Errors
    /// If a file of the ensemble cannot be read.
    pub fn new(ensemble: &Ensemble) -> std::io::Result<Self> {
        let manifest = ensemble.manifest();
        Ok(Self { ensemble: manifest.name.clone(), origin: ensemble.origin()?, code: manifest.finding.clone() })
    }

    /// Whether there are any objects: rules that send them are an error where there are none.
    pub fn makes_objects(&self) -> bool {
        self.code.is_some()
    }

    /// The objects of one image.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn objects(&self, radiograph: &Radiograph, finding: &Finding) -> Result<Vec<Object>, DicomOutError> {
        let Some(code) = &self.code else { return Ok(Vec::new()) };
        let now = chrono::DateTime::<chrono::Local>::from(SystemTime::now());
        let (date, time) = (now.format("%Y%m%d").to_string(), now.format("%H%M%S").to_string());
        let run = Run { code, ensemble: &self.ensemble, origin: &self.origin, made: (&date, &time) };
        pleura_dicom_out::objects(radiograph, finding, &run)
    }
}
