//! The rules of a stack's recipe beyond the shape of its keys.

use pleura::lint::Findings;

use super::super::rules::schedule_makes_sense;
use super::{Stack, StackRecipe};

/// Learning rates above this must be a mistake.
const ABSURD: f32 = 10.0;

/// Reports every rule that a recipe breaks.
pub(super) fn check(recipe: &StackRecipe, findings: &mut Findings) {
    super::super::rules::name_is_a_stem(&recipe.name, findings);
    members_differ(recipe, findings);
    if let Stack::Conv { lr, epochs, ref schedule, .. } = recipe.stack {
        schedule_makes_sense(schedule, lr, epochs, "stack", findings);
        if recipe.members.len() == 1 {
            let hint = Some("add a member, or choose `logistic`, which calibrates a single member");
            findings.error(
                ["members".into(), "stack".into()],
                "this kind compares members, and there is only one",
                hint,
            );
        }
        if lr > ABSURD {
            let message = format!("a learning rate of {lr} is unusually high");
            findings.warn(["stack.lr".to_owned()], message, Some("Adam takes about 5e-4"));
        }
    }
}

fn members_differ(recipe: &StackRecipe, findings: &mut Findings) {
    for (i, member) in recipe.members.iter().enumerate() {
        let before = &recipe.members[..i];
        if before.iter().any(|other| other.name == member.name) {
            let message = format!("`{}` is the name of another member; names must be unique", member.name);
            findings.error([format!("members[{i}].name")], message, None);
        }
        if before.iter().any(|other| other.oof == member.oof) {
            let message = "is another member's file as well";
            findings.error([format!("members[{i}].oof")], message, Some("name each member's own file"));
        }
    }
}
