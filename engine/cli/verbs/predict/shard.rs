//! The shard of a run: given by the user, or by the array or job that it is a task of.

use anyhow::{Context, Result, bail, ensure};
use pleura::Shard;

use crate::term;

/// The shard to run. If the environment determines it, that is reported.
///
/// # Errors
/// If the environment names a part ambiguously.
pub fn chosen(asked: Option<Shard>) -> Result<Shard> {
    let (shard, whose) = find(asked)?;
    if let Some(whose) = whose {
        term::note(format_args!("shard {shard}, from {whose}; use `--shard 0/1` for all images"));
    }
    Ok(shard)
}

/// The shard to run, and the scheduler that determined it, if one did.
///
/// # Errors
/// As [`chosen`].
pub fn find(asked: Option<Shard>) -> Result<(Shard, Option<&'static str>)> {
    if let Some(shard) = asked {
        return Ok((shard, None));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let found = match slurm(&variable)? {
        Some(shard) => Some((shard, "the Slurm array")),
        None => kubernetes(&variable)?.map(|shard| (shard, "the indexed job")),
    };
    Ok(found.map_or((Shard::ALL, None), |(shard, whose)| (shard, Some(whose))))
}

type Variable<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A Slurm array of N tasks, numbered from 0 or from 1, without gaps.
fn slurm(variable: &Variable<'_>) -> Result<Option<Shard>> {
    if variable("SLURM_ARRAY_TASK_ID").is_none() {
        return Ok(None);
    }
    let [id, count, first, last] =
        ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"]
            .map(|name| number(variable, name));
    let (id, count, first, last) = (id?, count?, first?, last?);
    // for part of an array, or one with gaps, the total number of tasks is unknown
    let whole = (0..=1).contains(&first) && last.checked_sub(first).and_then(|n| n.checked_add(1)) == Some(count);
    ensure!(
        whole && (first..=last).contains(&id),
        "expected a Slurm array of tasks 0 to N-1 without gaps, found {count} tasks from {first} to {last} (this is \
         {id}): give the shard with `--shard I/N`"
    );
    Ok(Shard::new(id - first, count))
}

/// An Indexed Job. Kubernetes sets only the index, so the job's manifest sets the number of tasks.
fn kubernetes(variable: &Variable<'_>) -> Result<Option<Shard>> {
    if variable("JOB_COMPLETION_INDEX").is_none() {
        return Ok(None);
    }
    let index = number(variable, "JOB_COMPLETION_INDEX")?;
    let count = number(variable, "JOB_COMPLETIONS")?;
    let shard = Shard::new(index, count);
    if shard.is_none() {
        bail!(
            "expected JOB_COMPLETION_INDEX below JOB_COMPLETIONS, found {index} of {count}: give the shard with \
             `--shard I/N`"
        );
    }
    Ok(shard)
}

fn number(variable: &Variable<'_>, name: &str) -> Result<u32> {
    let text =
        variable(name).with_context(|| format!("{name} is not set: set it, or give the shard with `--shard I/N`"))?;
    text.trim().parse().ok().with_context(|| {
        format!(
            "{name}: expected a whole number, found `{text}`: give the shard \
                                                      with `--shard I/N`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slurm_of(values: [&str; 4]) -> Result<Option<Shard>, String> {
        let variable = |name: &str| {
            let place = ["ID", "COUNT", "MIN", "MAX"].iter().position(|end| name.ends_with(end))?;
            Some(values[place].to_owned()).filter(|value| !value.is_empty())
        };
        slurm(&variable).map_err(|error| error.to_string())
    }

    #[test]
    fn arrays_from_zero_and_from_one() {
        assert_eq!(slurm_of(["", "", "", ""]), Ok(None));
        assert_eq!(slurm_of(["2", "4", "0", "3"]), Ok(Shard::new(2, 4)));
        assert_eq!(slurm_of(["4", "4", "1", "4"]), Ok(Shard::new(3, 4)));
        assert_eq!(slurm_of(["1", "1", "1", "1"]), Ok(Some(Shard::ALL)));
    }

    #[test]
    fn parts_of_arrays_and_gaps_are_refused() {
        for values in [
            ["2", "1", "2", "2"], // one task, submitted again
            ["2", "2", "0", "2"], // 0,2
            ["4", "4", "0", "6"], // 0-6:2
            ["5", "4", "0", "3"],
            ["0", "4", "1", "4"],
            ["2", "4", "", ""],
            ["2", "", "0", "3"],
            ["x", "4", "0", "3"],
            ["0", "1", "0", "4294967295"],
        ] {
            let message = slurm_of(values).unwrap_err();
            assert!(message.contains("--shard"), "{values:?}: {message}");
        }
    }
}
