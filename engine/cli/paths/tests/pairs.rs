//! Pairs of an output and an input, and of two outputs.

use super::*;

/// All files of a folder, with their contents.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    files.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap_or_default())).collect()
}

/// Runs a verb with the same file for two options, and expects an error that names both, and no changed file.
fn refuses(leaf: &Leaf, (one, path): (&Arg, &Path), (other, other_path): (&Arg, &Path), folder: &Path) {
    let given = [(one.get_id().as_str(), path.to_owned()), (other.get_id().as_str(), other_path.to_owned())];
    let cli = leaf.command(folder, &given.into());
    let before = contents(folder);
    let what = format!("{} {} {} {} {}", leaf.name(), shown(one), path.display(), shown(other), other_path.display());
    let error = cli.verb.run().expect_err(&what);
    let message = format!("{error:#}");
    assert!(message.contains(&shown(one)) && message.contains(&shown(other)), "{what}: {message}");
    assert_eq!(conclude(Err(error)), Exit::Wrong, "{what}");
    assert_eq!(contents(folder), before, "{what}: something was written");
}

/// Other ways to name a file, each in a folder of its own.
fn spellings(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().unwrap();
    let dotted = folder.join(".").join(file.file_name().unwrap());
    let mut all = vec![file.to_owned(), dotted];
    let [hard, soft] = ["hard.png", "soft.png"].map(|name| folder.join(name));
    fs::hard_link(file, &hard).unwrap();
    all.push(hard);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(file, &soft).unwrap();
        all.push(soft);
    }
    all
}

#[test]
fn no_output_may_be_an_input() {
    let pairs: usize = leaves().iter().map(|leaf| refuses_inputs(leaf) + refuses_one_file(leaf)).sum();
    assert!(pairs > 40, "{pairs} pairs: the options are not found any more");
}

/// The input options of a verb, and its output options with the file that each writes.
fn sides(leaf: &Leaf) -> (Vec<&Arg>, Vec<(&Arg, PathBuf)>) {
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for arg in leaf.paths() {
        let (reads, written) = match (leaf.name().as_str(), arg.get_id().as_str()) {
            ("train", "out") => (false, Some("metrics.jsonl".into())),
            _ => leaf.role(arg),
        };
        if reads {
            inputs.push(arg);
        } else {
            outputs.push((arg, written.unwrap()));
        }
    }
    (inputs, outputs)
}

/// Expects every output that is an input to be refused, however it is named; returns the number of pairs.
fn refuses_inputs(leaf: &Leaf) -> usize {
    let (inputs, outputs) = sides(leaf);
    let mut pairs = 0;
    for (output, written) in &outputs {
        for input in &inputs {
            let folder = tempfile::tempdir().unwrap();
            let is_folder = !written.as_os_str().is_empty();
            let file = if is_folder { folder.path().join("out").join(written) } else { folder.path().join("it.png") };
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, RECIPE).unwrap();
            if is_folder {
                // without a recipe the outputs of `train` are unknown
                if leaf.name() == "train" && input.get_id() != "recipe" {
                    continue;
                }
                refuses(leaf, (input, &file), (output, &folder.path().join("out")), folder.path());
            } else {
                for other in spellings(&file) {
                    refuses(leaf, (input, &file), (output, &other), folder.path());
                    refuses(leaf, (input, &other), (output, &file), folder.path());
                }
            }
            pairs += 1;
        }
    }
    pairs
}

/// Expects two outputs that are the same file to be refused; returns the number of pairs.
fn refuses_one_file(leaf: &Leaf) -> usize {
    let (_, outputs) = sides(leaf);
    let files: Vec<_> = outputs.iter().filter(|(_, written)| written.as_os_str().is_empty()).collect();
    let mut pairs = 0;
    for (place, (output, _)) in files.iter().enumerate() {
        for (other, _) in &files[..place] {
            let folder = tempfile::tempdir().unwrap();
            let (plain, dotted) = (folder.path().join("new.html"), folder.path().join("./new.html"));
            refuses(leaf, (other, &plain), (output, &dotted), folder.path());
            pairs += 1;
        }
    }
    pairs
}
