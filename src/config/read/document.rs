//! One YAML file, and what is wrong with it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::item::Item;
use super::lines::{has_plain_lines, line_of};
use super::node::Node;
use super::place::Place;
use crate::config::faults::{Fault, Warning};

pub(in crate::config) struct Document {
    /// As the messages name it.
    name: String,
    /// Where relative paths start.
    folder: PathBuf,
    text: String,
    root: Node,
    found: RefCell<Vec<Found>>,
    warnings: RefCell<Vec<Warning>>,
}

/// A fault before its line is looked up.
struct Found {
    place: Place,
    nth: usize,
    problem: String,
    expected: String,
}

impl Document {
    /// # Errors
    /// One fault, when the file can't be read or is no YAML.
    pub(in crate::config) fn open(path: &Path) -> Result<Self, Fault> {
        let bytes = read_bounded(path).map_err(|e| unreadable(path, &e))?;
        Self::parse(path, bytes)
    }

    /// # Errors
    /// One fault, when the bytes are no YAML.
    pub(in crate::config) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Fault> {
        let name = path.display().to_string();
        let mut text = String::from_utf8(bytes).map_err(|_| not_utf8(&name))?;
        if text.starts_with(BYTE_ORDER_MARK) {
            text.remove(0);
        }
        let root = serde_yaml::from_str(&text).map_err(|e| syntax(&name, &text, &e))?;
        Ok(Self {
            name,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            text,
            root,
            found: RefCell::default(),
            warnings: RefCell::default(),
        })
    }

    pub(in crate::config) fn root(&self) -> Item<'_> {
        Item::new(self, &self.root, Place::default())
    }

    pub(in crate::config) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(in crate::config) fn fault(
        &self,
        place: &Place,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.fault_at_nth(place, 0, problem.into(), expected.into());
    }

    /// A fault of the key's occurrence `nth` (from 0) in its section.
    pub(super) fn fault_at_nth(
        &self,
        place: &Place,
        nth: usize,
        problem: String,
        expected: String,
    ) {
        self.found.borrow_mut().push(Found {
            place: place.clone(),
            nth,
            problem,
            expected,
        });
    }

    pub(in crate::config) fn warn(&self, place: &Place, problem: impl Into<String>) {
        self.warnings.borrow_mut().push(Warning {
            file: self.name.clone(),
            path: place.to_string(),
            problem: problem.into(),
        });
    }

    /// The faults in the order of their lines, and the warnings.
    pub(in crate::config) fn finish(self) -> (Vec<Fault>, Vec<Warning>) {
        let found = self.found.take();
        let faults = found.into_iter().enumerate();
        let mut faults: Vec<Fault> = faults.map(|(i, found)| self.locate(i, found)).collect();
        faults.sort_by_key(|fault| fault.line);
        (faults, self.warnings.take())
    }

    fn locate(&self, position: usize, found: Found) -> Fault {
        let sought = position < MAX_LOCATED;
        Fault {
            file: self.name.clone(),
            path: found.place.to_string(),
            line: sought
                .then(|| line_of(&self.text, &found.place, found.nth))
                .flatten(),
            problem: found.problem,
            expected: found.expected,
        }
    }
}

/// The longest configuration file, in bytes.
pub(in crate::config) const MAX_BYTES: u64 = 1024 * 1024;

/// Some editors begin a file with it; the parser would take it for indentation.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Each line costs a pass over the text, so a file that is all faults gets lines only for these.
const MAX_LOCATED: usize = 500;

/// # Errors
/// When the file can't be read, or is longer than [`MAX_BYTES`].
pub(in crate::config) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

pub(in crate::config) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault {
        file: path.display().to_string(),
        path: String::new(),
        line: None,
        problem: format!("cannot be read: {error}"),
        expected: "a readable YAML file of at most 1 MiB".to_owned(),
    }
}

fn not_utf8(name: &str) -> Fault {
    Fault {
        file: name.to_owned(),
        path: String::new(),
        line: None,
        problem: "is not UTF-8".to_owned(),
        expected: "a YAML file in UTF-8".to_owned(),
    }
}

fn syntax(name: &str, text: &str, error: &serde_yaml::Error) -> Fault {
    let location = error.location().filter(|_| has_plain_lines(text));
    Fault {
        file: name.to_owned(),
        path: String::new(),
        line: location.map(|location| location.line()),
        problem: format!("is not YAML: {error}"),
        expected: "one YAML document".to_owned(),
    }
}
