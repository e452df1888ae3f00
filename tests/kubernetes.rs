//! The Indexed Job of `ensembles/cluster`, checked against Kubernetes' schema and what `pleura` reads.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Validates strictly, unknown keys included, and prints the documents as JSON.
const READ: &str = "
import json, sys, kubernetes_validate, yaml
documents = list(yaml.safe_load_all(open(sys.argv[1])))
for document in documents:
    kubernetes_validate.validate(document, '1.31', strict=True)
print(json.dumps(documents))
";

/// The documents, validated by the `kubernetes-validate` of `$PLEURA_PYTHON` or `python3`.
fn jobs() -> Vec<Value> {
    let python = std::env::var("PLEURA_PYTHON").unwrap_or_else(|_| "python3".into());
    let import = Command::new(&python).args(["-c", "import kubernetes_validate"]).output();
    let has = import.is_ok_and(|output| output.status.success());
    assert!(has, "{python} lacks packages: -m pip install -r tests/reference/requirements.txt");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles/cluster/kubernetes.yaml");
    let output = Command::new(python).args(["-c", READ]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[cfg_attr(no_kubernetes_validate, ignore = "no kubernetes-validate: set PLEURA_PYTHON")]
fn shards_exit_codes_and_the_merge_fit_together() {
    let jobs = jobs();
    let [predict, merge] = &jobs[..] else { panic!("{} documents", jobs.len()) };
    let container = |job: &Value| job["spec"]["template"]["spec"]["containers"][0].clone();

    let count = predict["spec"]["completions"].as_u64().unwrap();
    assert_eq!(predict["spec"]["completionMode"], "Indexed");
    let variables = container(predict)["env"].clone();
    assert_eq!(variables, json!([{ "name": "JOB_COMPLETIONS", "value": count.to_string() }]));
    let arguments = container(predict)["args"].clone();
    assert!(arguments.as_array().unwrap().contains(&json!("--resume")));
    let shards = (0..count).map(|shard| json!(format!("submission.shard-{shard}-of-{count}.csv")));
    let expected: Vec<Value> = [json!("submission"), json!("merge")].into_iter().chain(shards).collect();
    assert_eq!(container(merge)["args"].as_array().unwrap()[..expected.len()], expected);
    assert_eq!(merge["spec"]["suspend"], true, "the merge waits for the shards");

    for job in &jobs {
        assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never", "as a podFailurePolicy needs");
        let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().unwrap();
        let codes = |action: &str| {
            let rule = rules.iter().find(|rule| rule["action"] == action && !rule["onExitCodes"].is_null()).unwrap();
            assert_eq!(rule["onExitCodes"]["containerName"], container(job)["name"]);
            rule["onExitCodes"]["values"].clone()
        };
        assert_eq!((codes("FailJob"), codes("Ignore")), (json!([2]), json!([75])));
        assert!(job["spec"]["activeDeadlineSeconds"].as_u64().is_some(), "what is ignored must end some day");
    }
}

/// The containers' command, with `exit` in place of `pleura`.
#[cfg(unix)]
#[test]
#[cfg_attr(no_kubernetes_validate, ignore = "no kubernetes-validate: set PLEURA_PYTHON")]
fn skipped_inputs_are_no_failure_of_a_pod() {
    let jobs = jobs();
    for job in &jobs {
        let command = &job["spec"]["template"]["spec"]["containers"][0]["command"];
        let [shell, option, script, _] = &command.as_array().unwrap()[..] else { panic!("{command}") };
        let script = format!("pleura() {{ return \"$1\"; }}; {}", script.as_str().unwrap());
        for (code, expected) in [(0, 0), (1, 0), (2, 2), (75, 75), (137, 137)] {
            let mut run = Command::new(shell.as_str().unwrap());
            run.args([option.as_str().unwrap(), &script, "pleura", &code.to_string()]);
            assert_eq!(run.status().unwrap().code(), Some(expected), "exit code {code}");
        }
    }
}
