//! Where to cut the forward pass so that the backward pass needs little memory.

use super::live::Span;

/// Segments are tried at this many sizes.
const LADDER: usize = 24;

/// The ratio from one size to the next.
const FALL: f64 = 0.8;

/// What a byte of the largest segment counts against a kept byte: there, gradients come on top.
const SEGMENT: u64 = 2;

/// The first node of each segment but the first, in order.
///
/// A segment's memory is that of the values that the backward pass reads there and that no cut keeps. For each limit on
/// it, dynamic programming finds the cuts that keep the fewest bytes; the best over a ladder of limits counts.
pub fn cuts(spans: &[Span]) -> Vec<usize> {
    let all: u64 = spans.iter().filter(|span| span.is_read_back).map(|span| span.bytes).sum();
    let limits = (0..LADDER).map(|step| (all as f64 * FALL.powi(step as i32)) as u64);
    let plans = limits.filter_map(|limit| plan(spans, limit));
    plans.min_by_key(Plan::cost).map(|plan| plan.cuts).unwrap_or_default()
}

struct Plan {
    cuts: Vec<usize>,
    kept: u64,
    /// The memory of the largest segment.
    largest: u64,
}

impl Plan {
    fn cost(&self) -> u64 {
        self.kept + SEGMENT * self.largest
    }
}

/// The best way to get to a cut.
#[derive(Clone, Copy)]
struct Way {
    kept: u64,
    largest: u64,
    before: usize,
}

/// The cuts that keep the fewest bytes with no segment above `limit`; `None` if some value alone is above it.
fn plan(spans: &[Span], limit: u64) -> Option<Plan> {
    let end = spans.iter().map(|span| span.to + 1).max()?;
    let mut made: Vec<Vec<&Span>> = vec![vec![]; end];
    for span in spans {
        made[span.from].push(span);
    }
    let mut ways: Vec<Option<Way>> = vec![None; end + 1];
    ways[0] = Some(Way { kept: 0, largest: 0, before: 0 });
    for cut in 1..=end {
        let (mut kept, mut segment) = (0, 0);
        for before in (0..cut).rev() {
            for span in &made[before] {
                if span.crosses(cut) {
                    kept += span.bytes;
                } else if span.is_read_back {
                    segment += span.bytes;
                }
            }
            if segment > limit {
                break;
            }
            let Some(way) = ways[before] else { continue };
            let found = Way { kept: way.kept + kept, largest: way.largest.max(segment), before };
            let best = ways[cut].map_or(u64::MAX, |best| best.kept);
            if found.kept < best {
                ways[cut] = Some(found);
            }
        }
    }
    let Way { kept, largest, mut before } = ways[end]?;
    let mut cuts = Vec::new();
    while before > 0 {
        cuts.push(before);
        before = ways[before]?.before;
    }
    cuts.reverse();
    Some(Plan { cuts, kept, largest })
}
