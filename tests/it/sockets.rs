//! Where anything gets out (P8): the code's own list, `domicile::sinks`, is compared with the sources and with
//! the bans of `clippy.toml`, so that no way out is missing in it, and none is in it that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use domicile::sinks::SINKS;

/// Texts of code that opens a way out or asks DNS, with the bans that they stand for.
const OPENS: &[(&str, &[&str])] = &[
    (
        "TcpStream::connect",
        &[
            "tokio::net::TcpStream::connect",
            "std::net::TcpStream::connect",
            "std::net::TcpStream::connect_timeout",
        ],
    ),
    (
        "socket.connect",
        &[
            "tokio::net::TcpSocket::connect",
            "socket2::Socket::connect",
            "socket2::Socket::connect_timeout",
        ],
    ),
    ("lookup_host", &["tokio::net::lookup_host"]),
    (
        "to_socket_addrs",
        &["std::net::ToSocketAddrs::to_socket_addrs"],
    ),
    (
        "UdpSocket",
        &["tokio::net::UdpSocket::bind", "std::net::UdpSocket::bind"],
    ),
    (
        "UnixStream",
        &[
            "tokio::net::UnixStream::connect",
            "std::os::unix::net::UnixStream::connect",
        ],
    ),
    (
        "UnixDatagram",
        &[
            "tokio::net::UnixDatagram::unbound",
            "std::os::unix::net::UnixDatagram::unbound",
        ],
    ),
    ("Client::builder", &["reqwest::Client::builder"]),
    ("reqwest::Client::new", &["reqwest::Client::new"]),
    ("ClientBuilder", &["reqwest::ClientBuilder::new"]),
    ("reqwest::get", &["reqwest::get"]),
    ("Command::new", &[]),
];

/// What else the program does to be heard: it uses the egress guard, listens, prints and writes. Only here the
/// reference data centre, which is another program, has ways of its own.
const WRITES: &[&str] = &[
    "target.connect()",
    "target.probe()",
    "sd_notify::notify",
    "TcpListener::bind",
    "Socket::new(",
    "io::stdout",
    "io::stderr",
    "print!",
    "println!",
    "File::create",
    "OpenOptions::new",
    "fs::write",
    "fs::copy",
    "NamedTempFile::new",
    "tempfile::Builder",
    "tempfile::tempfile",
    "tempfile::tempdir",
];

/// Bans that are about something else.
const OTHER_BANS: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::env::var",
];

/// Exceptions from those.
const OTHER_EXCEPTIONS: &[&str] = &["src/domain/clock.rs", "src/observe/stopwatch.rs"];

type Pairs = BTreeSet<(String, String)>;

#[test]
fn what_gets_out_does_so_in_the_listed_places_only() {
    let listed = SINKS.iter().flat_map(|sink| sink.ways);
    let listed: Pairs = listed
        .map(|way| (way.file.to_owned(), way.opens.to_owned()))
        .collect();
    let found = found(&sources());
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let unopened: Vec<_> = listed.difference(&found).collect();
    assert!(
        unlisted.is_empty() && unopened.is_empty(),
        "not in src/sinks/table.rs: {unlisted:?}; there, but not in the code: {unopened:?}"
    );
}

#[test]
fn every_sink_is_somewhere_in_the_code() {
    let without: Vec<_> = SINKS.iter().filter(|s| s.ways.is_empty()).collect();
    let without: Vec<_> = without.iter().map(|sink| sink.name).collect();
    assert!(without.is_empty(), "{without:?}");
    let names: BTreeSet<_> = SINKS.iter().map(|sink| sink.name).collect();
    assert_eq!(names.len(), SINKS.len(), "a name stands for two sinks");
}

/// What the list keeps out, shown by sources that break it.
#[test]
fn a_way_out_elsewhere_is_found() {
    let opens = OPENS.iter().map(|(what, _)| *what);
    for what in opens.chain(WRITES.iter().copied()) {
        let tests = "#[cfg(test)]\nmod tests;\n";
        let text = format!("{tests}fn f() {{ let _ = {what}(); }}\n{tests}");
        let sources = vec![("src/admin/x.rs".to_owned(), text)];
        let wanted = ("src/admin/x.rs".to_owned(), what.to_owned());
        assert!(found(&sources).contains(&wanted), "{what}");
    }
    let in_a_test = "#[cfg(test)]\nmod tests {\n    fn f() { TcpStream::connect(1); }\n}\n";
    let in_words = "// TcpStream::connect is banned";
    for text in [in_a_test, in_words] {
        let found = found(&[("src/x.rs".to_owned(), text.to_owned())]);
        assert_eq!(found, Pairs::new());
    }
}

/// Each way out is banned, so that it needs its exception; each ban is looked for here.
#[test]
fn clippy_bans_what_opens_a_way_out() {
    let manifest = read("clippy.toml");
    let lines = manifest
        .lines()
        .filter_map(|line| line.split_once("path = \""));
    let bans: BTreeSet<_> = lines
        .map(|(_, rest)| rest.split('"').next().unwrap())
        .collect();
    let known = OPENS.iter().flat_map(|(_, bans)| *bans).chain(OTHER_BANS);
    assert_eq!(bans, known.copied().collect());
}

/// Whoever has an exception from the bans has a line in the list.
#[test]
fn exceptions_from_the_bans_are_in_the_list() {
    let ways = SINKS.iter().flat_map(|sink| sink.ways).map(|way| way.file);
    let known: BTreeSet<_> = ways.chain(OTHER_EXCEPTIONS.iter().copied()).collect();
    for (file, text) in sources() {
        let excepted = code(&text).contains("disallowed_methods");
        assert!(!excepted || known.contains(file.as_str()), "{file}");
    }
}

/// hyper's own connectors resolve and dial past the egress guard: they are not even compiled.
#[test]
fn hyper_has_no_connector_here() {
    let manifest = read("Cargo.toml");
    let hyper_util = manifest.lines().find(|line| line.starts_with("hyper-util"));
    assert!(!hyper_util.unwrap().contains("client"), "{hyper_util:?}");
}

fn found(sources: &[(String, String)]) -> Pairs {
    let mut found = Pairs::new();
    for (file, text) in sources {
        let code = code(text);
        let opens = OPENS.iter().map(|(what, _)| *what);
        let writes = WRITES.iter().copied();
        let writes = writes.filter(|_| !file.starts_with("crates/datacenter/"));
        let opened = opens.chain(writes).filter(|what| code.contains(what));
        found.extend(opened.map(|what| (file.clone(), what.to_owned())));
    }
    found
}

/// Without comments, and without modules of tests.
fn code(text: &str) -> String {
    let mut code = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            code.push(line.split("//").next().unwrap());
        } else if lines.next().is_some_and(|line| line.ends_with('{')) {
            lines.by_ref().find(|line| *line == "}");
        }
    }
    code.join("\n")
}

/// All code that ships, tests in files of their own left out.
fn sources() -> Vec<(String, String)> {
    let folders = [
        "src",
        "crates/access-token/src",
        "crates/datacenter/src",
        "crates/msync/src",
        "crates/tlog/src",
        "crates/websocket/src",
    ];
    let files = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder)));
    let names = files.map(|path| {
        path.strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    });
    let all: Vec<_> = names.map(|name| (name.clone(), read(&name))).collect();
    let tests: Vec<_> = all
        .iter()
        .flat_map(|(name, text)| tests(name, text))
        .collect();
    // The list says these texts.
    let ships = |name: &str| {
        name != "src/sinks/table.rs" && !tests.iter().any(|test| name.starts_with(test))
    };
    let shipped = all.into_iter().filter(|(name, _)| ships(name));
    shipped.collect()
}

/// Beginnings of the files of a module's tests: `mod x;` that is compiled for tests only.
fn tests(name: &str, text: &str) -> Vec<String> {
    let inside = name.trim_end_matches(".rs");
    let folder = ["/mod", "/lib", "/main"].iter();
    let folder = folder.fold(inside, |folder, end| folder.trim_end_matches(end));
    let modules = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?.strip_suffix(';')?;
        line.rsplit_once("mod ").map(|(_, module)| module)
    });
    let beginnings = modules.flat_map(|module| {
        [
            format!("{folder}/{module}.rs"),
            format!("{folder}/{module}/"),
        ]
    });
    beginnings.collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    nested
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
