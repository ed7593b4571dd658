//! What of a configuration cannot change while its gateway runs.

use std::net::SocketAddr;

use super::{Config, Listen};

impl Config {
    /// The members in which `other` differs and that only a restart can change.
    pub fn fixed(&self, other: &Self) -> Vec<&'static str> {
        // A new member has to be put on one of the two sides.
        let Self {
            region,
            catalogue,
            data_dir,
            listen,
            tls,
            registry,
            keys,
            tokens,
            audit_retention,
            log,
            allow_plaintext: _,
            zones: _,
            hint: _,
            limits: _,
            probe: _,
            tracing: _,
        } = self;
        let same = [
            ("region", *region == other.region),
            ("catalogue", catalogue.digest == other.catalogue.digest),
            ("data_dir", *data_dir == other.data_dir),
            ("listen", ports(listen) == ports(&other.listen)),
            (
                "tls.admin_client_ca",
                tls.admin_client_ca == other.tls.admin_client_ca,
            ),
            ("registry", *registry == other.registry),
            ("keys", *keys == other.keys),
            ("tokens", *tokens == other.tokens),
            ("audit", *audit_retention == other.audit_retention),
            ("log", *log == other.log),
        ];
        let changed = same.into_iter().filter(|(_, same)| !same);
        changed.map(|(member, _)| member).collect()
    }
}

/// Who may come through them can change.
fn ports(listen: &Listen) -> [Option<SocketAddr>; 5] {
    [
        listen.https,
        listen.http,
        listen.msync,
        listen.admin,
        listen.ops,
    ]
}
