//! Client certificates for the admin API, where `tls.admin_client_ca` asks for them.

use std::process::Command;

use super::client::Client;
use crate::harness::certificates::{self, Authority, Pair, Wish};
use crate::harness::{World, rest_name};

/// Frankfurt's admin API is at `localhost`, and asks for certificates of `ca`.
async fn asked(ca: &Authority) -> World {
    let mut world = World::without_gateways(World::plan()).await;
    let names = ["localhost".to_owned(), rest_name("frankfurt")];
    let own = certificates::server(&names);
    world.put("frankfurt", "tls.crt", &own.certificate);
    world.put("frankfurt", "tls.key", &own.key);
    world.put("frankfurt", "admins.crt", &ca.pem);
    world.edit(|region, yaml| match region {
        "frankfurt" => yaml.replace("  names: [", "  names: [localhost, ").replace(
            "tls:\n  cert",
            "tls:\n  admin_client_ca: admins.crt\n  cert",
        ),
        _ => yaml,
    });
    world.start_gateways().await;
    world
}

/// `domicile apps list`, showing `pair`.
fn list(world: &World, pair: Option<&Pair>, key: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let port = world.addresses("frankfurt").admin.unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(["apps", "list", "--output", "json", "--admin"]);
    command.arg(format!("https://localhost:{port}"));
    command.arg("--ca").arg(put("ca.pem", certificates::ca()));
    command.arg("--key-file").arg(put("key", key));
    if let Some(Pair {
        certificate, key, ..
    }) = pair
    {
        let both = put("client.pem", &format!("{certificate}{key}"));
        command.arg("--client-certificate").arg(both);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

/// Controls: the verifier in `Edges::new`, and `Edge` that is given it.
#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_asks_for_a_certificate_beside_the_key() {
    let (ours, theirs) = (Authority::new("admins"), Authority::new("others"));
    let world = asked(&ours).await;
    let key = world.admin_key("frankfurt");
    let one = Wish::uri("urn:example:admin");
    let good = ours.issue(&one);
    list(&world, Some(&good), &key).unwrap();

    let expired = ours.issue(&one.clone().valid(2020, 2021));
    let foreign = theirs.issue(&one);
    for pair in [None, Some(&expired), Some(&foreign)] {
        let error = list(&world, pair, &key).unwrap_err();
        assert!(error.contains("cannot reach the gateway"), "{error}");
        assert!(error.contains("--client-certificate"), "{error}");
    }
    // The certificate is no key.
    let stranger = format!("dk_{}", "x".repeat(43));
    let error = list(&world, Some(&good), &stranger).unwrap_err();
    assert!(error.contains("unauthenticated"), "{error}");
    world.finish().await;
}

/// Traffic is not asked: SDKs have none.
#[tokio::test]
async fn clients_of_apps_are_not_asked() {
    let world = asked(&Authority::new("admins")).await;
    let addresses = world.addresses("frankfurt");
    for address in [addresses.https, addresses.msync] {
        let name = rest_name("frankfurt");
        let stream = Client::default().connect(address.unwrap(), &name).await;
        stream.unwrap();
    }
    world.finish().await;
}
