use super::*;

/// A loss that is flat, falls around 1e-3, and diverges beyond 1e-1.
fn losses(range: LrRange) -> Vec<(f32, f64)> {
    let loss = |lr: f32| {
        let falls = 1.0 / (1.0 + (f64::from(lr) / 1e-3).powf(1.5));
        0.2 + falls + (f64::from(lr) / 0.1).powi(4)
    };
    let mut seen = Vec::new();
    for step in 0..range.steps() {
        let lr = range.at(step);
        seen.push((lr, loss(lr)));
        if curve::diverges(&seen) {
            break;
        }
    }
    seen
}

#[test]
fn rates_rise_by_the_same_factor() {
    let range: LrRange = "1e-6:1e-2:41".parse().unwrap();
    let rates: Vec<f32> = (0..41).map(|step| range.at(step)).collect();
    assert!((rates[0] / 1e-6 - 1.0).abs() < 1e-5 && (rates[40] / 1e-2 - 1.0).abs() < 1e-5);
    assert!(rates.windows(2).all(|two| (two[1] / two[0] - 10_f32.powf(0.1)).abs() < 1e-4));
    for (text, fault) in [
        ("1", "expected FROM:TO or FROM:TO:STEPS"),
        ("a:1", "found `a:1`"),
        ("1e-3:1e-4", "expected rates that rise from above 0, found 0.001 to 0.0001"),
        ("0:1", "rise from above 0"),
        ("1e-6:inf", "rise from above 0"),
        ("1e-6:1:3", "expected 20 to 10000 steps, found 3"),
    ] {
        let message = text.parse::<LrRange>().unwrap_err();
        assert!(message.contains(fault), "{text}: {message}");
    }
}

#[test]
fn the_steepest_fall_is_suggested_and_divergence_ends_the_test() {
    let range = LrRange::default();
    let losses = losses(range);
    assert!(losses.len() < range.steps() as usize, "it diverges");
    let curve = LrCurve::new(losses);
    assert!(curve.diverged);
    let (steepest, lowest) = (curve.steepest.unwrap(), curve.lowest.unwrap());
    assert!((3e-4..3e-3).contains(&steepest), "{steepest}");
    assert!(steepest < lowest && lowest < 0.5, "{lowest}");
    let svg = picture::svg("a <b>", &curve);
    assert!(svg.contains("a &lt;b&gt;") && svg.contains(&format!("steepest: {steepest:.1e}")));
}

#[test]
fn a_loss_that_never_falls_suggests_nothing() {
    let curve = LrCurve::new((0..50).map(|step| (LrRange::default().at(step), 1.0 + f64::from(step))).collect());
    assert_eq!(curve.steepest, None);
    let curve = LrCurve::new(vec![(1e-3, f64::NAN)]);
    assert!(curve.diverged && curve.lowest.is_none());
    assert!(picture::svg("a", &curve).contains("no loss was finite"));
}
