//! What clients of this world get: versions, suites, key exchange, protocols.

use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, X25519, X25519MLKEM768};
use rustls::version::TLS12;
use rustls::{NamedGroup, ProtocolVersion};

use super::client::{Client, s_client, said};
use crate::harness::{World, rest_name};

/// Control: `Edge::config`. The client's order does not matter, and no key share for it costs a
/// round trip.
#[tokio::test]
async fn key_exchange_is_hybrid_for_everybody_who_can() {
    let world = World::new().await;
    let addresses = world.addresses("frankfurt");
    let name = rest_name("frankfurt");
    for address in [addresses.https, addresses.msync, addresses.admin] {
        for (groups, expected) in [
            (vec![X25519MLKEM768, X25519], NamedGroup::X25519MLKEM768),
            (vec![X25519, X25519MLKEM768], NamedGroup::X25519MLKEM768),
            (vec![SECP256R1, X25519MLKEM768], NamedGroup::X25519MLKEM768),
            (vec![X25519], NamedGroup::X25519),
            (vec![SECP256R1], NamedGroup::secp256r1),
        ] {
            let client = Client {
                groups,
                ..Client::default()
            };
            let stream = client.connect(address.unwrap(), &name).await.unwrap();
            let connection = stream.get_ref().1;
            assert_eq!(
                connection.protocol_version(),
                Some(ProtocolVersion::TLSv1_3)
            );
            let group = connection.negotiated_key_exchange_group().unwrap();
            assert_eq!(group.name(), expected);
        }
    }
    world.finish().await;
}

/// Clients that stop at TLS 1.2 are served, also those that know the hybrid group's name.
#[tokio::test]
async fn tls_1_2_is_served() {
    let world = World::new().await;
    let https = world.addresses("frankfurt").https.unwrap();
    let stream = Client::of(&TLS12)
        .connect(https, &rest_name("frankfurt"))
        .await;
    let stream = stream.unwrap();
    let connection = stream.get_ref().1;
    assert_eq!(
        connection.protocol_version(),
        Some(ProtocolVersion::TLSv1_2)
    );
    let suite = connection.negotiated_cipher_suite().unwrap().suite();
    assert!(format!("{suite:?}").contains("GCM"), "{suite:?}");
    world.finish().await;
}

#[tokio::test]
async fn protocols_are_h2_and_http_1_1() {
    let world = World::new().await;
    let addresses = world.addresses("frankfurt");
    let name = rest_name("frankfurt");
    for (address, offered, expected) in [
        (addresses.https, vec!["http/1.1", "h2"], Some("h2")),
        (addresses.https, vec!["http/1.1"], Some("http/1.1")),
        (
            addresses.https,
            vec!["http/1.0", "http/1.1"],
            Some("http/1.1"),
        ),
        (addresses.https, vec![], None),
        (addresses.admin, vec!["h2"], Some("h2")),
        (addresses.msync, vec!["h2"], None),
    ] {
        let client = Client {
            protocols: offered.clone(),
            ..Client::default()
        };
        let stream = client.connect(address.unwrap(), &name).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, expected.map(str::as_bytes), "{offered:?}");
    }
    let client = Client {
        protocols: vec!["spdy/3"],
        ..Client::default()
    };
    let refused = client.connect(addresses.https.unwrap(), &name).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    world.finish().await;
}

/// Another implementation, at its own command line.
#[tokio::test]
async fn openssl_gets_what_is_modern_and_nothing_else() {
    let world = World::new().await;
    let addresses = world.addresses("frankfurt");
    let ca = world.root().join("ca.pem");
    std::fs::write(&ca, crate::harness::certificates::ca()).unwrap();
    let ca = ca.to_str().unwrap();
    let name = rest_name("frankfurt");
    let verified = [
        "-servername",
        &name,
        "-CAfile",
        ca,
        "-verify_return_error",
        "-verify_hostname",
        &name,
    ];
    for address in [addresses.https, addresses.msync, addresses.admin] {
        let address = address.unwrap();
        for (options, protocol) in [
            (vec!["-tls1_3"], "TLSv1.3"),
            (vec!["-tls1_2"], "TLSv1.2"),
            (
                vec!["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
                "TLSv1.2",
            ),
            (
                vec!["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                "TLSv1.2",
            ),
        ] {
            let output = s_client(address, &[&verified[..], &options].concat()).await;
            let text = said(&output);
            assert!(text.contains("Verification: OK"), "{options:?}: {text}");
            assert!(text.contains(protocol), "{options:?}: {text}");
        }
        for options in [
            vec!["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            vec!["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
            vec!["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
            vec![
                "-tls1_2",
                "-cipher",
                "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0",
            ],
            vec!["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
            vec!["-tls1_2", "-cipher", "kDHE:@SECLEVEL=0"],
        ] {
            let output = s_client(address, &[&verified[..], &options].concat()).await;
            let text = said(&output);
            assert!(
                text.contains("no peer certificate available"),
                "{options:?}: {text}"
            );
            assert!(text.contains("alert"), "{options:?}: {text}");
        }
    }
    world.finish().await;
}
