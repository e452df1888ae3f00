//! The rules of a recipe beyond the shape of its keys.

mod data;
mod loss;
mod network;
mod optimize;
mod phase;

use pleura::lint::Findings;

use super::Recipe;

pub(super) use network::name_is_a_stem;
pub(super) use phase::schedule_makes_sense;

const RULES: [fn(&Recipe, &mut Findings); 26] = [
    network::the_name_is_a_stem,
    network::the_encoder_can_be_frozen,
    network::attention_is_one,
    network::there_is_a_batch_norm_to_freeze,
    network::dropout_has_a_place,
    network::onnx_outputs_match_the_heads,
    network::weights_are_of_a_known_format,
    data::mean_and_std_fit_the_channels,
    data::intensities_stay_apart,
    data::positives_and_negatives_are_there,
    data::folds_are_there,
    data::patients_are_named,
    data::ranges_rise,
    data::transforms_happen,
    network::what_is_kept_can_be_told,
    loss::each_head_has_a_loss,
    loss::some_weight,
    loss::classes_have_weight,
    loss::scores_have_no_area,
    loss::blends_have_a_loss,
    network::steps_are_a_manifest_s,
    optimize::moments_decay,
    optimize::averages_move,
    optimize::swa_epochs_are_reached,
    phase::sizes_fit_the_network,
    phase::phases_make_sense,
];

/// Reports every rule that a recipe breaks.
pub(super) fn check(recipe: &Recipe, findings: &mut Findings) {
    RULES.iter().for_each(|rule| rule(recipe, findings));
}

/// The same keys, owned.
fn keys<const N: usize>(keys: [&str; N]) -> [String; N] {
    keys.map(str::to_owned)
}

/// The first duplicate number of a list, with its index.
fn repeated(numbers: &[u32]) -> Option<(usize, u32)> {
    numbers.iter().enumerate().find(|(i, number)| numbers[..*i].contains(number)).map(|(i, number)| (i, *number))
}
