//! Made-up numbers, the same as those of `nets.py`.

use super::super::net::Weight;

/// `count` numbers in [0, 1): SplitMix64 from the name's FNV-1a.
pub fn numbers(name: &str, count: usize) -> impl Iterator<Item = f64> + use<> {
    let start =
        name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |it, byte| (it ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (1..=count as u64).map(move |index| {
        let z = start.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    })
}

/// A weight's numbers.
pub fn weight(weight: &Weight, gain: f64) -> Vec<f32> {
    let (low, high) = range(weight, gain);
    let count = weight.shape.iter().product::<i64>() as usize;
    numbers(&weight.name, count).map(|u| (low + (high - low) * u) as f32).collect()
}

/// The range of a weight's numbers.
fn range(weight: &Weight, gain: f64) -> (f64, f64) {
    match weight.name.rsplit('.').next() {
        Some("running_var") => (0.5, 1.5),
        Some("bias" | "running_mean") => (-0.2, 0.2),
        Some("scale") => (0.0, -0.01),
        _ if weight.shape.len() == 1 => (0.75, 1.25),
        _ => {
            let bound = (gain / weight.shape[1..].iter().product::<i64>() as f64).sqrt();
            (-bound, bound)
        }
    }
}
