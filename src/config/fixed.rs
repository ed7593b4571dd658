//! What of a configuration cannot change while its gateway runs.

use std::net::SocketAddr;

use super::Config;

impl Config {
    /// The members in which `other` differs and that only a restart can change.
    pub fn fixed(&self, other: &Self) -> Vec<&'static str> {
        let same = [
            ("region", self.region == other.region),
            ("catalogue", self.catalogue.digest == other.catalogue.digest),
            ("data_dir", self.data_dir == other.data_dir),
            ("listen", ports(self) == ports(other)),
            (
                "tls.admin_client_ca",
                self.tls.admin_client_ca == other.tls.admin_client_ca,
            ),
            ("registry", registry(self) == registry(other)),
            ("keys", self.keys == other.keys),
            ("tokens", self.tokens == other.tokens),
            ("audit", self.audit_retention == other.audit_retention),
            ("log", self.log == other.log),
        ];
        let changed = same.into_iter().filter(|(_, same)| !same);
        changed.map(|(member, _)| member).collect()
    }
}

/// Who may come through them can change.
fn ports(config: &Config) -> [Option<SocketAddr>; 5] {
    let listen = &config.listen;
    [
        listen.https,
        listen.http,
        listen.msync,
        listen.admin,
        listen.ops,
    ]
}

/// Without the value of its password.
fn registry(config: &Config) -> String {
    format!("{:?}", config.registry)
}
