//! ROC and precision-recall curves, each with the run's operating point.

use super::plot::{Frame, Plot};

/// A square from 0 to 1, with room for axis labels.
const FRAME: Frame = Frame { across: (48.0, 308.0), upwards: (272.0, 12.0), x: (0.0, 1.0), y: (0.0, 1.0) };

/// A ROC curve of (false positive rate, true positive rate), with the run's own (specificity, sensitivity).
pub(crate) fn roc(points: &[(f64, f64)], run: (f64, f64), auc: f64) -> String {
    let (specificity, sensitivity) = run;
    let told = format!("the run: sensitivity {sensitivity:.3}, specificity {specificity:.3}");
    let mut plot = Plot::new(320.0, 312.0, &format!("ROC curve, area {auc:.3}; {told}"));
    plot.shares(&FRAME, "1 − specificity", "sensitivity");
    plot.line("diagonal", at((0.0, 0.0)), at((1.0, 1.0)));
    let under = points.iter().copied().chain([(1.0, 0.0)]);
    plot.curve("under", under.map(at));
    plot.curve("curve", points.iter().copied().map(at));
    plot.dot("operating", at((1.0 - specificity, sensitivity)), 5.5, &told);
    plot.text("number end", (FRAME.across.1 - 10.0, FRAME.upwards.0 - 12.0), &format!("AUC {auc:.3}"));
    plot.finish()
}

/// A precision-recall curve of (recall, precision), as steps; with the run's own (recall, precision), which is
/// undefined if it marked nothing; and the share of images whose true mask is not empty.
pub(crate) fn precision_recall(points: &[(f64, f64)], run: Option<(f64, f64)>, ap: f64, share: f64) -> String {
    let told = run.map_or("the run marked no image".into(), |(recall, precision)| {
        format!("the run: recall {recall:.3}, precision {precision:.3}")
    });
    let mut plot = Plot::new(320.0, 312.0, &format!("Precision-recall curve, average precision {ap:.3}; {told}"));
    plot.shares(&FRAME, "recall", "precision");
    plot.line("diagonal", at((0.0, share)), at((1.0, share)));
    let steps = steps(points);
    plot.curve("under", [(0.0, 0.0)].into_iter().chain(steps.iter().copied()).chain([(1.0, 0.0)]).map(at));
    plot.curve("curve", steps.iter().copied().map(at));
    if let Some(run) = run {
        plot.dot("operating", at(run), 5.5, &told);
    }
    plot.text("number", (FRAME.across.0 + 10.0, FRAME.upwards.0 - 12.0), &format!("AP {ap:.3}"));
    plot.finish()
}

/// Between two recalls, precision is that of the higher one: a straight line would be wrong. Thresholds without a gain
/// of recall are left out, as each is worse than the one before.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps = Vec::new();
    let mut before = 0.0;
    for &(recall, precision) in points.iter().filter(|point| point.0 > 0.0) {
        if recall > before {
            steps.extend([(before, precision), (recall, precision)]);
            before = recall;
        }
    }
    steps
}

fn at((x, y): (f64, f64)) -> (f64, f64) {
    (FRAME.x(x), FRAME.y(y))
}
