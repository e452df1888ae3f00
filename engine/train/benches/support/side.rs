//! Processes that take training steps on command: a line in, a line out.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::training::{Load, Training};

pub type Answer<T> = Result<T, Box<dyn Error>>;

/// A process that trains one network.
pub struct Side {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Side {
    /// This program, training with pleura.
    pub fn pleura(network: &str, load: Load) -> Answer<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--side", network]).args(numbers(load)).arg(load.recompute.to_string());
        Self::start(command)?.ok_or_else(|| "pleura's side does not start".into())
    }

    /// PyTorch; `None`, with a message, if Python lacks it.
    pub fn torch(network: &str, load: Load, layout: &str) -> Answer<Option<Self>> {
        let python = std::env::var_os("PLEURA_PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = Command::new(&python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peer.py"));
        command.arg(network).args(numbers(load));
        let Some(mut side) = Self::start(command)? else {
            println!("PyTorch skipped: {} does not have it (PLEURA_PYTHON)", python.display());
            return Ok(None);
        };
        side.ask(&format!("layout {layout}"))?;
        Ok(Some(side))
    }

    /// `None` if the process ends before it is ready.
    fn start(mut command: Command) -> Answer<Option<Self>> {
        let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else { return Ok(None) };
        let to = child.stdin.take().ok_or("no standard input")?;
        let from = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut side = Self { child, to, from };
        Ok((side.listen()? == "ready").then_some(side))
    }

    fn listen(&mut self) -> Answer<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    fn ask(&mut self, question: &str) -> Answer<String> {
        writeln!(self.to, "{question}")?;
        self.listen()
    }

    /// Seconds per step, averaged over `count`, and processor seconds.
    pub fn step(&mut self, count: usize) -> Answer<[f64; 2]> {
        let answer = self.ask(&format!("step {count}"))?;
        let (wall, processor) = answer.split_once(' ').ok_or("a step takes two numbers")?;
        Ok([wall.parse()?, processor.parse()?])
    }

    /// The peak memory of the process, in MiB.
    pub fn memory(&mut self) -> Answer<f64> {
        Ok(self.ask("memory")?.parse()?)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // an error means that it has already exited
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn numbers(load: Load) -> [String; 3] {
    [load.batch, load.size, load.threads].map(|number| number.to_string())
}

/// Executes the commands on standard input until its end.
pub fn answer(mut training: Training) -> Answer<()> {
    println!("ready");
    for line in std::io::stdin().lines() {
        match line?.split_once(' ') {
            Some((_, count)) => {
                let [wall, processor] = training.steps(count.parse()?)?;
                println!("{wall} {processor}");
            }
            None => println!("{}", peak()?),
        }
    }
    Ok(())
}

/// The peak memory of this process, in MiB.
fn peak() -> Answer<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("Linux does not tell the peak")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
