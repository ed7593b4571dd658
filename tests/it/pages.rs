//! Every relative link of every page leads to a file that is there, and to a heading of it. No network.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::harness::pages::prose;

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    find(root, &mut pages);
    assert!(pages.len() > 40, "only {} pages", pages.len());
    let (mut seen, mut broken) = (0, Vec::new());
    for page in &pages {
        for link in links(&prose(&fs::read_to_string(page).unwrap())) {
            seen += 1;
            if let Err(why) = follow(page, &link) {
                broken.push(format!("{}: {link}: {why}", shown(root, page)));
            }
        }
    }
    assert!(seen > 200, "only {seen} links");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The rules of the links that the test above sees, by examples.
#[test]
fn headings_and_links_are_read_as_github_reads_them() {
    let page = "# A `b`, c & *d*\n## A\n## A\n### [Link](x.md): `--flag` é 中文\n\
                # x_y (z)\n<a id=\"own\"></a>\n";
    let expected = ["a-b-c--d", "a", "a-1", "link---flag-é-中文", "x_y-z", "own"];
    assert_eq!(anchors(page), expected.map(str::to_owned).into());
    let text = "[a](b.md) `[no](no.md)` ![p](p.png \"title\")\n[r]: r.md#x\n\
                [two\nlines](two.md) <c.md> [w](https://example.com) [e](<e f.md>)";
    let found: HashSet<_> = links(text).into_iter().collect();
    let expected = ["b.md", "p.png", "r.md#x", "two.md", "e f.md"];
    assert_eq!(found, expected.map(str::to_owned).into());
}

/// All `*.md` but those of folders that are made.
fn find(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_made = name.starts_with('.') || name == "target" || name == "node_modules";
        if path.is_dir() && !is_made {
            find(&path, pages);
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
}

fn shown(root: &Path, page: &Path) -> String {
    page.strip_prefix(root).unwrap().display().to_string()
}

/// Relative targets of inline links, images and reference definitions.
fn links(text: &str) -> Vec<String> {
    let text = without_code(text);
    let mut links = Vec::new();
    for (place, _) in text.match_indices("](") {
        let target = &text[place + 2..];
        links.extend(target_of(target));
    }
    for line in text.lines().filter(|line| line.starts_with('[')) {
        let definition = line.split_once("]: ");
        links.extend(definition.map(|(_, target)| target.split(' ').next().unwrap().to_owned()));
    }
    let is_outside = |link: &String| link.contains("://") || link.starts_with("mailto:");
    links.retain(|link| !is_outside(link));
    links
}

fn target_of(text: &str) -> Option<String> {
    if let Some(angled) = text.strip_prefix('<') {
        return angled.split_once('>').map(|(target, _)| target.to_owned());
    }
    let (target, _) = text.split_once(')')?;
    target.split_whitespace().next().map(str::to_owned)
}

/// A text without its code spans.
fn without_code(text: &str) -> String {
    let mut kept = String::new();
    let mut left = text;
    while let Some(start) = left.find('`') {
        let ticks = left[start..].chars().take_while(|c| *c == '`').count();
        let (fence, behind) = left[start..].split_at(ticks);
        kept.push_str(&left[..start]);
        left = behind.split_once(fence).map_or(behind, |(_, rest)| rest);
    }
    kept + left
}

fn follow(page: &Path, link: &str) -> Result<(), &'static str> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        plain(&page.parent().unwrap().join(file))
    };
    if !exactly_there(&target) {
        return Err("no such file");
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let text = fs::read_to_string(&target).map_err(|_| "an anchor into what is no page")?;
    let found = anchors(&prose(&text)).contains(anchor);
    found.then_some(()).ok_or("no such heading")
}

/// Whether it is there in this spelling, also where the file system does not mind.
fn exactly_there(path: &Path) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    path.starts_with(root)
        && (path == root || fs::canonicalize(path).is_ok_and(|real| real == path))
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// What may stand behind `#`: GitHub's slugs of the headings, and ids that a page gives itself.
fn anchors(prose: &str) -> HashSet<String> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut anchors = HashSet::new();
    for line in prose.lines() {
        let title = line.trim_start_matches('#');
        let depth = line.len() - title.len();
        if (1..=6).contains(&depth) && title.starts_with(' ') {
            let slug = slug(title.trim());
            let times = times.entry(slug.clone()).or_default();
            let before = *times;
            *times += 1;
            anchors.insert(match before {
                0 => slug,
                n => format!("{slug}-{n}"),
            });
        }
        for (_, behind) in line
            .match_indices("id=\"")
            .map(|(at, id)| line.split_at(at + id.len()))
        {
            anchors.extend(behind.split_once('"').map(|(id, _)| id.to_owned()));
        }
    }
    anchors
}

/// GitHub's rule: lower case; letters, digits, `-` and `_` stay; a space becomes `-`; all else goes.
fn slug(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let title = without_targets(title).to_lowercase();
    title
        .chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// A title with its links' texts alone.
fn without_targets(title: &str) -> String {
    let mut parts = title.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    text
}
