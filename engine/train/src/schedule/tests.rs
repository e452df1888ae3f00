use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

/// A result of `tests/reference/schedules.py`.
#[derive(Deserialize)]
struct Case {
    name: String,
    phase: Phase,
    losses: Vec<f64>,
    steps: u32,
    rates: Vec<f64>,
}

fn phase(with: &serde_json::Value) -> Phase {
    let mut phase = json!({ "epochs": 10, "size": [64, 64], "batch": 2, "lr": 1e-3 });
    phase.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    serde_json::from_value(phase).unwrap()
}

#[test]
fn rates_are_those_of_pytorch() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/reference/schedules.json")).unwrap();
    assert!(cases.len() > 10);
    let mut wrong = Vec::new();
    for Case { name, phase, losses, steps, rates } in cases {
        let mut rate = Rate::new(&phase, steps);
        assert_eq!(rates.len() as u32, phase.epochs * steps, "{name}");
        for epoch in 0..phase.epochs {
            for step in 0..steps {
                let (found, expected) = (f64::from(rate.at(epoch, step)), rates[(epoch * steps + step) as usize]);
                // PyTorch steps from rate to rate, while this is the closed form; the result is rounded to single
                // precision.
                if (found - expected).abs() > 1e-7 * expected + 1e-15 {
                    wrong.push(format!("{name}, epoch {epoch} step {step}: {found:e} is not {expected:e}"));
                }
            }
            losses.get(epoch as usize).into_iter().for_each(|&loss| rate.observe(loss));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_warm_up_may_start_from_nothing() {
    let rate = Rate::new(&phase(&json!({ "warmup": { "steps": 2 } })), 5);
    assert_eq!([rate.at(0, 0), rate.at(0, 1), rate.at(0, 2), rate.at(9, 4)], [0.0, 0.5e-3, 1e-3, 1e-3]);
}

#[test]
fn a_loss_that_is_no_number_is_no_better() {
    let mut plateau = Plateau::new(&phase(&json!({ "schedule": { "kind": "plateau", "factor": 0.5 } }))).unwrap();
    let start = plateau.lr();
    for (loss, expected) in [(f64::NAN, 0.5), (1.0, 0.5), (f64::NAN, 0.25), (0.5, 0.25), (f64::INFINITY, 0.125)] {
        plateau.observe(loss);
        assert_eq!(plateau.lr(), start * expected, "after {loss}");
    }
}

#[test]
fn patience_ends() {
    let cases: [(u32, &[f64], bool); 7] = [
        (1, &[1.0], false),
        (1, &[1.0, 1.0], true),
        (1, &[1.0, 0.999_999_9], false),
        (2, &[1.0, 1.1], false),
        (2, &[1.0, 1.1, 1.05], true),
        (2, &[1.0, 1.1, 0.9, 1.0], false),
        (1, &[f64::NAN], true),
    ];
    for (epochs, losses, over) in cases {
        let mut patience = Patience::new(&phase(&json!({ "patience": epochs }))).unwrap();
        losses.iter().for_each(|&loss| patience.observe(loss));
        assert_eq!(patience.is_over(), over, "patience {epochs}, losses {losses:?}");
    }
    assert_eq!(Patience::new(&phase(&json!({}))), None);
}

#[test]
fn a_rate_without_plateaus_has_none_to_resume() {
    let kept = Plateau::new(&phase(&json!({ "schedule": { "kind": "plateau" } })));
    let mut rate = Rate::new(&phase(&json!({})), 1);
    rate.resume(kept);
    assert_eq!(rate.plateau(), None);
}

proptest! {
    /// Interrupted after any epoch, written, and read again, the rates are bit for bit the same.
    #[test]
    fn resuming_changes_nothing(losses in prop::collection::vec(0.0..2.0_f64, 1..30), cut in any::<prop::sample::Index>()) {
        let phase = phase(&json!({ "patience": 4, "schedule": { "kind": "plateau", "factor": 0.3, "patience": 1 } }));
        let (mut whole, mut patience) = (Rate::new(&phase, 3), Patience::new(&phase).unwrap());
        let (mut parts, mut resumed) = (whole.clone(), patience);
        let cut = cut.index(losses.len());
        for (epoch, &loss) in losses.iter().enumerate() {
            if epoch == cut {
                let text = serde_json::to_string(&(parts.plateau(), resumed)).unwrap();
                let (plateau, read): (Option<Plateau>, Patience) = serde_json::from_str(&text).unwrap();
                parts = Rate::new(&phase, 3);
                parts.resume(plateau);
                resumed = read;
            }
            [&mut whole, &mut parts].into_iter().for_each(|rate| rate.observe(loss));
            [&mut patience, &mut resumed].into_iter().for_each(|patience| patience.observe(loss));
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(patience, resumed);
        }
    }

    #[test]
    fn rates_stay_between_the_lowest_and_the_phase_s(epoch in 0..1000_u32, period in 1..30_u32, factor in 1..4_u32) {
        for schedule in [
            json!({ "kind": "cosine", "period": period, "min": 1e-5 }),
            json!({ "kind": "sgdr", "period": period, "factor": factor, "min": 1e-5 }),
        ] {
            let found = Rate::new(&phase(&json!({ "schedule": schedule })), 1).at(epoch, 0);
            prop_assert!((1e-5..=1e-3).contains(&found), "{}", found);
        }
    }
}
