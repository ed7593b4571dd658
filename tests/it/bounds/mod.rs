//! Everything that a running gateway keeps by App, token, address, connection or session, with what
//! bounds it. A collection in the sources that is not in the table fails, so that its bound is decided
//! when it is made. That nothing grows all the same: `tests/soak`.

mod kept;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use crate::evidence::missing;
use table::{FILLED, FIXED, Row};

/// What runs once, or in a command of its own.
const ELSEWHERE: [&str; 5] = ["backup", "cli", "config", "demo", "probe"];

const COLLECTIONS: [&str; 14] = [
    "HashMap<",
    "HashTable<",
    "BTreeMap<",
    "HashSet<",
    "BTreeSet<",
    "VecDeque<",
    "Recent<",
    "Cache<",
    "UnboundedSender<",
    "UnboundedReceiver<",
    "mpsc::Sender<",
    "SyncSender<",
    "Mutex<Vec<",
    "RefCell<Vec<",
];

#[test]
fn everything_that_is_kept_has_a_bound_and_a_test_of_it() {
    let mut found = 0;
    let mut unknown = Vec::new();
    for path in sources(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for declaration in declarations(&text) {
            let is_filled = |row: &&Row| row.file == name && declaration.contains(row.declaration);
            let is_fixed =
                |(file, start): &&(&str, &str)| *file == name && declaration.contains(start);
            let filled = FILLED.iter().find(is_filled);
            let known = filled.is_some() || FIXED.iter().any(|row| is_fixed(&row));
            if !known {
                unknown.push(format!("{name}: {declaration}"));
            }
            found += 1;
        }
    }
    assert_eq!(unknown, [""; 0], "what bounds these?");
    assert!(found > 40, "only {found} were found");
}

#[test]
fn what_bounds_them_is_there() {
    for Row {
        file,
        declaration,
        holds,
        bound,
        shown_by,
    } in FILLED
    {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(
            text.contains(declaration),
            "{file}: {declaration} ({holds}: {bound})"
        );
        assert_eq!(missing(shown_by), None, "{holds}: {shown_by}");
    }
    for (file, start) in FIXED {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(start), "{file}: {start}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Those of a running gateway, without tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_top = folder.ends_with("src");
        !(name == "tests"
            || name == "bench"
            || name == "suite"
            || is_top && ELSEWHERE.contains(&name))
    };
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.filter(is_ours).partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    let sources = files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "rs"));
    sources.chain(below).collect()
}

/// Members, tuples, statics and types that hold a collection.
fn declarations(text: &str) -> impl Iterator<Item = &str> {
    let text = text
        .split_once("\n#[cfg(test)]\nmod tests")
        .map_or(text, |(code, _)| code);
    text.lines().map(str::trim).filter(|line| {
        let holds = COLLECTIONS
            .iter()
            .any(|collection| line.contains(collection));
        holds && !line.starts_with("//") && !line.ends_with('{') && is_declaration(line)
    })
}

fn is_declaration(line: &str) -> bool {
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')').map_or("", |(_, rest)| rest),
        Some(rest) => rest,
        None => line,
    };
    let line = line.trim_start();
    let is_member = line.ends_with(',')
        && !line.contains('&')
        && line.split_once(": ").is_some_and(|(name, _)| {
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        });
    is_member
        || ["struct ", "static ", "type "]
            .iter()
            .any(|word| line.starts_with(word))
}
