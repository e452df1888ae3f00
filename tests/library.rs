//! The library as other programs call it: meaningless input is an error.

mod support;

use std::path::PathBuf;

use ndarray::{Array2, array};
use pleura::ensemble::{Ensemble, EnsembleError};
use pleura::manifest::Manifest;
use pleura::runtime::{self, Device};
use pleura::submission::{Runs, Submission};
use pleura::{Mask, Radiograph, Size};
use support::case::{Case, POST, chain, member, ramp};
use support::toy::Toy;

fn case() -> Case {
    Case::new(&[("a", Toy::default())], &format!("{POST}\n{}", member("segmenter", "a", "")))
}

#[test]
fn a_runtime_that_is_named_is_the_one_or_an_error() {
    let case = case();
    let open = |path: PathBuf| {
        let options = Ensemble::options().device(Device::Cpu).threads(1).onnxruntime(path);
        options.open(&case.manifest).map(drop).map_err(|error| chain(&error))
    };
    let loaded = runtime::load(None).unwrap().path.clone();
    open(loaded.clone()).unwrap();
    let missing = open("/nowhere/libonnxruntime.so".into()).unwrap_err();
    assert!(missing.contains("no ONNX Runtime at `/nowhere/libonnxruntime.so`"), "{missing}");
    let other = case.folder.path().join("libonnxruntime.so");
    std::fs::write(&other, "another").unwrap();
    let another = open(other.clone()).unwrap_err();
    assert!(another.contains(&*other.to_string_lossy()) && another.contains("already"), "{another}");
    #[cfg(unix)]
    {
        let link = case.folder.path().join("link.so");
        std::os::unix::fs::symlink(&loaded, &link).unwrap();
        open(link).unwrap();
    }
}

#[test]
fn values_are_predicted_as_their_file_is_and_never_where_they_are_none() {
    let case = case();
    let ensemble = case.open(None);
    let values = ramp().mapv(f32::from);
    let radiograph = Radiograph::from_values("image", values.clone(), (0.0, 255.0)).unwrap();
    assert_eq!(ensemble.predict(&radiograph).unwrap(), case.predict(&ramp()));
    let mut broken = values;
    broken[(2, 3)] = f32::NAN;
    let message = Radiograph::from_values("image", broken, (0.0, 255.0)).unwrap_err().to_string();
    assert!(message.contains("`image`") && message.contains("NaN in row 2, column 3"), "{message}");
}

#[test]
fn a_manifest_made_in_memory_opens_by_the_rules_of_a_file() {
    let case = case();
    let options = || Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true);
    let text = std::fs::read_to_string(&case.manifest).unwrap();
    let nowhere = case.folder.path().join("in-memory.toml");
    let mut manifest = Manifest::parse(&text, &nowhere).unwrap();
    manifest.name = "in memory".into();
    let ensemble = options().open_manifest(manifest.clone(), &nowhere).unwrap();
    assert_eq!(ensemble.predict(&case.image(&ramp())).unwrap(), case.predict(&ramp()));
    assert!(format!("{ensemble:?}").contains("in-memory.toml"), "{ensemble:?}");

    manifest.segmenter.members[0].weight = -1.0;
    let error = chain(&options().open_manifest(manifest, &nowhere).unwrap_err());
    assert!(error.contains("in-memory.toml") && error.contains("segmenter.members[0].weight"), "{error}");
}

#[test]
fn a_model_that_is_missing_or_changed_is_an_error_of_its_own() {
    let case = case();
    let model = case.folder.path().join("a.onnx");
    let open = || Ensemble::options().device(Device::Cpu).open(&case.manifest).unwrap_err();
    let text = std::fs::read_to_string(&case.manifest).unwrap();
    let declared = "0".repeat(64);
    std::fs::write(&case.manifest, text.replace("input =", &format!("sha256 = \"{declared}\"\ninput ="))).unwrap();
    match open() {
        EnsembleError::ModelChanged { path, declared: found, field, .. } => {
            assert_eq!((path, found, field.as_str()), (model.clone(), declared, "segmenter.members[0].sha256"));
        }
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(&model).unwrap();
    assert!(matches!(open(), EnsembleError::ModelMissing { path, .. } if path == model));
}

#[test]
fn plugins_are_found_in_folders_of_the_callers() {
    let steps =
        r#"[{ plugin = "threshold", params = { above = 0.5 } }, { plugin = "clear-border", params = { pixels = 1 } }]"#;
    let toml = format!("postprocess = {steps}\n{}", member("segmenter", "a", ""));
    let case = Case::new(&[("a", Toy::default())], &toml);
    let folder = case.folder.path().join("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    let library = std::path::Path::new(env!("CARGO_BIN_EXE_pleura")).with_file_name("deps").join("libclear_border.so");
    std::fs::copy(library, folder.join("libclear_border.so")).unwrap();
    let ensemble = Ensemble::options().device(Device::Cpu).plugin_folders([&folder]).open(&case.manifest).unwrap();
    let origins: Vec<_> = ensemble.plugins().iter().map(|plugin| plugin.origin().to_string()).collect();
    assert_eq!(origins, ["built-in".to_owned(), folder.join("libclear_border.so").display().to_string()]);
}

#[test]
fn what_a_submission_takes_it_gives_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.csv");
    let mask = Mask::from(array![[true, false, true], [false, false, true]]);
    let ids = ["1.2.840.113619", "a,b", "say \"a\"", "a b", "-1", "ImageId", "é"];
    let mut submission = Submission::new(Size::new(2, 3));
    for id in ids {
        submission.insert(id, &mask).unwrap();
    }
    submission.write(&path).unwrap();
    assert_eq!(Submission::read(&path, Size::new(2, 3)).unwrap(), submission);

    for id in ["", " ", " a", "a\t", "a\nb", "a\rb", "a\u{1b}[2J"] {
        let message = submission.insert(id, &mask).unwrap_err().to_string();
        assert!(message.contains("id"), "{id:?}: {message}");
    }
    let beyond = Runs::from(&Mask::from(Array2::from_elem((3, 3), true)));
    let message = submission.insert_runs("x", Size::new(2, 3), beyond).unwrap_err().to_string();
    assert!(message.contains("`x` end at pixel 9, past 2×3"), "{message}");
    assert_eq!(submission.len(), ids.len());
}

#[test]
fn masks_of_no_common_size_are_not_scored() {
    let mut any = Submission::any_size();
    any.insert("a", &Mask::empty(Size::new(2, 2))).unwrap();
    any.insert("b", &Mask::empty(Size::new(3, 5))).unwrap();
    assert!(any.score(&any).unwrap_err().to_string().contains("without a common size"));
}

/// One of the cases beside the checkout.
#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn five_pixels_shrink_to_two_by_area() {
    let models = support::cases("models");
    let image =
        Radiograph::open(models.join("area-five.png")).unwrap().intensities(pleura::manifest::Intensity::Stored);
    let found =
        pleura::ensemble::resize(image.view(), Size::new(2, 2), pleura::manifest::Resize::Area).mapv(|v| v * 255.0);
    for (found, expected) in found.iter().zip([102.24, 87.84, 90.72, 116.64]) {
        assert!((found - expected).abs() < 1e-3, "{found}, not {expected}");
    }
}

/// Radiographs that differ in size and content.
fn radiographs(count: u32) -> Vec<Radiograph> {
    let values = |seed: u32| {
        let size = (8 + seed as usize % 5, 9 + seed as usize % 3);
        Array2::from_shape_fn(size, |(row, column)| ((row * 31 + column * 7 + seed as usize * 13) % 256) as f32)
    };
    let radiograph = |seed| Radiograph::from_values(format!("image{seed}"), values(seed), (0.0, 255.0)).unwrap();
    (0..count).map(radiograph).collect()
}

#[test]
fn a_stream_of_radiographs_gives_each_its_own_finding_in_their_order() {
    let ensemble = case().open(None);
    let expected: Vec<_> = radiographs(40).iter().map(|radiograph| ensemble.predict(radiograph).unwrap()).collect();
    let mut found = Vec::new();
    // of unknown length
    let stream = radiographs(40).into_iter().filter(|_| true);
    let ended = ensemble.predict_stream(stream, |id, finding, radiograph| {
        assert_eq!((id, radiograph.unwrap().id()), (finding.as_ref().unwrap().id.as_str(), id));
        found.push(finding.unwrap());
        Ok::<_, ()>(())
    });
    assert_eq!((ended, found), (Ok(()), expected));
    assert_eq!(ensemble.predict_stream([], |_, _, _| Err(())), Ok(()));
}

#[test]
fn a_stream_without_an_end_is_ended_by_its_taker() {
    let ensemble = case().open(None);
    let endless = radiographs(7).into_iter().cycle();
    let mut taken = 0;
    let ended = ensemble.predict_stream(endless, |_, finding, _| {
        finding.unwrap();
        taken += 1;
        if taken == 25 { Err("enough") } else { Ok(()) }
    });
    assert_eq!((ended, taken), (Err("enough"), 25));
}

#[test]
fn a_stream_that_panics_is_its_callers_panic_and_what_came_before_is_handed_over() {
    let ensemble = case().open(None);
    let mut made = radiographs(12).into_iter();
    let stream = std::iter::from_fn(move || Some(made.next().expect("the archive is gone")));
    let mut taken = 0;
    let run = std::panic::AssertUnwindSafe(|| {
        ensemble.predict_stream(stream, |_, finding, _| {
            taken += usize::from(finding.is_ok());
            Ok::<_, ()>(())
        })
    });
    assert!(std::panic::catch_unwind(run).is_err());
    assert!((1..=12).contains(&taken), "{taken}");
    // and the ensemble still works
    assert!(ensemble.predict(&radiographs(1)[0]).is_ok());
}

#[test]
fn a_stream_stays_within_the_memory_it_is_given() {
    let case = case();
    let open = |memory| Ensemble::options().device(Device::Cpu).threads(1).memory(memory).open(&case.manifest).unwrap();
    let large = Radiograph::from_values("large", Array2::zeros((2000, 2000)), (0.0, 1.0)).unwrap();
    let stream = || radiographs(3).into_iter().chain([large.clone()]).chain(radiographs(3));
    let count = |memory| {
        let (mut good, mut refused) = (0, Vec::new());
        let ended = open(memory).predict_stream(stream(), |id, finding, _| {
            match finding {
                Ok(_) => good += 1,
                Err(error) => refused.push(format!("{id}: {}", chain(&error))),
            }
            Ok::<_, ()>(())
        });
        ended.unwrap();
        (good, refused)
    };
    assert_eq!(count(1 << 30), (7, vec![]));
    let (good, refused) = count(20 << 20);
    assert_eq!((good, refused.len()), (6, 1), "{refused:?}");
    assert!(refused[0].starts_with("large: `large`: needs ") && refused[0].contains("`--memory`"), "{refused:?}");
}

#[test]
fn threads_share_an_ensemble_and_get_the_findings_of_one() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let ensemble = case().open(None);
    is_shared(&ensemble);
    let images = radiographs(6);
    let expected: Vec<_> = images.iter().map(|radiograph| ensemble.predict(radiograph).unwrap()).collect();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (ensemble, images, expected) = (&ensemble, &images, &expected);
            scope.spawn(move || match thread % 3 {
                0 => {
                    let found = images.iter().map(|radiograph| ensemble.predict(radiograph).unwrap());
                    assert_eq!(&found.collect::<Vec<_>>(), expected);
                }
                1 => {
                    let found = ensemble.predict_batch(images).into_iter().map(Result::unwrap);
                    assert_eq!(&found.collect::<Vec<_>>(), expected);
                }
                _ => {
                    let mut found = Vec::new();
                    let ended = ensemble.predict_stream(images.iter().cloned(), |_, finding, _| {
                        finding.map(|finding| found.push(finding))
                    });
                    ended.unwrap();
                    assert_eq!(&found, expected);
                }
            });
        }
    });
}
