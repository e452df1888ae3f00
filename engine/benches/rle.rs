//! Encoding and decoding run lengths at 1024²: a lesion, nothing, everything, and noise, the worst case.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use pleura::Mask;
use pleura::submission::{SIIM_SIZE, rle};

fn masks() -> [(&'static str, Mask); 4] {
    let mask = |marked: fn((usize, usize)) -> bool| Mask::from(Array2::from_shape_fn(SIIM_SIZE, marked));
    let crescent = |(row, column): (usize, usize)| {
        let distance = |centre: usize| row.abs_diff(400).pow(2) + column.abs_diff(centre).pow(2);
        distance(300) < 200_usize.pow(2) && distance(330) > 200_usize.pow(2)
    };
    let noise = |(row, column): (usize, usize)| (row * 1024 + column).wrapping_mul(0x9E37_79B9) >> 13 & 1 == 1;
    [("lesion", mask(crescent)), ("empty", mask(|_| false)), ("full", mask(|_| true)), ("noise", mask(noise))]
}

fn bench(criterion: &mut Criterion) {
    for (name, mask) in masks() {
        let text = rle::encode(&mask);
        let mut group = criterion.benchmark_group("rle");
        group.bench_function(format!("encode/{name}"), |bencher| bencher.iter(|| rle::encode(black_box(&mask))));
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter(|| rle::decode(black_box(&text), SIIM_SIZE).map(|mask| mask.size()));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
