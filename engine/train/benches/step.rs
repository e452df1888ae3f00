//! A training step (forward pass, loss, backward pass, Adam) against PyTorch's, with the same network, batch and number
//! of threads: milliseconds per step, and the peak memory of the process.
//!
//! Run with `PLEURA_PYTHON=…/python cargo bench -p pleura-train --bench step`, where Python has `torch` and
//! `segmentation_models_pytorch` (default: `python3`); without these packages, only pleura's times are printed. `… --
//! resnet34 1 1024 2 recompute` runs the networks whose names contain the first word, with the second as the number of
//! threads, on batches of 2 images of 1024², with pleura's backward pass recomputing values; each may be left out from the
//! end, and `recompute` anywhere.
//!
//! Each side is a process of its own that reads commands line by line (`peer.py`, and this program with `--side`). Each
//! round has both take the same number of steps, one after the other, so that the ratio of their times holds on a noisy
//! machine; the median of the rounds' ratios is printed, and that of the processor time, which other programs disturb
//! less. PyTorch runs in its default layout and in channels-last; the better of the two counts.

#[path = "support/side.rs"]
mod side;
#[path = "support/training.rs"]
mod training;

use side::{Answer, Side};
use training::{Load, Training};

/// The networks: the name on both sides, and the architecture.
const NETWORKS: [(&str, &str); 4] = [
    ("unet-resnet34", r#"{"kind": "unet", "encoder": "resnet34"}"#),
    ("unet-se-resnext50", r#"{"kind": "unet", "encoder": "se-resnext50"}"#),
    ("unet-efficientnet-b0", r#"{"kind": "unet", "encoder": "efficientnet-b0"}"#),
    ("deeplab-v3-resnet50", r#"{"kind": "deeplab-v3", "encoder": "resnet50"}"#),
];

/// Height and width of the images, and their number per batch, unless the command line says otherwise.
const SIZE: usize = 256;
const BATCH: usize = 4;

const THREADS: [usize; 2] = [1, 2];

const ROUNDS: usize = 7;

/// Steps per round on each side.
const STEPS: usize = 1;

fn main() -> Answer<()> {
    // cargo passes `--bench`
    let mut words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [first, name, batch, size, threads, recompute] = words.as_slice()
        && first == "--side"
    {
        let (_, architecture) = NETWORKS.iter().find(|(it, _)| it == name).ok_or("no such network")?;
        let (batch, size, threads) = (batch.parse()?, size.parse()?, threads.parse()?);
        let load = Load { batch, size, threads, recompute: recompute.parse()? };
        return side::answer(Training::new(architecture, load)?);
    }
    let recompute = words.last().is_some_and(|word| word == "recompute");
    words.truncate(words.len() - usize::from(recompute));
    let name = words.first().map_or("", String::as_str);
    let number = |at: usize| words.get(at).map(|word| word.parse::<usize>()).transpose();
    let (only, size, batch) = (number(1)?, number(2)?.unwrap_or(SIZE), number(3)?.unwrap_or(BATCH));
    for threads in THREADS.into_iter().filter(|it| only.is_none_or(|wanted| wanted == *it)) {
        for (network, _) in NETWORKS.iter().filter(|(network, _)| network.contains(name)) {
            compare(network, Load { batch, size, threads, recompute })?;
        }
    }
    Ok(())
}

fn compare(network: &str, load: Load) -> Answer<()> {
    let mut ours = Side::pleura(network, load)?;
    let mut torches = Vec::new();
    for layout in ["contiguous", "channels-last"] {
        if let Some(torch) = Side::torch(network, load, layout)? {
            torches.push((layout, torch, Vec::new()));
        }
    }
    ours.step(1)?; // the first step allocates the memory
    torches.iter_mut().try_for_each(|(_, torch, _)| torch.step(1).map(drop))?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(ours.step(STEPS)?);
        for (_, torch, times) in &mut torches {
            times.push(torch.step(STEPS)?);
        }
    }
    let (time, memory) = (median(times.iter().map(|it| it[0])) * 1e3, ours.memory()?);
    let Load { batch, size, threads, recompute } = load;
    let how = if recompute { ", recomputing" } else { "" };
    println!("{network}, batch {batch} of {size}², threads {threads}{how}: {time:.0} ms a step, {memory:.0} MiB");
    for (layout, mut torch, theirs) in torches {
        let ratio = |kind: usize| median(times.iter().zip(&theirs).map(|(ours, theirs)| ours[kind] / theirs[kind]));
        let (torch_time, torch_memory) = (median(theirs.iter().map(|it| it[0])) * 1e3, torch.memory()?);
        println!(
            "  PyTorch, {layout}: {torch_time:.0} ms, {torch_memory:.0} MiB; pleura takes {:.2} of its time, {:.2} of its \
             processor time, {:.2} of its memory",
            ratio(0),
            ratio(1),
            memory / torch_memory
        );
    }
    Ok(())
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
