//! Links of Markdown pages, and whether their targets exist.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Checks links, and reads each page's headings once.
#[derive(Default)]
pub struct Checker {
    anchors: RefCell<HashMap<PathBuf, Vec<String>>>,
    checked: Cell<usize>,
}

impl Checker {
    /// The number of links that were checked.
    pub fn checked(&self) -> usize {
        self.checked.get()
    }

    /// The links of a page without a target file or heading, each with its page.
    pub fn broken(&self, page: &Path) -> Vec<String> {
        let text = fs::read_to_string(page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        let broken = targets(&text).into_iter().filter(|target| !self.resolves(page, target));
        broken.map(|target| format!("{}: {target}", page.display())).collect()
    }

    fn resolves(&self, page: &Path, target: &str) -> bool {
        if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
            return true;
        }
        self.checked.set(self.checked.get() + 1);
        let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let file = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
        file.exists() && anchor.is_none_or(|anchor| self.has(&file, anchor))
    }

    fn has(&self, file: &Path, anchor: &str) -> bool {
        let mut pages = self.anchors.borrow_mut();
        let anchors = pages
            .entry(file.to_owned())
            .or_insert_with(|| fs::read_to_string(file).map(|text| anchors(&text)).unwrap_or_default());
        anchors.iter().any(|it| it == anchor)
    }
}

/// The targets of a page's inline links and images.
pub fn targets(text: &str) -> Vec<&str> {
    let lines = prose(text);
    let ends = lines.flat_map(|line| line.match_indices("](").map(move |(at, _)| &line[at + 2..]));
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// The anchors of a page's headings: lower case, hyphens for spaces, a number if repeated.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for heading in prose(text).filter_map(heading) {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect();
        let again = anchors.iter().filter(|it| **it == anchor).count();
        anchors.push(if again == 0 { anchor } else { format!("{anchor}-{again}") });
    }
    anchors
}

/// The text of a line that is a heading.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')
}

/// A page's lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# One `two`: three\n\nA [link](other.md#a), ![an image](a.png).\n\n\
                        ```sh\n# no heading [no](link)\n```\n\n## Twice\n\n## Twice\n";

    #[test]
    fn code_has_neither_links_nor_headings() {
        assert_eq!(targets(PAGE), ["other.md#a", "a.png"]);
        assert_eq!(anchors(PAGE), ["one-two-three", "twice", "twice-1"]);
    }

    #[test]
    fn what_is_not_there_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        let text = format!("{PAGE}[here](#twice-1) [elsewhere](page.md#twice) [out](https://example.org/x)\n");
        fs::write(&page, text + "[nowhere](#three) [gone](page.md#four)\n").unwrap();
        fs::write(folder.path().join("a.png"), "").unwrap();
        let broken: Vec<_> =
            Checker::default().broken(&page).iter().map(|link| link.rsplit(": ").next().unwrap().to_owned()).collect();
        assert_eq!(broken, ["other.md#a", "#three", "page.md#four"]);
    }
}
