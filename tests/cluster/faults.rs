//! Partitions: the router drops packets and says nothing about it, as a broken cable would.

use super::lab::ROUTER;
use crate::residency::network::Network;

const ETCD: &str = "10.80.0.0/16";

/// Nothing passes between this prefix and etcd.
pub fn cut_off(network: &Network, prefix: &str) {
    let rules =
        format!("ip saddr {prefix} ip daddr {ETCD} drop\nip saddr {ETCD} ip daddr {prefix} drop");
    install(network, &rules);
}

/// Nothing passes to or from etcd, nor between its members.
pub fn cut_everything_off(network: &Network) {
    install(
        network,
        &format!("ip saddr {ETCD} drop\nip daddr {ETCD} drop"),
    );
}

pub fn heal(network: &Network) {
    network.run(ROUTER, "nft", &["delete", "table", "ip", "faults"]);
}

fn install(network: &Network, rules: &str) {
    let table = format!(
        "table ip faults {{\nchain forward {{\ntype filter hook forward priority 0;\n{rules}\n}}\n}}\n"
    );
    network.feed(ROUTER, "nft", &["-f", "-"], table.as_bytes());
}
