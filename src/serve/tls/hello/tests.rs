use std::sync::Arc;

use proptest::prelude::*;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;
use crate::serve::tls::message::host_name;

const CLIENT_HELLO: u8 = 1;
const MESSAGE_HEADER: usize = 4;

/// A ClientHello as rustls writes it, in one record.
fn hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(RootCertStore::empty());
    let mut config = config.with_no_client_auth();
    config.enable_sni = !name.is_empty();
    let name = if name.is_empty() {
        "nameless.test"
    } else {
        name
    };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello
}

/// The same message in records of so many bytes.
fn cut(hello: &[u8], size: usize) -> Vec<u8> {
    let records = hello[RECORD_HEADER..].chunks(size).map(|part| {
        let [high, low] = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[HANDSHAKE, 3, 1, high, low], part].concat()
    });
    records.collect::<Vec<_>>().concat()
}

/// What comes of these bytes, and how many were read.
fn read(bytes: &[u8]) -> (Result<Hello, HelloError>, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut rest = bytes;
    let read = runtime.block_on(Hello::read(&mut rest));
    (read, bytes.len() - rest.len())
}

/// The server name as rustls finds it: lower case, and none for an address.
fn by_rustls(hello: &Hello) -> Option<Option<String>> {
    let mut acceptor = Acceptor::default();
    let mut record = hello.record();
    while !record.is_empty() {
        acceptor.read_tls(&mut record).unwrap();
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                return Some(accepted.client_hello().server_name().map(str::to_owned));
            }
            Ok(None) => {}
            Err(_) => return None,
        }
    }
    None
}

#[test]
fn a_hello_is_read_whatever_it_comes_in_and_nothing_behind_it() {
    let whole = hello("a71.chat.example.com");
    for size in [usize::MAX, 1000, 100, 50] {
        let mut bytes = cut(&whole, size.min(whole.len()));
        let length = bytes.len();
        bytes.extend_from_slice(b"what follows");
        let (hello, taken) = read(&bytes);
        let hello = hello.unwrap();
        assert_eq!(taken, length);
        assert_eq!(hello.record()[RECORD_HEADER..], whole[RECORD_HEADER..]);
        assert_eq!(
            hello.server_name().unwrap(),
            Some(&b"a71.chat.example.com"[..])
        );
        assert!(hello.is_new_enough());
    }
    let (nameless, _) = read(&hello(""));
    assert_eq!(nameless.unwrap().server_name().unwrap(), None);
}

#[test]
fn what_is_too_long_is_left_alone() {
    let whole = hello("a71.chat.example.com");
    let (tiny, taken) = read(&cut(&whole, 1));
    assert!(matches!(tiny, Err(HelloError::TooLong)), "{tiny:?}");
    assert_eq!(taken, RECORDS * (RECORD_HEADER + 1), "and no record more");
    // 64 KiB, announced in the message's header.
    let mut long = vec![CLIENT_HELLO, 1, 0, 0];
    long.resize(65_536, 0);
    for size in [1, 4, 16_384] {
        let mut bytes = vec![0; RECORD_HEADER];
        bytes.extend_from_slice(&long);
        let (read, taken) = read(&cut(&bytes, size));
        assert!(matches!(read, Err(HelloError::TooLong)), "{size}: {read:?}");
        assert!(taken <= RECORD_HEADER + 16_384, "{size}: {taken}");
    }
}

#[test]
fn what_is_no_hello_is_told_apart() {
    let whole = hello("a71.chat.example.com");
    let mut trailing = whole.clone();
    trailing.push(0);
    trailing[4] += 1;
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], "NotTls"),
        // An SSL 2.0 CLIENT-HELLO.
        (&[0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0], "NotTls"),
        // An alert, application data, and a record of nothing.
        (&[21, 3, 3, 0, 2, 2, 40], "NotTls"),
        (&[23, 3, 3, 0, 2, 2, 40], "NotTls"),
        (&[22, 3, 1, 0, 0, 22, 3, 1], "Malformed"),
        (&[22, 3, 1, 0x40, 1, 1, 0, 0], "Malformed"),
        // A ServerHello.
        (&[22, 3, 3, 0, 4, 2, 0, 0, 0], "Malformed"),
        (&trailing, "Malformed"),
        (&whole[..whole.len() - 1], "Gone"),
        (&[], "Gone"),
    ] {
        let (read, _) = read(bytes);
        let found = format!("{:?}", read.unwrap_err());
        assert!(
            found.starts_with(error),
            "{found}, not {error}, for {bytes:?}"
        );
    }
}

#[test]
fn old_versions_are_known_by_their_own_field() {
    let mut whole = hello("a71.chat.example.com");
    for (version, new) in [
        ([3, 0], false),
        ([3, 1], false),
        ([3, 2], false),
        ([3, 3], true),
    ] {
        whole[9..11].copy_from_slice(&version);
        assert_eq!(read(&whole).0.unwrap().is_new_enough(), new, "{version:?}");
    }
}

/// One name, of the only kind there is, and nothing behind it.
#[test]
fn a_list_of_names_has_one() {
    let list = |names: &[(u8, &[u8])]| {
        let entries = names.iter().map(|(kind, name)| {
            let [high, low] = u16::try_from(name.len()).unwrap().to_be_bytes();
            [&[*kind, high, low], *name].concat()
        });
        let entries = entries.collect::<Vec<_>>().concat();
        let [high, low] = u16::try_from(entries.len()).unwrap().to_be_bytes();
        [&[high, low][..], &entries].concat()
    };
    assert_eq!(host_name(&list(&[(0, b"a")])).unwrap(), b"a");
    for bad in [
        list(&[]),
        list(&[(0, b"")]),
        list(&[(1, b"a")]),
        list(&[(0, b"a"), (0, b"b")]),
        [list(&[(0, b"a")]), vec![0]].concat(),
        vec![0, 9, 0, 0, 1, b'a'],
    ] {
        assert!(host_name(&bad).is_err(), "{bad:?}");
    }
}

proptest! {
    /// The oracle is rustls. Where both can read a hello they find the same name; an address is a
    /// name to this code only, which refuses more.
    #[test]
    fn other_code_finds_the_same_name(
        changes in prop::collection::vec((0..2000_usize, any::<u8>()), 0..4),
        name in "[a-z0-9]{1,10}(\\.[a-z0-9]{1,10}){0,3}",
    ) {
        let name = if ServerName::try_from(name.as_str()).is_ok() { &name } else { "a.b" };
        let mut bytes = hello(name);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(RECORD_HEADER + MESSAGE_HEADER + at) {
                *place = byte;
            }
        }
        let (hello, _) = read(&bytes);
        let hello = hello.unwrap();
        if let (Ok(own), Some(other)) = (hello.server_name(), by_rustls(&hello)) {
            let own = own.map(|own| String::from_utf8(own.to_vec()).unwrap().to_lowercase());
            let is_address = own.as_ref().is_some_and(|own| own.parse::<std::net::IpAddr>().is_ok());
            prop_assert!(own == other || (is_address && other.is_none()), "{own:?}, {other:?}");
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let mut message = vec![CLIENT_HELLO, 0, 0, 0];
        message.extend_from_slice(&bytes);
        let [high, low] = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        message[2..4].copy_from_slice(&[high, low]);
        let mut record = vec![0; RECORD_HEADER];
        record.extend_from_slice(&message);
        let (hello, _) = read(&cut(&record, 500));
        let _ = hello.map(|hello| (hello.server_name().is_ok(), hello.is_new_enough()));
    }
}
