//! Whether a run was finished earlier.

use pleura_files::digest;

use super::targets::Targets;
use crate::exit::Exit;
use crate::receipt::{Identity, Inputs, Kind, Receipt, differences_text};

/// The exit of the run that left these outputs; or the reason that there is no equal run.
pub fn how(targets: &Targets, now: &Identity, inputs: &Inputs) -> Result<Exit, String> {
    let out = targets.out.display();
    if !targets.out.exists() {
        return Err(format!("`{out}` does not exist"));
    }
    let then = Receipt::read(&targets.out).map_err(|error| format!("{error:#}"))?;
    let differences = Identity::from(&then).differences(now);
    if !differences.is_empty() {
        return Err(format!("`{out}` belongs to a different run, {}", differences_text(&differences, "then", "now")));
    }
    if (then.inputs.files, &then.inputs.listing) != (inputs.files, &inputs.listing) {
        return Err(format!("the images differ from those of `{out}`"));
    }
    let mut wanted = vec![(Kind::Submission, &targets.out)];
    wanted.extend(targets.findings.as_ref().map(|path| (Kind::Findings, path)));
    wanted.extend(targets.report.as_ref().map(|path| (Kind::Report, path)));
    for (kind, path) in wanted {
        let same = then.output(kind).filter(|output| digest::file(path).is_ok_and(|sum| sum == output.sha256));
        same.ok_or_else(|| format!("`{}` has changed since the finished run", path.display()))?;
    }
    Ok(if then.exit == 0 { Exit::Good } else { Exit::Skipped })
}
