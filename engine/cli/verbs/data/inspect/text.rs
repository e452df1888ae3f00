//! The summary as text.

use std::collections::BTreeMap;
use std::io::Write;

use pleura::report::wilson;

use super::super::percent;
use super::summary::{Areas, Group, ImagesSummary, Summary, TruthSummary, UNKNOWN};
use crate::term;

/// Number of values that are printed per tag.
const NAMED: usize = 8;

pub fn print(summary: &Summary) -> std::io::Result<()> {
    let mut out = term::Results;
    if let Some(truth) = &summary.truth {
        print_truth(&mut out, truth)?;
    }
    if let Some(images) = &summary.images {
        print_images(&mut out, images, summary.truth.is_some())?;
    }
    Ok(())
}

fn print_truth(out: &mut impl Write, truth: &TruthSummary) -> std::io::Result<()> {
    let TruthSummary { rows, ids, positive, negative, masks, ids_with_several_masks, most_masks_of_an_id, .. } = truth;
    let share = share(*positive, *ids);
    writeln!(out, "truth: {rows} rows, {ids} ids: {positive} positive ({share}), {negative} negative")?;
    writeln!(out, "masks: {masks}; {ids_with_several_masks} ids have several, up to {most_masks_of_an_id}")?;
    if truth.contradictory_ids > 0 {
        writeln!(out, "odd: {} ids have a mask in one row and -1 in another", truth.contradictory_ids)?;
    }
    if let Some(area) = &truth.area {
        let Areas { mean, median, least, most, mean_share } = area;
        let size = truth.mask_size;
        writeln!(
            out,
            "area of positives: mean {mean:.0} px ({:.2} % of {size}), median {median:.0}, {least} to {most}",
            100.0 * mean_share
        )?;
    }
    Ok(())
}

fn print_images(out: &mut impl Write, images: &ImagesSummary, truth: bool) -> std::io::Result<()> {
    let ImagesSummary { read, skipped, with_truth, positive, patients, .. } = images;
    write!(out, "images: {read} read, {skipped} skipped")?;
    if *patients > 0 {
        write!(out, ", of {patients} patients")?;
    }
    if truth {
        let share = share(*positive, *with_truth);
        write!(out, "; {with_truth} have a row in the truth: {positive} positive ({share})")?;
    }
    writeln!(out)?;
    if images.odd_ages > 0 {
        writeln!(out, "odd: {} ages are missing or implausible; they count as unknown", images.odd_ages)?;
    }
    // PNG and JPEG files have hardly any tag
    let told = |values: &BTreeMap<String, usize>| values.keys().any(|value| value != UNKNOWN);
    for (tag, values) in images.tags.iter().filter(|(_, values)| told(values)) {
        let mut values: Vec<_> = values.iter().collect();
        values.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let named: Vec<_> =
            values.iter().take(NAMED).map(|(value, count)| format!("{} ({count})", term::inline(value))).collect();
        let more = values.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        writeln!(out, "{tag}: {}{more}", named.join(", "))?;
    }
    for (name, groups) in [("sex", &images.sex), ("age", &images.age), ("view", &images.view)] {
        if groups.iter().any(|group| group.group != UNKNOWN) {
            table(out, name, groups, truth)?;
        }
    }
    Ok(())
}

fn table(out: &mut impl Write, name: &str, groups: &[Group], truth: bool) -> std::io::Result<()> {
    // values in files may contain any character
    let names: Vec<_> = groups.iter().map(|group| term::inline(&group.group)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(11);
    write!(out, "\n{name:<width$}  {:>7}", "images")?;
    if truth {
        write!(
            out,
            "  {:>8}  {:>7}  {:>15}  {:>9}  {:>9}  {:>8}",
            "positive", "share", "95 % interval", "mean area", "median", "of image"
        )?;
    }
    writeln!(out)?;
    for (name, group) in names.iter().zip(groups) {
        write!(out, "{name:<width$}  {:>7}", group.images)?;
        if truth {
            let (share, interval) =
                (percent(group.positive, group.with_truth), interval(group.positive, group.with_truth));
            let areas = group.area.as_ref().map_or(["-".into(), "-".into(), "-".into()], |area| {
                [
                    format!("{:.0}", area.mean),
                    format!("{:.0}", area.median),
                    format!("{:.2} %", 100.0 * area.mean_share),
                ]
            });
            let [mean, median, of_image] = areas;
            write!(out, "  {:>8}  {share:>7}  {interval:>15}  {mean:>9}  {median:>9}  {of_image:>8}", group.positive)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A share with its interval.
fn share(part: usize, whole: usize) -> String {
    match whole {
        0 => percent(part, whole),
        _ => format!("{}, 95 % interval {}", percent(part, whole), interval(part, whole)),
    }
}

/// Wilson's 95 % interval of a share.
fn interval(part: usize, whole: usize) -> String {
    let (low, high) = wilson(part, whole);
    if whole == 0 { "-".into() } else { format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high) }
}
