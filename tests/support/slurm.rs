//! A real Slurm on this machine: munge, slurmctld and two slurmd, in namespaces that end with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time limit for any step on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running Slurm.
pub struct Cluster {
    /// `unshare`, which kills the namespaces' first process when it ends.
    outside: Child,
    /// The first process of the namespaces.
    inside: String,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts Slurm. Tests that need it are ignored `cfg_attr(no_slurm)`.
    pub fn start() -> Self {
        let programs = ["sbatch", "slurmctld", "slurmd", "munged", "unshare", "nsenter", "ip"];
        let missing = programs.iter().find(|name| !is_on_path(name));
        assert_eq!(missing, None, "not on PATH: apt-get install slurm-wlm munge iproute2");
        super::runtime();
        let folder = tempfile::Builder::new().prefix("slurm-").tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/cluster.sh");
        let mut command = Command::new("unshare");
        command.args(["--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"]);
        let mut outside = command.arg(script).arg(folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(outside.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let children = format!("/proc/{0}/task/{0}/children", outside.id());
        let inside = fs::read_to_string(children).unwrap_or_default().trim().to_owned();
        let cluster = Self { outside, inside, folder };
        assert_eq!(line, "up\n", "Slurm does not start: {}", cluster.logs());
        cluster
    }

    /// A command with access to Slurm's own commands and `pleura`, which runs jobs in `folder`.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.inside, "--net", "--pid", "--uts", "--ipc"]).arg(program).current_dir(folder);
        let binary = Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", binary.display())).env("SLURM_CONF", self.conf());
        command
    }

    /// The output of one of Slurm's commands.
    pub fn ask(&self, command: &[&str]) -> String {
        let output = self.command(command[0], self.folder.path()).args(&command[1..]).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The states of a job's tasks once all have ended, as `COMPLETED` or `FAILED`.
    pub fn ended(&self, job: &str) -> Vec<String> {
        let show = || self.ask(&["scontrol", "--oneliner", "show", "job", job]);
        let ends = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"];
        let mut states = Vec::new();
        wait_until(&format!("job {job} ends"), || {
            let text = show();
            let state =
                |line: &str| line.split(' ').find_map(|word| word.strip_prefix("JobState=")).unwrap().to_owned();
            states = text.lines().map(state).collect();
            states.iter().all(|state| ends.contains(&state.as_str()))
        });
        states
    }

    /// The process of `pleura` that runs a task of an array.
    pub fn process(&self, array: &str, task: &str) -> Option<i32> {
        let wanted = [
            format!("SLURM_CONF={}", self.conf().display()),
            format!("SLURM_ARRAY_JOB_ID={array}"),
            format!("SLURM_ARRAY_TASK_ID={task}"),
        ];
        let binary = Path::new(env!("CARGO_BIN_EXE_pleura")).canonicalize().unwrap();
        fs::read_dir("/proc").unwrap().find_map(|entry| {
            let process = entry.ok()?.path();
            let number = process.file_name()?.to_str()?.parse().ok()?;
            let environment = fs::read(process.join("environ")).ok()?;
            let has = |wanted: &String| environment.split(|&byte| byte == 0).any(|pair| pair == wanted.as_bytes());
            (fs::read_link(process.join("exe")).ok()? == binary && wanted.iter().all(has)).then_some(number)
        })
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    fn logs(&self) -> String {
        let names = ["munged.out", "slurmctld.out", "slurmd-one.out", "slurmd-two.out"];
        names.iter().map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.outside.kill();
        let _ = self.outside.wait();
        // the folder can be removed once nothing writes to it
        let begun = Instant::now();
        while Path::new("/proc").join(&self.inside).exists() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Waits for a condition, checking it often.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_on_path(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}
