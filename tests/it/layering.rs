//! Dependencies point one way: which module of `src` may use which other.
//!
//! Above all, the control plane cannot touch traffic: `admin` never sees `gateway`, `zone` or
//! `serve`, and nothing on the way of a request sees `admin`. A module that is not in the table
//! fails, so that its place is decided when it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of `src`, and the modules that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("pace", &[]),
    ("pipe", &[]),
    ("recent", &[]),
    ("room", &[]),
    ("shard", &[]),
    ("places", &["shard"]),
    ("per_address", &["domain"]),
    ("observe", &["domain", "shard"]),
    ("audit", &["domain"]),
    ("config", &["domain"]),
    ("sinks", &["domain", "config"]),
    ("registry", &["domain", "recent", "places", "config"]),
    ("backup", &["domain", "registry"]),
    ("call", &["domain", "pipe", "observe", "registry"]),
    ("auth", &["domain", "recent", "observe", "registry", "call"]),
    (
        "zone",
        &[
            "domain", "pace", "pipe", "places", "room", "observe", "config", "registry", "call",
            "auth",
        ],
    ),
    (
        "gateway",
        &[
            "domain",
            "pace",
            "per_address",
            "observe",
            "audit",
            "config",
            "registry",
            "call",
            "auth",
            "zone",
        ],
    ),
    (
        "session",
        &[
            "domain", "pace", "observe", "config", "registry", "call", "auth", "zone", "gateway",
        ],
    ),
    (
        "serve",
        &[
            "domain", "pace", "pipe", "room", "shard", "observe", "config", "call", "zone",
            "gateway", "session",
        ],
    ),
    ("trace", &["domain", "observe", "zone"]),
    ("probe", &["domain", "config", "registry"]),
    (
        "admin",
        &["domain", "per_address", "audit", "config", "registry"],
    ),
    (
        "app",
        &[
            "domain", "observe", "audit", "config", "registry", "call", "zone", "gateway", "serve",
            "admin", "probe", "trace",
        ],
    ),
    (
        "demo",
        &[
            "domain", "audit", "config", "registry", "admin", "app", "cli",
        ],
    ),
    (
        "cli",
        &[
            "domain", "audit", "config", "sinks", "registry", "backup", "admin", "app", "probe",
            "demo",
        ],
    ),
];

/// `demo` borrows the one HTTP client that may be built, which is the command line's.
const MUTUAL: (&str, &str) = ("cli", "demo");

#[test]
fn modules_use_only_what_is_below_them() {
    let faults = faults(&allowed(), &uses(&sources()));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_has_no_circles() {
    let allowed = allowed();
    for (module, below) in &allowed {
        for other in below {
            let back =
                reaches(&allowed, other, module) && pair(module, other) != pair(MUTUAL.0, MUTUAL.1);
            assert!(!back, "{module} uses {other}, which leads back to it");
        }
    }
}

/// What the table keeps apart, shown by sources that break it.
#[test]
fn a_violation_and_an_unknown_module_are_found() {
    for (module, text, fault) in [
        ("admin", "use crate::zone::Homes;", "admin uses zone"),
        (
            "admin",
            "fn f(g: &crate::gateway::Shared) {}",
            "admin uses gateway",
        ),
        (
            "zone",
            "use crate::{\n    config::Limits,\n    admin::router,\n};",
            "zone uses admin",
        ),
        (
            "gateway",
            "use crate::serve::{Admission, Edge};",
            "gateway uses serve",
        ),
        ("console", "", "console has no place in the table"),
        ("zone", "use crate::session::Sessions;", "zone uses session"),
    ] {
        let sources = BTreeMap::from([(module.to_owned(), text.to_owned())]);
        let found = faults(&allowed(), &uses(&sources));
        assert!(found.iter().any(|f| f == fault), "{fault} in {found:?}");
    }
    let comment = "// like crate::zone\n//! and [`crate::gateway`]\nuse crate::domain::AppId;";
    let sources = BTreeMap::from([("admin".to_owned(), comment.to_owned())]);
    assert!(
        !uses(&sources)["admin"].contains("zone"),
        "a comment is no use"
    );
}

type Uses = BTreeMap<String, BTreeSet<String>>;

fn faults(allowed: &Uses, uses: &Uses) -> Vec<String> {
    let mut faults = Vec::new();
    for (module, used) in uses {
        match allowed.get(module) {
            None => faults.push(format!("{module} has no place in the table")),
            Some(below) => {
                let beyond = used.difference(below).filter(|other| *other != module);
                faults.extend(beyond.map(|other| format!("{module} uses {other}")));
            }
        }
    }
    faults
}

fn allowed() -> Uses {
    let row = |(module, below): &(&str, &[&str])| {
        (
            String::from(*module),
            below.iter().map(ToString::to_string).collect(),
        )
    };
    ALLOWED.iter().map(row).collect()
}

fn reaches(allowed: &Uses, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            let below = allowed.get(module).into_iter().flatten();
            let skipped = |other: &&String| pair(module, other) != pair(MUTUAL.0, MUTUAL.1);
            open.extend(below.filter(skipped).map(String::as_str));
        }
    }
    false
}

fn pair<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    (one.min(other), one.max(other))
}

/// The top-level modules that each source names by `crate::`.
fn uses(sources: &BTreeMap<String, String>) -> Uses {
    let row = |(module, text): (&String, &String)| (module.clone(), named(text));
    sources.iter().map(row).collect()
}

fn named(text: &str) -> BTreeSet<String> {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    let code: Vec<&str> = code.collect();
    let code = code.join("\n");
    code.split("crate::").skip(1).flat_map(roots).collect()
}

/// The first words of a path: one, or each of a list in braces.
fn roots(path: &str) -> Vec<String> {
    let Some(list) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let (mut depth, mut starts, mut roots) = (0, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts = true,
            c if starts && c.is_ascii_lowercase() => {
                starts = false;
                roots.push(word(&list[at..]));
            }
            _ => {}
        }
    }
    roots
}

fn word(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// All code of each top-level module. The crate's root and the binary stand above the table.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources: BTreeMap<String, String> = BTreeMap::new();
    for file in files(&root) {
        let inside = file.strip_prefix(&root).unwrap();
        let top = inside.iter().next().unwrap().to_str().unwrap();
        let module = top.trim_end_matches(".rs").to_owned();
        if !matches!(module.as_str(), "lib" | "main") {
            sources
                .entry(module)
                .or_default()
                .push_str(&fs::read_to_string(&file).unwrap());
        }
    }
    sources
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}
