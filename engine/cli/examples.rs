//! Examples in the help of each verb.

use clap::Command;
use clap::builder::StyledStr;

/// Examples by verb, as named on the command line; lines that are not commands explain the one before.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("", &["pleura demo", "pleura predict ensemble.toml images --out submission.csv"]),
    ("demo", &["pleura demo --out demo", "pleura demo --train"]),
    ("check", &["pleura check ensemble.toml", "pleura check ensemble.toml --device cuda"]),
    (
        "predict",
        &[
            "pleura predict ensemble.toml images --out submission.csv --findings findings.jsonl",
            "pleura predict ensemble.toml images --out submission.csv --dicom results",
            "pleura predict ensemble.toml images --out submission.csv --resume",
            "pleura predict ensemble.toml images --out submission.csv --shard 0/4",
            "pleura predict ensemble.toml --list files.csv --path-column path --out submission.csv",
        ],
    ),
    ("import", &["pleura import nnunet exported --out ensemble"]),
    (
        "import nnunet",
        &[
            "pleura import nnunet exported --out ensemble --label pneumothorax",
            "pleura import nnunet exported --out ensemble --images imagesTs --expected predictions",
        ],
    ),
    ("import script", &["pleura import script > nnunet_to_onnx.py"]),
    ("import smp", &["pleura import smp unet.onnx --preprocessing preprocessing.json --size 512x512 --out ensemble"]),
    ("import timm", &["pleura import timm classifier.onnx --preprocessing config.json --channel 1"]),
    ("import xrv", &["pleura import xrv densenet.onnx --label Pneumothorax"]),
    ("export", &["pleura export recipe.toml --weights unet.pth --out unet.onnx"]),
    ("models", &["pleura models show unet.onnx"]),
    ("models show", &["pleura models show unet.onnx"]),
    ("bench", &["pleura bench ensemble.toml images --rounds 5"]),
    ("explain", &["pleura explain ensemble.toml image.dcm --picture steps.png"]),
    #[cfg(feature = "serve")]
    (
        "serve",
        &[
            "pleura serve ensemble.toml --spool spool",
            "pleura serve ensemble.toml --spool spool --rules rules.toml",
            "pleura serve ensemble.toml --spool spool --dicom 0.0.0.0:11112 --allow CR1@192.0.2.7",
        ],
    ),
    (
        "score",
        &["pleura score submission.csv truth.csv", "pleura score some.csv truth.csv --subset --per-image images.csv"],
    ),
    ("report", &["pleura report findings.jsonl --truth truth.csv --out report.html"]),
    ("submission", &["pleura submission check submission.csv --sample sample_submission.csv"]),
    (
        "submission check",
        &[
            "pleura submission check submission.csv --sample sample_submission.csv",
            "pleura submission check some.csv --sample sample_submission.csv --subset",
        ],
    ),
    ("submission diff", &["pleura submission diff before.csv after.csv"]),
    (
        "submission merge",
        &["pleura submission merge parts.shard-0-of-2.csv parts.shard-1-of-2.csv --out submission.csv"],
    ),
    ("data", &["pleura data inspect images --truth truth.csv --out look"]),
    (
        "data inspect",
        &[
            "pleura data inspect images --truth truth.csv --out look",
            "pleura data inspect images --tags-only --out look",
        ],
    ),
    ("data convert", &["pleura data convert images dicom --out png"]),
    ("data preview", &["pleura data preview recipe.toml --out preview.png"]),
    (
        "data convert images",
        &[
            "pleura data convert images dicom --out png",
            "pleura data convert images dicom --out png --to 512x512 --intensity window --bits 8",
        ],
    ),
    (
        "data convert masks",
        &[
            "pleura data convert masks truth.csv --out masks",
            "pleura data convert masks train.csv --from severstal --class 3 --out masks",
        ],
    ),
    (
        "data convert rle",
        &[
            "pleura data convert rle masks --out truth.csv",
            "pleura data convert rle ships.csv --from airbus --out truth.csv",
            "pleura data convert rle masks --as hubmap --out submission.csv",
        ],
    ),
    ("data split", &["pleura data split truth.csv --folds 5 --images dicom --out folds.csv"]),
    (
        "tune",
        &[
            "pleura tune ensemble.toml images --truth truth.csv --cache answers --out tuned.toml",
            "pleura tune ensemble.toml images --truth truth.csv --cache answers --weights --write",
            "pleura tune tuned.toml images --truth truth.csv --cache answers --calibrate isotonic --write",
        ],
    ),
    ("optimize", &["pleura optimize ensemble.toml images --out small --truth truth.csv"]),
    (
        "train",
        &[
            "pleura train recipe.toml --check",
            "pleura train recipe.toml --out training",
            "pleura train recipe.toml --out training --fold 0",
            "pleura train recipe.toml --find-lr",
            "pleura train recipe.toml --watch --tensorboard",
        ],
    ),
    ("plugins", &["pleura plugins list"]),
    ("plugins list", &["pleura plugins list"]),
    ("plugins test", &["pleura plugins test ./libmine.so --params '{\"above\":0.5}'"]),
    ("runtime", &["pleura runtime show"]),
    ("runtime show", &["pleura runtime show"]),
    ("runtime probe", &["pleura runtime probe cuda", "pleura runtime probe webgpu"]),
    (
        "runtime install",
        &["pleura runtime install", "pleura runtime install --cuda", "pleura runtime install --webgpu"],
    ),
    ("completions", &["pleura completions bash > ~/.local/share/bash-completion/completions/pleura"]),
    ("man", &["pleura man ~/.local/share/man/man1", "pleura man | man -l -"]),
];

/// Adds the examples to a command line's help.
pub fn add(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (verb, lines)| {
        let words: Vec<_> = verb.split_whitespace().collect();
        to(command, &words, lines)
    })
}

fn to(command: Command, words: &[&str], lines: &[&str]) -> Command {
    match words {
        [] => {
            let style = *command.get_styles().get_header();
            let title = if lines.len() == 1 { "Example" } else { "Examples" };
            let text = format!("{style}{title}:{style:#}\n  {}", lines.join("\n  "));
            command.after_help(StyledStr::from(text))
        }
        [first, rest @ ..] => command.mut_subcommand(first, |sub| to(sub, rest, lines)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::Cli;

    /// The verbs with a command line of their own, and those that group them.
    fn verbs() -> Vec<String> {
        fn walk(command: &Command, before: &str, verbs: &mut Vec<String>) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
                let name = format!("{before}{}", sub.get_name());
                walk(sub, &format!("{name} "), verbs);
                verbs.push(name);
            }
        }
        let mut verbs = Vec::new();
        walk(&crate::command(), "", &mut verbs);
        verbs
    }

    #[test]
    fn every_verb_has_an_example() {
        for verb in verbs() {
            let count = EXAMPLES.iter().filter(|(name, _)| *name == verb).count();
            assert_eq!(count, 1, "`{verb}`: write one example");
        }
    }

    #[test]
    fn examples_are_command_lines() {
        for (verb, lines) in EXAMPLES {
            for line in *lines {
                let words = line.split([' ']).take_while(|word| !matches!(*word, "|" | ">"));
                let words: Vec<_> = words.map(|word| word.trim_matches('\'')).collect();
                assert!(line.len() <= 96, "{line}: it would be wrapped");
                assert!(line.starts_with(format!("pleura {verb}").trim_end()), "{line}");
                Cli::try_parse_from(&words).map(drop).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
    }

    #[test]
    fn help_is_grouped_and_fits_a_terminal() {
        let mut command = crate::command().term_width(100);
        command.build();
        let predict = command.find_subcommand_mut("predict").unwrap().render_long_help().to_string();
        for heading in ["Arguments:", "Outputs:", "Engine:", "Cache:", "Global options:", "Examples:"] {
            assert!(predict.contains(&format!("\n{heading}\n")), "{heading}: {predict}");
        }
        let widest =
            predict.lines().filter(|line| !line.contains("pleura predict")).map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= 100, "{predict}");
    }
}
