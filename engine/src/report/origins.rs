//! The runs of findings, and whether they match the manifest of the report.

use std::path::Path;

use super::findings::Found;
use crate::ensemble::Origin;

/// The runs that findings name.
#[derive(Debug)]
pub struct Origins {
    /// The runs without repetition, in the order of the findings.
    runs: Vec<Origin>,
    /// Number of findings without a run: of older versions, or of other programs.
    unknown: usize,
    all: usize,
}

impl Origins {
    /// The runs of findings.
    pub fn new<'a>(found: impl IntoIterator<Item = &'a Found>) -> Self {
        let mut origins = Self { runs: Vec::new(), unknown: 0, all: 0 };
        for Found { origin, .. } in found {
            origins.all += 1;
            match origin {
                Some(origin) if !origins.runs.contains(origin) => origins.runs.push(origin.clone()),
                Some(_) => {}
                None => origins.unknown += 1,
            }
        }
        origins
    }

    /// The runs, in a sentence.
    #[must_use]
    pub fn named(&self) -> String {
        match (&self.runs[..], self.unknown) {
            ([], _) => "The manifest and models behind these findings are unknown: the findings hold no hashes.".into(),
            ([run], 0) => {
                let Origin { manifest, models, .. } = run;
                let folds = if run.folds.is_some() { ", out of fold" } else { "" };
                format!("Findings of one run{folds}: manifest sha256 {manifest}…, models {models}….")
            }
            (runs, 0) => format!("Findings of {} different runs.", runs.len()),
            (runs, unknown) => {
                format!("Findings of {} known runs, and {unknown} findings of unknown runs.", runs.len())
            }
        }
    }

    /// A warning if findings are of several runs, which have no common numbers.
    #[must_use]
    pub fn mixed(&self) -> Option<String> {
        let kinds = self.runs.len() + usize::from(self.unknown > 0);
        if kinds < 2 {
            return None;
        }
        let unknown = match self.unknown {
            0 => String::new(),
            unknown => format!(", and {unknown} of {} findings do not name their run", self.all),
        };
        let known = match &self.runs[..] {
            [first, second, ..] => {
                let differing = second.differences(first);
                let differing = differing.iter().filter_map(|it| Some(it.split_once(" (")?.0));
                format!(": they differ in {}", differing.collect::<Vec<_>>().join(", "))
            }
            _ => String::new(),
        };
        Some(format!(
            "These findings come from {kinds} different runs{known}{unknown}. Metrics over all of them do not describe \
             one ensemble."
        ))
    }

    /// A warning if the findings are not of the current manifest, or this is unknown.
    #[must_use]
    pub fn differ(&self, manifest: &Path, here: &Origin) -> Option<String> {
        let manifest = manifest.file_name().unwrap_or_default().to_string_lossy();
        if self.runs.is_empty() {
            return Some(format!(
                "Whether the findings were made with `{manifest}` is unknown: they hold no hashes. Run `pleura predict \
                 --findings` again to be sure."
            ));
        }
        let run = self.runs.iter().find(|run| *run != here)?;
        Some(format!(
            "The findings were not made with `{manifest}` as it is now; they differ in {}. What is measured with it \
             belongs to a different run than the cases and their metrics.",
            run.differences(here).join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(manifests: &[Option<&str>]) -> Origins {
        let origin = |name: &str| Origin { manifest: name.into(), models: "m".into(), plugins: None, folds: None };
        let runs: Vec<Option<Origin>> = manifests.iter().map(|name| name.map(origin)).collect();
        let mut origins = Origins::new([]);
        origins.all = runs.len();
        origins.unknown = runs.iter().filter(|run| run.is_none()).count();
        origins.runs = runs.into_iter().flatten().collect();
        origins.runs.dedup();
        origins
    }

    #[test]
    fn one_run_is_named_and_several_are_an_alarm() {
        let (one, two, old, mixed) = (
            origins(&[Some("a"), Some("a")]),
            origins(&[Some("a"), Some("b")]),
            origins(&[None]),
            origins(&[Some("a"), None]),
        );
        assert!(one.named().contains("manifest sha256 a…") && one.mixed().is_none());
        assert!(two.mixed().unwrap().contains("from 2 different runs: they differ in manifest"), "{:?}", two.mixed());
        assert!(old.named().contains("unknown") && old.mixed().is_none());
        assert!(mixed.mixed().unwrap().contains("1 of 2 findings do not name their run"), "{:?}", mixed.mixed());
        let here = &one.runs[0];
        let manifest = Path::new("x/t.toml");
        assert_eq!(one.differ(manifest, here), None);
        assert!(
            two.differ(manifest, here)
                .unwrap()
                .contains("not made with `t.toml` as it is now; they differ in manifest")
        );
        assert!(old.differ(manifest, here).unwrap().contains("unknown"));
    }
}
