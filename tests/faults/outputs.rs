//! Outputs that cannot be written: reported before the work is done, and nothing is left behind.

use std::fs;
use std::path::Path;

use crate::itself;
use crate::support;
use crate::support::toy::{noise, png};
use pleura::Size;

#[test]
fn an_output_that_cannot_be_written_is_told_before_any_work() {
    let case = itself();
    let folder = case.folder.path();
    let image = png(folder, "image", &noise(1, Size::new(8, 8)));
    fs::create_dir(folder.join("full")).unwrap();
    fs::write(folder.join("full/of.txt"), "").unwrap();
    // Root may write anywhere, except below a file, over a folder, and where there is no disk.
    let below = folder.join("image.png/submission.csv");
    let nowhere = folder.join("none/submission.csv");
    let outs = [below.as_path(), &nowhere, &folder.join("full"), Path::new("/proc/submission.csv")];
    for out in outs {
        for option in ["--out", "--findings"] {
            let good = folder.join("good.csv");
            let mut command = support::pleura();
            command.args(["predict", "--device", "cpu"]).arg(&case.manifest).arg(&image).arg(option).arg(out);
            if option != "--out" {
                command.arg("--out").arg(&good);
            }
            let output = command.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(2 | 75)), "{option} {}: {stderr}", out.display());
            let error = stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            assert!(error.contains(&out.display().to_string()), "{option} {}: {stderr}", out.display());
            assert!(!stderr.contains("images: 1"), "it was told after the work: {stderr}");
            assert!(!good.exists() && folder.join("full/of.txt").exists(), "{option} {}", out.display());
        }
    }
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "nothing is left behind: {left:?}");
}
