use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use zeroize::Zeroizing;

use crate::config::keys::{FileKey as _, render, write_new};
use crate::config::{KeyFile, KeyFileError, KeyLineError, PinSigningKey, SealKey};

fn read(text: &str) -> Result<KeyFile<SealKey>, KeyFileError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, text).unwrap();
    private_mode(&path);
    KeyFile::read(&path)
}

#[cfg(unix)]
fn private_mode(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn private_mode(_: &Path) {}

#[test]
fn keys_are_read_newest_first() {
    let new = render("new", &[1; 32]);
    let text = format!(
        "# comment\n\n{}  old \t{}",
        *new,
        &render("", &[2; 32])[1..]
    );
    let file = read(&text).unwrap();
    let keys: Vec<_> = file
        .keys
        .iter()
        .map(|k| (k.id.as_str(), k.key[0]))
        .collect();
    assert_eq!(keys, [("new", 1), ("old", 2)]);
    assert_eq!(file.newest().unwrap().id, "new");
    assert!(!format!("{file:?}").contains('1'));
}

#[test]
fn wrong_lines_are_named() {
    let good = render("a", &[1; 32]);
    for (text, line, why) in [
        ("key\n".to_owned(), 1, KeyLineError::Shape),
        (format!("{}#\na b\n", *good), 3, KeyLineError::Twice),
        (format!("{}\u{e9} b\n", *good), 2, KeyLineError::Id),
        ("a ?\n".to_owned(), 1, KeyLineError::Base64),
        (format!("{} c\n", good.trim_end()), 1, KeyLineError::Base64),
        ("a AAAA\n".to_owned(), 1, KeyLineError::Length),
    ] {
        match read(&text) {
            Err(KeyFileError::Line {
                line: at, source, ..
            }) => {
                assert_eq!((at, source), (line, why), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(read("# none\n"), Err(KeyFileError::Empty { .. })));
}

#[test]
fn errors_name_the_file_and_show_no_key() {
    let text = format!("{}b {}\n", *render("a", &[1; 32]), "QUFB");
    let error = read(&text).unwrap_err().to_string();
    assert!(
        error.ends_with("keys:2: the key is not 32 bytes"),
        "{error}"
    );
}

#[test]
fn a_new_file_is_private_and_never_overwrites() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pin");
    write_new(&path, "fra-2026", &[7; 32]).unwrap();
    let keys = KeyFile::<PinSigningKey>::read(&path).unwrap().keys;
    assert_eq!((keys[0].id.as_str(), *keys[0].seed), ("fra-2026", [7; 32]));
    let again = write_new(&path, "fra-2027", &[8; 32]).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
}

/// RFC 8032 7.1, test 1.
#[test]
fn the_public_key_is_that_of_the_seed() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
    let key = PinSigningKey::new("a".into(), Zeroizing::new(seed));
    assert_eq!(hex::encode(key.public_key().unwrap()), public);
}
