//! What the plain program has, and what only a feature brings: dependencies, URLs, Parquet. Lists as CSV are plain.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use pleura::Size;
use support::case::{Case, POST};
use support::toy::{noise, png};

/// Crates that speak TLS, and HTTP to servers.
const REMOTE: [&str; 6] = ["object_store", "pleura-remote", "reqwest", "ring", "rustls", "h2"];
/// Crates that listen: only `pleura serve` needs them.
const SERVE: [&str; 6] = ["dicom-ul", "hyper", "pleura-serve", "rusqlite", "tokio", "ureq"];
/// TLS that no feature may bring.
const NEVER: [&str; 4] = ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl-sys"];

/// The names of the program's dependencies on this system, without those of builds and tests.
fn dependencies(features: &str) -> BTreeSet<String> {
    let words = ["tree", "--package", "pleura-cli", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let mut cargo = Command::new(env!("CARGO"));
    // offline: crates of other systems and features may not be there
    cargo.args(words).args(["--no-default-features", "--features", features, "--offline", "--locked"]);
    let tree = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[test]
fn the_plain_program_speaks_no_tls_and_the_feature_one_kind() {
    let (least, plain, remote) = (dependencies(""), dependencies("serve"), dependencies("remote"));
    let tls = dependencies("tls");
    for name in ["rustls", "ring", "tokio-rustls", "dicom-ul"] {
        assert!(tls.contains(name), "the feature `tls` does not bring {name}");
    }
    assert!(!plain.contains("tokio-rustls") && !tls.contains("reqwest"));
    assert!(least.contains("pleura") && least.len() > 100, "{least:?}");
    for name in REMOTE {
        assert!(!plain.contains(name), "the plain program depends on {name}");
        assert!(remote.contains(name), "the feature does not bring {name}");
    }
    for name in SERVE {
        assert!(!least.contains(name), "without `serve`, the program depends on {name}");
        assert!(plain.contains(name), "the feature `serve` does not bring {name}");
    }
    assert!(!plain.contains("parquet"), "the plain program depends on parquet");
    for name in NEVER {
        assert!(!remote.contains(name) && !tls.contains(name), "the feature brings {name}");
    }
}

struct Bench(Case);

impl Bench {
    fn new() -> Self {
        let (case, _) = Case::two_stages(POST);
        let bench = Self(case);
        fs::create_dir_all(bench.0.folder.path().join("lists/images")).unwrap();
        for index in 0..6 {
            let pixels = noise(index, Size::new(8, 8)).mapv(|v| v / 2 + 20 * index as u8);
            png(&bench.0.folder.path().join("lists/images"), &format!("image{index}"), &pixels);
        }
        bench
    }

    fn predict(&self, out: &str, more: &[&str]) -> Output {
        let words = ["predict", "ensemble.toml", "--device", "cpu", "--out", out];
        support::pleura().args(words).args(more).current_dir(self.0.folder.path()).output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.folder.path().join(name)).unwrap()
    }

    fn refused(&self, more: &[&str]) -> String {
        let run = self.predict("refused.csv", more);
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{said}");
        assert!(!self.0.folder.path().join("refused.csv").exists());
        said
    }
}

#[test]
fn a_list_with_columns_is_a_folder_in_another_order() {
    let bench = Bench::new();
    assert!(bench.predict("folder.csv", &["lists/images"]).status.success());
    // relative to the list's folder
    let rows: String = (0..6).rev().map(|index| format!("{index},images/image{index}.png,image{index}\n")).collect();
    fs::write(bench.0.folder.path().join("lists/list.csv"), format!("age,path,id\n{rows}")).unwrap();
    let list = ["--list", "lists/list.csv", "--path-column", "path"];
    let run = bench.predict("list.csv", &list);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(bench.read("list.csv"), bench.read("folder.csv"));
    let with_ids = [&list[..], &["--id-column", "id", "--shard"]].concat();
    for shard in ["0/2", "1/2"] {
        assert!(bench.predict("part.csv", &[&with_ids[..], &[shard]].concat()).status.success());
    }
    let merged = support::pleura()
        .args(["submission", "merge", "part.shard-0-of-2.csv", "part.shard-1-of-2.csv", "--out", "merged.csv"])
        .current_dir(bench.0.folder.path())
        .output()
        .unwrap();
    assert!(merged.status.success(), "{}", String::from_utf8_lossy(&merged.stderr));
    assert_eq!(bench.read("merged.csv"), bench.read("folder.csv"));
    // an id that the list has wrong
    fs::write(
        bench.0.folder.path().join("lists/wrong.csv"),
        "path,id\nimages/image0.png,image0\nimages/image1.png,x\n",
    )
    .unwrap();
    let wrong = ["--list", "lists/wrong.csv", "--path-column", "path", "--id-column", "id"];
    let run = bench.predict("wrong.csv", &wrong);
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("its id is `image1`, but it is listed as `x`"), "{said}");
    assert_eq!(bench.read("wrong.csv").lines().count(), 2);
}

#[test]
fn a_list_that_cannot_be_used_says_why() {
    let bench = Bench::new();
    fs::write(bench.0.folder.path().join("l.csv"), "file,age\nlists/images/image0.png,7\nnone.png,8\n").unwrap();
    let said = bench.refused(&["--list", "l.csv", "--path-column", "path"]);
    assert!(said.contains("`l.csv`: expected a column `path`, found `file`, `age`"), "{said}");
    let said = bench.refused(&["--list", "l.csv", "--path-column", "file"]);
    assert!(said.contains("no file or folder") && said.contains("none.png"), "{said}");
    let said = bench.refused(&["--list", "l.csv"]);
    assert!(said.contains("--path-column"), "{said}");
    let said = bench.refused(&[]);
    assert!(said.contains("--list") || said.contains("INPUTS"), "{said}");
}

#[test]
#[cfg(not(any(feature = "remote", feature = "parquet")))]
fn the_plain_program_names_the_feature_that_it_lacks() {
    let bench = Bench::new();
    for url in ["s3://bucket/folder/", "https://host.example/a.dcm", "dicomweb+https://host.example/dicom-web"] {
        let said = bench.refused(&[url]);
        assert!(said.contains(url) && said.contains("without inputs by URL"), "{said}");
        assert!(said.contains("--features remote"), "{said}");
    }
    fs::write(bench.0.folder.path().join("l.csv"), "path\ns3://bucket/a.png\n").unwrap();
    assert!(bench.refused(&["--list", "l.csv", "--path-column", "path"]).contains("without inputs by URL"));
    fs::write(bench.0.folder.path().join("l.parquet"), "PAR1").unwrap();
    let said = bench.refused(&["--list", "l.parquet", "--path-column", "path"]);
    assert!(said.contains("without Parquet"), "{said}");
    let said = bench.refused(&["lists/images", "--findings", "f.parquet"]);
    assert!(said.contains("without Parquet"), "{said}");
}

#[test]
fn other_verbs_read_files_only() {
    let bench = Bench::new();
    let run = support::pleura()
        .args(["bench", "ensemble.toml", "s3://bucket/folder/", "--device", "cpu"])
        .current_dir(bench.0.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("only `pleura predict` reads URLs"), "{said}");
}
