//! Files with random combinations of oddities, from tests/reference/oddities: `pleura data convert images` must give
//! the same pictures as pydicom gives for the same images in plain files.
//!
//! `PLEURA_DICOM_FILES` sets their number (400 by default), `PLEURA_DICOM_SEED` the first seed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support;
use pleura::Size;

/// Number of files per seed: faults show early.
const AT_ONCE: usize = 2000;

/// Half a level of the PNG's 16 bits, and the error of single precision.
const ROUNDING: f32 = 0.51 / 65535.0 + 2e-6;

/// The correct pictures of one image.
struct Answer {
    size: Size,
    /// For `stored`, then for `window`: the lowest and the highest correct intensities.
    bounds: [[Vec<f32>; 2]; 2],
}

impl Answer {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let words: Vec<[u8; 4]> = bytes.chunks_exact(4).map(|word| word.try_into().unwrap()).collect();
        let (size, words) = words.split_at(2);
        let side = |at: usize| u32::from_le_bytes(size[at]) as usize;
        let pixels = side(0) * side(1);
        assert_eq!(words.len(), 4 * pixels, "{}", path.display());
        let picture = |at: usize| words[at * pixels..][..pixels].iter().map(|&word| f32::from_le_bytes(word)).collect();
        Self { size: Size::new(side(0), side(1)), bounds: [[picture(0), picture(1)], [picture(2), picture(3)]] }
    }

    /// The error in a picture of 16 bits, if there is one.
    fn fault(&self, kind: usize, picture: &Path) -> Option<String> {
        let image = image::open(picture).unwrap().into_luma16();
        let size = Size::new(image.height() as usize, image.width() as usize);
        if size != self.size {
            return Some(format!("{size} pixels, not {}", self.size));
        }
        let [low, high] = &self.bounds[kind];
        let values = image.as_raw().iter().map(|&value| f32::from(value) / 65535.0);
        let off = |((value, low), high): ((f32, &f32), &f32)| (low - value).max(value - high);
        let worst = values.zip(low).zip(high).map(off).fold(0.0, f32::max);
        (worst > ROUNDING).then(|| format!("off by {worst}"))
    }
}

/// Makes and converts files; returns the errors, one line per file.
fn faults(python: &str, seed: usize, count: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/oddities"))
        .arg(folder.path())
        .args([seed.to_string(), count.to_string()])
        .status();
    assert!(made.unwrap().success(), "seed {seed}");
    let convert = |kind: &str| {
        let mut command = support::pleura();
        command.args(["data", "convert", "images", "--bits", "16", "--intensity", kind, "--out"]);
        let output = command.arg(at(kind)).arg(at("dicom")).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let kinds = ["stored", "window"];
    let said = kinds.map(convert);
    let cases = std::fs::read_to_string(at("cases.tsv")).unwrap();
    assert_eq!(cases.lines().count(), count);
    let mut faults = Vec::new();
    for case in cases.lines() {
        let [id, name, odd] = case.split('\t').collect::<Vec<_>>()[..] else { panic!("{case}") };
        let answer = Answer::read(&at("answers").join(format!("{id}.f32")));
        for (kind, said) in said.iter().enumerate() {
            let picture = at(kinds[kind]).join(format!("{id}.png"));
            let fault = match picture.exists() {
                true => answer.fault(kind, &picture),
                false => Some(said.lines().find(|line| line.contains(name)).unwrap_or("no picture").to_owned()),
            };
            faults.extend(fault.map(|fault| format!("{id} ({name}), {}: {fault}: {odd}", kinds[kind])));
        }
    }
    faults
}

fn variable(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text}")))
}

#[test]
#[cfg_attr(no_pydicom, ignore = "no pydicom: set PLEURA_PYTHON")]
fn files_of_every_combination_are_read_as_pydicom_reads_sound_ones() {
    let packages = "import imagecodecs, jpeg_ls, libjpeg, numpy, openjpeg, pydicom, rle";
    let python = super::python(packages);
    let (count, first) = (variable("PLEURA_DICOM_FILES", 400), variable("PLEURA_DICOM_SEED", 1));
    let mut all = BTreeMap::new();
    for (number, start) in (0..count).step_by(AT_ONCE).enumerate() {
        let seed = first + number;
        all.insert(seed, faults(&python, seed, AT_ONCE.min(count - start)));
    }
    let faults: Vec<String> = all.into_values().flatten().collect();
    let shown = faults.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} of {count} files are wrong:\n{shown}", faults.len());
}
