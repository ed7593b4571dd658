//! Where the gateway may open a way out (P8). `clippy.toml` bans everything that opens one; this
//! is the list of the places that have an exception, compared with the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// File below the workspace, what it opens, and what for.
const WAYS_OUT: &[(&str, &str, &str)] = &[
    ("src/zone/egress.rs", "lookup_host", "names of upstreams"),
    ("src/zone/egress.rs", "socket.connect", "an App's zone"),
    (
        "src/probe/dial.rs",
        "TcpStream::connect",
        "public endpoints",
    ),
    ("src/cli/client.rs", "Client::builder", "the admin API"),
    (
        "src/registry/etcd/http.rs",
        "Client::builder",
        "the registry's etcd",
    ),
];

/// Texts of code that opens a way out or asks DNS, as the bans of `clippy.toml` name them.
const OPENS: &[&str] = &[
    "TcpStream::connect",
    "socket.connect",
    "lookup_host",
    "to_socket_addrs",
    "UdpSocket",
    "UnixStream",
    "UnixDatagram",
    "Client::builder",
    "reqwest::Client::new",
    "ClientBuilder",
    "reqwest::get",
];

#[test]
fn ways_out_are_opened_in_the_listed_places_only() {
    let found = found(&sources());
    let listed: Vec<_> = WAYS_OUT
        .iter()
        .map(|(file, what, _)| ((*file).to_owned(), (*what).to_owned()))
        .collect();
    assert_eq!(found, sorted(listed));
}

/// What the list keeps out, shown by sources that break it.
#[test]
fn a_socket_elsewhere_is_found() {
    for what in OPENS {
        let text = format!("fn f() {{ let _ = {what}(); }}\n#[cfg(test)]\nmod tests {{}}");
        let sources = vec![("src/admin/x.rs".to_owned(), text)];
        let wanted = ("src/admin/x.rs".to_owned(), (*what).to_owned());
        assert!(found(&sources).contains(&wanted), "{what}");
    }
    let in_a_test = "#[cfg(test)]\nmod tests { fn f() { TcpStream::connect(1); } }";
    let in_words = "// TcpStream::connect is banned";
    for text in [in_a_test, in_words] {
        assert_eq!(found(&[("x.rs".to_owned(), text.to_owned())]), []);
    }
}

/// Each text of [`OPENS`] that is a method's name is banned, so that it needs its exception.
#[test]
fn clippy_bans_what_opens_a_way_out() {
    let bans = read("clippy.toml");
    for ban in [
        "tokio::net::TcpStream::connect",
        "std::net::TcpStream::connect",
        "std::net::TcpStream::connect_timeout",
        "tokio::net::TcpSocket::connect",
        "socket2::Socket::connect",
        "tokio::net::UdpSocket::bind",
        "std::net::UdpSocket::bind",
        "tokio::net::UnixStream::connect",
        "std::os::unix::net::UnixStream::connect",
        "tokio::net::lookup_host",
        "std::net::ToSocketAddrs::to_socket_addrs",
        "reqwest::get",
        "reqwest::Client::new",
        "reqwest::Client::builder",
        "reqwest::ClientBuilder::new",
    ] {
        assert!(bans.contains(&format!("path = \"{ban}\"")), "{ban}");
    }
}

/// hyper's own connectors resolve and dial past the egress guard: they are not even compiled.
#[test]
fn hyper_has_no_connector_here() {
    let manifest = read("Cargo.toml");
    let hyper_util = manifest.lines().find(|line| line.starts_with("hyper-util"));
    assert!(!hyper_util.unwrap().contains("client"), "{hyper_util:?}");
}

fn found(sources: &[(String, String)]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, text) in sources {
        let code = code(text);
        let opened = OPENS.iter().filter(|what| code.contains(**what));
        found.extend(opened.map(|what| (file.clone(), (*what).to_owned())));
    }
    sorted(found)
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

/// Without comments, and without the tests at a file's end.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
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
    let shipped = names.filter(|name| !name.contains("/tests/") && !name.ends_with("tests.rs"));
    shipped.map(|name| (name.clone(), read(&name))).collect()
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
