//! The files that a manifest names.

use std::path::Path;

use super::{Manifest, Member, Merge, Step};

impl Manifest {
    /// Every file that the manifest names, with its key: models, recipes, and plugins given as paths. Paths are
    /// relative to the manifest's folder.
    #[must_use]
    pub fn files(&self) -> Vec<(String, &Path)> {
        let mut files = Vec::new();
        if let Some(crop) = &self.crop {
            stage("crop", &crop.members, &crop.merge, &mut files);
        }
        if let Some(classifier) = &self.classifier {
            stage("classifier", &classifier.members, &classifier.merge, &mut files);
        }
        stage("segmenter", &self.segmenter.members, &self.segmenter.merge, &mut files);
        steps("postprocess", &self.postprocess, &mut files);
        files
    }
}

impl Manifest {
    /// Every plugin given by name, with its key.
    #[must_use]
    pub fn named_plugins(&self) -> Vec<(String, &str)> {
        let mut lists = vec![("postprocess".to_owned(), &self.postprocess)];
        let crop = self.crop.iter().map(|crop| ("crop", &crop.members));
        let classifier = self.classifier.iter().map(|stage| ("classifier", &stage.members));
        for (stage, members) in crop.chain(classifier).chain([("segmenter", &self.segmenter.members)]) {
            for (index, member) in members.iter().enumerate() {
                let at = |steps: &str| format!("{stage}.members[{index}].{steps}");
                lists.push((at("prepare"), &member.prepare));
                lists.push((at("tta"), &member.tta));
                lists.push((at("postprocess"), &member.postprocess));
            }
        }
        let mut named = Vec::new();
        for (at, steps) in lists {
            let steps = steps.iter().enumerate().filter(|(_, step)| !step.is_path());
            named.extend(steps.map(|(index, step)| (format!("{at}[{index}].plugin"), step.plugin.as_str())));
        }
        named
    }
}

type Files<'m> = Vec<(String, &'m Path)>;

fn stage<'m>(at: &str, members: &'m [Member], merge: &'m Merge, files: &mut Files<'m>) {
    for (index, member) in members.iter().enumerate() {
        let at = format!("{at}.members[{index}]");
        files.extend(member.model.iter().map(|model| (format!("{at}.model"), model.as_path())));
        let snapshots = member.snapshots.iter().enumerate();
        files.extend(snapshots.map(|(index, it)| (format!("{at}.snapshots[{index}].model"), it.model.as_path())));
        files.extend(member.recipe.iter().map(|recipe| (format!("{at}.recipe"), recipe.as_path())));
        steps(&format!("{at}.prepare"), &member.prepare, files);
        steps(&format!("{at}.tta"), &member.tta, files);
        steps(&format!("{at}.postprocess"), &member.postprocess, files);
    }
    if let Merge::Stack(stack) = merge {
        files.push((format!("{at}.merge.model"), &stack.model));
        files.extend(stack.recipe.iter().map(|recipe| (format!("{at}.merge.recipe"), recipe.as_path())));
    }
}

fn steps<'m>(at: &str, steps: &'m [Step], files: &mut Files<'m>) {
    let paths = steps.iter().enumerate().filter(|(_, step)| step.is_path());
    files.extend(paths.map(|(index, step)| (format!("{at}[{index}].plugin"), Path::new(&step.plugin))));
}
