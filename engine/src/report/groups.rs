//! The groups of images by which numbers are reported: view, sex and age by their files, others by a list, and the size
//! of the lesion by the truth.

use super::Case;
use crate::radiograph::Tags;

/// What a case is, by kind: (`Age`, `40 to 64`).
pub type Group = (String, String);

/// The name of the group of images of which a property is unknown.
pub(super) const UNKNOWN: &str = "unknown";

/// The ages that form a group: from, to, name.
const AGES: [(f64, f64, &str); 4] =
    [(0.0, 18.0, "0 to 17"), (18.0, 40.0, "18 to 39"), (40.0, 65.0, "40 to 64"), (65.0, f64::INFINITY, "65 or older")];

/// The groups of a file, as far as its tags tell.
#[must_use]
pub fn groups_of(tags: &Tags) -> Vec<Group> {
    let code = |text: &Option<String>| {
        let text = text.as_ref().map(|text| text.trim().to_ascii_uppercase());
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| UNKNOWN.to_owned())
    };
    let sex = match code(&tags.sex).as_str() {
        "F" => "women".to_owned(),
        "M" => "men".to_owned(),
        "O" => "other".to_owned(),
        _ => UNKNOWN.to_owned(),
    };
    let years = tags.years();
    let age = AGES.iter().find(|(from, to, _)| years.is_some_and(|years| (*from..*to).contains(&years)));
    let age = age.map_or(UNKNOWN, |(_, _, name)| name).to_owned();
    [("View", code(&tags.view)), ("Sex", sex), ("Age", age)].map(|(kind, name)| (kind.to_owned(), name)).into()
}

/// A kind of groups, with the cases of each, by index.
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) groups: Vec<(String, Vec<usize>)>,
}

/// The kinds of groups of cases with a truth, in the order in which the cases have them, and the lesion's size. A kind
/// that divides nothing is left out.
pub(super) fn kinds(cases: &[&Case]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        for (kind, group) in &case.groups {
            let at = kinds.iter().position(|it| it.name == *kind).unwrap_or_else(|| {
                kinds.push(Kind { name: kind.clone(), groups: Vec::new() });
                kinds.len() - 1
            });
            let groups = &mut kinds[at].groups;
            match groups.iter_mut().find(|(name, _)| name == group) {
                Some((_, members)) => members.push(place),
                None => groups.push((group.clone(), vec![place])),
            }
        }
    }
    kinds.iter_mut().for_each(|kind| kind.groups.sort_by(|a, b| (a.0 == UNKNOWN, &a.0).cmp(&(b.0 == UNKNOWN, &b.0))));
    kinds.extend(lesions(cases));
    kinds.retain(|kind| kind.groups.len() > 1);
    kinds
}

/// The images with a lesion in three groups of equal number, by the share of the image that it covers.
fn lesions(cases: &[&Case]) -> Option<Kind> {
    let share = |case: &Case| {
        let area = case.truth.as_ref().map_or(0, crate::submission::Runs::area);
        area as f64 / case.size.area() as f64
    };
    let mut sorted: Vec<usize> = (0..cases.len()).filter(|&place| share(cases[place]) > 0.0).collect();
    sorted.sort_by(|&a, &b| share(cases[a]).total_cmp(&share(cases[b])));
    if sorted.len() < 3 {
        return None;
    }
    let count = sorted.len();
    let groups = ["small", "medium", "large"].into_iter().enumerate().map(|(third, name)| {
        let members = sorted[third * count / 3..(third + 1) * count / 3].to_vec();
        let ends = [members.first(), members.last()].map(|place| place.map_or(0.0, |&place| share(cases[place])));
        let [from, to] = ends.map(|share| format!("{:.2}", 100.0 * share));
        (format!("{name}, {from} to {to} %"), members)
    });
    Some(Kind { name: "Lesion in truth, of the image".into(), groups: groups.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_groups() {
        let tags = |sex: &str, age: &str, view: &str| Tags {
            sex: Some(sex.into()),
            age: Some(age.into()),
            view: Some(view.into()),
            ..Tags::default()
        };
        let names = |tags: &Tags| groups_of(tags).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(&tags("F", "017Y", "pa ")), ["PA", "women", "0 to 17"]);
        assert_eq!(names(&tags("M", "65", "AP")), ["AP", "men", "65 or older"]);
        assert_eq!(names(&tags("X", "412Y", "")), ["unknown"; 3]);
        assert_eq!(names(&Tags::default()), ["unknown"; 3]);
        assert_eq!(names(&tags("O", "006M", "LL")), ["LL", "other", "0 to 17"]);
    }
}
