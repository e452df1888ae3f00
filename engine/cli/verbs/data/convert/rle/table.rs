//! Run lengths from one convention to another.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};
use pleura::submission::rle::ANY_SIZE;
use pleura::submission::{Convention, Runs, Submission};

use super::{Args, Converted, with_class};

/// The class name for all classes together.
pub const ALL: &str = "all";

/// Reads the CSV, with the classes that the other convention supports.
pub fn convert(args: &Args, from: Convention) -> Result<Converted> {
    let [path] = &*args.inputs else { bail!("--from: expected one CSV of run lengths, found {}", args.inputs.len()) };
    let size = args.size.or(from.size());
    let read = Submission::read_as(path, from, size)?;
    let read = match (from.has_classes(), args.convention.has_classes()) {
        (true, true) => of_class(&read, from, args.class.as_deref(), path)?.unwrap_or(read),
        (true, false) => match of_class(&read, from, args.class.as_deref(), path)? {
            Some(chosen) => chosen,
            None => bail!(
                "{} has no classes, and `{}` has {}: choose one with `--class`, or join them with `--class {ALL}`",
                args.convention.title(),
                path.display(),
                classes(&read, from)
            ),
        },
        (false, true) if args.class.is_none() => {
            bail!(
                "{} has no classes, and {} has: give the class of these masks with `--class`",
                from.title(),
                args.convention.title()
            )
        }
        (false, _) => read,
    };
    let mut submission = Submission::any_size();
    for (id, runs) in read.iter() {
        let classless = !from.has_classes() || args.class.is_some();
        let id = if classless { with_class(args, id.to_owned()) } else { id.to_owned() };
        submission.insert_runs(id, size.unwrap_or(ANY_SIZE), Runs::clone(runs))?;
    }
    Ok(Converted { submission, sizes: size.into_iter().collect(), skipped: 0 })
}

/// The masks of a class, by the images' own ids; `None` without a class.
///
/// # Errors
/// If no row has that class.
pub fn of_class(
    read: &Submission,
    convention: Convention,
    class: Option<&str>,
    path: &Path,
) -> Result<Option<Submission>> {
    let Some(class) = class else { return Ok(None) };
    let there = read.ids().any(|id| convention.split(id).is_some_and(|(_, it)| it == class));
    if class != ALL && !there {
        bail!("--class {class}: `{}` has {}", path.display(), classes(read, convention));
    }
    Ok(Some(read.of_class(convention, Some(class).filter(|class| *class != ALL))?))
}

fn classes(read: &Submission, convention: Convention) -> String {
    let classes: BTreeSet<_> = read.ids().filter_map(|id| Some(convention.split(id)?.1)).collect();
    let named: Vec<_> = classes.iter().take(10).map(|class| format!("`{class}`")).collect();
    match classes.len() {
        0 => "no class".into(),
        1 => format!("the class {}", named.join("")),
        _ => format!("the classes {}", named.join(", ")),
    }
}
