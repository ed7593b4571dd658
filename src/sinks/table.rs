//! The list itself.

use super::Data::{
    Content, Credentials, Identifiers, Operational, Pseudonyms, Public, Sealed, Secrets,
};
use super::{Kept, Listener, Sink, To, Traffic, Way};

/// Everything, in the order in which people ask for it.
pub static SINKS: &[Sink] = &[
    Sink {
        name: "upstream.rest",
        to: To::Zone(Traffic::Rest),
        data: &[Content, Credentials, Identifiers],
        sends: "requests of Apps that live here, with body, token, client address and the gateway's own headers",
        ways: &[DIAL, way("src/zone/pool.rs", "target.connect()")],
    },
    Sink {
        name: "upstream.websocket",
        to: To::Zone(Traffic::WebSocket),
        data: &[Content, Credentials, Identifiers],
        sends: "SDK sessions of Apps that live here, with user, token and client address",
        ways: &[DIAL, way("src/zone/session.rs", "target.connect()")],
    },
    Sink {
        name: "upstream.msync",
        to: To::Zone(Traffic::Msync),
        data: &[Content, Credentials, Identifiers],
        sends: "SDK sessions of Apps that live here, with user, token and client address",
        ways: &[DIAL, way("src/zone/session.rs", "target.connect()")],
    },
    Sink {
        name: "upstream.management",
        to: To::Zone(Traffic::Management),
        data: &[Content, Identifiers],
        sends: "erasures (AppKey, user id) and sweeps (AppKeys, their retentions, the time)",
        ways: &[DIAL, way("src/zone/erase.rs", "target.connect()")],
    },
    Sink {
        name: "upstream.probe",
        to: To::Zone(Traffic::Probe),
        data: &[Operational],
        sends: "a connection every 5 s, with its TLS handshake, and nothing behind it",
        ways: &[DIAL, way("src/zone/probe.rs", "target.probe()")],
    },
    Sink {
        name: "dns",
        to: To::Resolver,
        data: &[Operational],
        sends: "host names of the configuration's upstreams, registry and collector, and of probed endpoints, as often as they are connected to",
        ways: &[way("src/zone/egress.rs", "lookup_host")],
    },
    Sink {
        name: "registry.etcd",
        to: To::Etcd,
        data: &[Pseudonyms, Sealed, Operational, Credentials],
        sends: "signed pins (hashes of App ID and AppKey, region, zone, time; the AppKey sealed under its App ID), \
                records and accounts sealed under the region's key, hashes of each commit; \
                which hashes are looked up; the store's own user and password",
        ways: &[way("src/registry/etcd/http.rs", "Client::builder")],
    },
    Sink {
        name: "traces",
        to: To::Collector,
        data: &[Identifiers, Operational],
        sends: "spans of sampled requests: route templates, codes, times, zones, App IDs, request and trace ids; no people (P7)",
        ways: &[DIAL, way("src/trace/collector.rs", "target.connect()")],
    },
    Sink {
        name: "probe",
        to: To::Regions,
        data: &[Identifiers],
        sends: "the names of canary Apps, which have no users, asked for at public endpoints as a stranger would",
        ways: &[PROBE],
    },
    Sink {
        name: "clients.calls",
        to: To::Listener(Listener::Calls),
        data: &[Content, Credentials, Public, Operational],
        sends: "the data centre's answers and sessions to who asked for them; the gateway's refusals and \
                discovery: codes, and the home's region and public endpoints",
        ways: &[way("src/serve/listen.rs", "Socket::new(")],
    },
    Sink {
        name: "clients.msync",
        to: To::Listener(Listener::Msync),
        data: &[Content, Public, Operational],
        sends: "the data centre's frames to whose session it is; the gateway's refusals: codes",
        ways: &[way("src/serve/listen.rs", "Socket::new(")],
    },
    Sink {
        name: "admin",
        to: To::Listener(Listener::Admin),
        data: &[Identifiers, Credentials, Operational, Public],
        sends: "answers to administrators: Apps, accounts, the audit log; new App certificates, admin keys and \
                tokens, once, to who had them made",
        ways: &[LISTEN],
    },
    Sink {
        name: "ops",
        to: To::Listener(Listener::Ops),
        data: &[Operational],
        sends: "/metrics, /healthz, /readyz: counts by region, zone, channel and code, addresses of upstreams; no Apps, no people (P7)",
        ways: &[LISTEN],
    },
    Sink {
        name: "log",
        to: To::StandardError,
        data: &[Identifiers, Operational],
        sends: "a line for each request and event: route templates, codes, times, App IDs, account ids, addresses of upstreams; no people (P7)",
        ways: &[way("src/cli/logging.rs", "io::stderr")],
    },
    Sink {
        name: "registry.embedded",
        to: To::Disk(Kept::Registry),
        data: &[Pseudonyms, Sealed],
        sends: "pins of all regions that share the file; records and accounts, each sealed under its region's key",
        ways: &[way("src/registry/embedded_file.rs", "OpenOptions::new")],
    },
    Sink {
        name: "registry.anchor",
        to: To::Disk(Kept::Anchor),
        data: &[Operational],
        sends: "the newest commit seen of each region: a number and a hash",
        ways: &[way("src/registry/anchor.rs", "OpenOptions::new")],
    },
    Sink {
        name: "audit",
        to: To::Disk(Kept::Audit),
        data: &[Identifiers, Pseudonyms, Operational],
        sends: "acts of administrators, refusals for residency's sake, counts of sweeps; no people (P7)",
        ways: &[
            way("src/audit/fresh.rs", "File::create"),
            way("src/audit/gateway_id.rs", "OpenOptions::new"),
        ],
    },
    Sink {
        name: "keys.count",
        to: To::Disk(Kept::KeyUse),
        data: &[Operational],
        sends: "how many records and accounts each seal key seals, by the keys' ids",
        ways: &[way("src/config/key_use.rs", "NamedTempFile::new")],
    },
    Sink {
        name: "service_manager",
        to: To::Files("the socket that NOTIFY_SOCKET names, where it does"),
        data: &[Operational],
        sends: "that it has started, reloads its configuration, or drains",
        ways: &[way("src/cli/service_manager.rs", "sd_notify::notify")],
    },
    Sink {
        name: "command.admin",
        to: To::Caller("the gateway at --admin", "TLS"),
        data: &[Identifiers, Credentials, Content],
        sends: "an administrator's orders: names of Apps and users, settings, the admin key",
        ways: &[way("src/cli/client.rs", "Client::builder")],
    },
    Sink {
        name: "command.probe",
        to: To::Caller("the endpoints of the catalogue that it is given", "TLS"),
        data: &[Identifiers],
        sends: "the names of canary Apps, which have no users",
        ways: &[PROBE],
    },
    Sink {
        name: "command.output",
        to: To::Caller("standard output and error of the command", "none"),
        data: &[Identifiers, Credentials, Operational],
        sends: "what was asked for; new keys, certificates and tokens once, to who had them made",
        ways: &[
            way("src/cli/output.rs", "io::stdout"),
            way("src/cli/exit.rs", "io::stderr"),
            way("src/cli/confirm.rs", "io::stderr"),
        ],
    },
    Sink {
        name: "command.backup",
        to: To::Caller("the file at --out", "AES-256-GCM"),
        data: &[Sealed],
        sends: "keys, registry, anchor and audit log, under a passphrase or recovery key",
        ways: &[way("src/cli/backup.rs", "NamedTempFile::new")],
    },
    Sink {
        name: "command.restore",
        to: To::Files("the gateway's own files"),
        data: &[Secrets, Pseudonyms, Sealed, Identifiers, Operational],
        sends: "a backup's keys, registry, anchor and audit log, back to where they were",
        ways: &[
            way("src/cli/restore/contents.rs", "OpenOptions::new"),
            way("src/cli/restore/contents.rs", "tempfile::Builder"),
            way("src/cli/restore/install.rs", "tempfile::Builder"),
        ],
    },
    Sink {
        name: "command.files",
        to: To::Files(
            "files of init, demo, check, keys rotate, registry init-etcd and install-secrets",
        ),
        data: &[Secrets, Public, Operational],
        sends: "new keys and passwords (mode 0600), catalogue entry and configuration; copies of secret files (mode 0400); a check writes an empty file and removes it",
        ways: &[
            way("src/config/keys.rs", "OpenOptions::new"),
            way("src/admin/owner.rs", "OpenOptions::new"),
            way("src/cli/init/files.rs", "OpenOptions::new"),
            way("src/demo/certificates.rs", "OpenOptions::new"),
            way("src/demo/mod.rs", "tempfile::Builder"),
            way("src/demo/places.rs", "TcpListener::bind"),
            way("src/config/check/data_dir.rs", "tempfile::tempfile"),
            way("src/cli/install_secrets.rs", "tempfile::Builder"),
            way("src/cli/keys/rotate.rs", "NamedTempFile::new"),
            way("src/cli/keys/rotate.rs", "OpenOptions::new"),
            way("src/cli/registry/init_etcd.rs", "OpenOptions::new"),
        ],
    },
];

const PROBE: Way = way("src/probe/dial.rs", "TcpStream::connect");
const DIAL: Way = way("src/zone/egress.rs", "socket.connect");
const LISTEN: Way = way("src/app/start.rs", "TcpListener::bind");

const fn way(file: &'static str, opens: &'static str) -> Way {
    Way { file, opens }
}
