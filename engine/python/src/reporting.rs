//! Findings as an HTML page.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pleura::pool::Pool;
use pleura::radiograph::DecodeLimits;
use pleura::report::{Found, Gathered, hash_id, parse_finding, read_findings, worst_first};
use pleura::submission::Submission;
use pleura::{Size, chain};
use pyo3::prelude::*;

use crate::errors::kinds::PleuraError;
use crate::errors::of_submission;

/// The page of findings, which are the path of a file, or lines of one. Returns the page, and a warning for each oddity.
#[pyfunction]
#[pyo3(signature = (findings, lines, *, truth, truth_size, images, title, salt, cases, pictures, maps, made))]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
pub fn _report(
    py: Python<'_>,
    findings: Option<PathBuf>,
    lines: Vec<String>,
    truth: Option<PathBuf>,
    truth_size: (usize, usize),
    images: Vec<PathBuf>,
    title: &str,
    salt: Option<Vec<u8>>,
    cases: usize,
    pictures: usize,
    maps: Option<PathBuf>,
    made: Option<String>,
) -> PyResult<(String, Vec<String>)> {
    let size = Size::from(truth_size);
    py.detach(|| {
        let failed = |error: &dyn std::error::Error| PleuraError::new_err(chain(error));
        let found = match &findings {
            Some(path) => read_findings(path).map_err(|error| failed(&error))?,
            None => lines.iter().map(|line| parsed(line)).collect::<PyResult<_>>()?,
        };
        let mut gathered = Gathered::new(found);
        let mut warnings: Vec<String> = gathered.origins.mixed().into_iter().collect();
        if let Some(path) = &truth {
            let truth = Submission::read(path, size).map_err(|error| of_submission(&error))?;
            let without = gathered.judge(path, &truth, size).map_err(|error| failed(&error))?;
            if without > 0 {
                warnings.push(format!("{without} images are not in `{}`: the metrics leave them out", path.display()));
            }
        } else {
            worst_first(&mut gathered.cases);
        }
        let pool = Pool::shared(0).map_err(|error| failed(&error))?;
        let told = Mutex::new(warnings);
        let warn = |text: String| told.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        gathered.find(&pool, &images, &mut |_, error| warn(format!("skipped: {}", chain(&error))));
        gathered.group(&pool, &|| ());
        gathered.picture(&pool, cases, pictures, DecodeLimits::default(), &|error| {
            error.iter().for_each(|error| warn(format!("no picture: {}", chain(error))));
        });
        if let Some(folder) = &maps {
            gathered.maps(&pool, cases, folder, &|error| warn(format!("no map: {}", chain(&error))));
        }
        if let Some(salt) = &salt {
            gathered.cases.iter_mut().for_each(|case| case.id = hash_id(&case.id, salt));
        }
        let mut report = gathered.into_report(title);
        report.made = made;
        let page = report.html().map_err(|error| failed(&error))?;
        Ok((page, told.into_inner().unwrap_or_else(PoisonError::into_inner)))
    })
}

fn parsed(line: &str) -> PyResult<Found> {
    parse_finding(line).map_err(PleuraError::new_err)
}
