//! Partitions: the router drops packets and says nothing about it, as a broken cable would.

use super::lab::ROUTER;
use super::members::ADDRESSES;
use crate::residency::network::Network;

/// Nothing passes between this prefix and etcd.
pub fn cut_off(network: &Network, prefix: &str) {
    separate(network, prefix, ADDRESSES);
}

/// Nothing passes to or from etcd, nor between its members.
pub fn cut_everything_off(network: &Network) {
    install(
        network,
        &format!("ip saddr {ADDRESSES} drop\nip daddr {ADDRESSES} drop"),
    );
}

/// Nothing passes between this member and the others; gateways reach them all.
pub fn cut_member_off(network: &Network, address: &str) {
    separate(network, address, ADDRESSES);
}

pub fn heal(network: &Network) {
    network.run(ROUTER, "nft", &["delete", "table", "ip", "faults"]);
}

fn separate(network: &Network, one: &str, other: &str) {
    let rules =
        format!("ip saddr {one} ip daddr {other} drop\nip saddr {other} ip daddr {one} drop");
    install(network, &rules);
}

fn install(network: &Network, rules: &str) {
    let table = format!(
        "table ip faults {{\nchain forward {{\ntype filter hook forward priority 0;\n{rules}\n}}\n}}\n"
    );
    network.feed(ROUTER, "nft", &["-f", "-"], table.as_bytes());
}
