//! Address ranges.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::read::{Item, Section, shown};

/// A range such as `10.71.0.0/16`, or one address.
pub(super) fn range(item: &Item<'_>) -> Option<IpNet> {
    let expected = "an address range such as \"10.71.0.0/16\"";
    let text = item.text(expected)?;
    let address = text
        .parse::<IpAddr>()
        .map(|address| IpNet::from(address.to_canonical()));
    match address.ok().or_else(|| text.parse().ok()) {
        Some(range) => whole(item, range),
        None => item.fault(format!("{} is no address range", shown(text)), expected),
    }
}

/// The range without bits past its prefix: `10.71.0.10/16` may have been meant as one address.
fn whole(item: &Item<'_>, range: IpNet) -> Option<IpNet> {
    if range == range.trunc() {
        return unmapped(item, range);
    }
    let problem = format!("{range} has bits set past its prefix");
    let one = IpNet::from(range.addr());
    item.fault(problem, format!("{} or {one}", range.trunc()))
}

/// IPv4-mapped ranges as the IPv4 ranges that they are.
fn unmapped(item: &Item<'_>, range: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = range else {
        return Some(range);
    };
    let Some(v4) = v6.network().to_ipv4_mapped() else {
        return Some(range);
    };
    let prefix = v6.prefix_len().checked_sub(96);
    let range = prefix.and_then(|prefix| Ipv4Net::new(v4, prefix).ok());
    let expected = "an IPv4 range such as \"10.71.0.0/16\"";
    range
        .map(IpNet::V4)
        .or_else(|| item.fault("reaches out of the IPv4-mapped addresses", expected))
}

/// The shortest prefixes that still are somebody's network rather than a good part of the Internet.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 16;

pub(super) fn is_too_wide(range: &IpNet) -> bool {
    match range {
        IpNet::V4(range) => range.prefix_len() < SHORTEST_V4,
        IpNet::V6(range) => range.prefix_len() < SHORTEST_V6,
    }
}

/// Whether all of a range is on this machine.
pub(super) fn is_loopback(range: &IpNet) -> bool {
    range.network().is_loopback() && range.broadcast().is_loopback()
}

/// The ranges that a zone's traffic may go to.
pub(super) fn egress(s: &mut Section<'_>) -> Vec<IpNet> {
    let items = s.need_list("egress", EGRESS);
    let ranges: Vec<IpNet> = items.iter().filter_map(egress_range).collect();
    if IpNet::aggregate(&ranges)
        .iter()
        .any(|range| range.prefix_len() == 0)
    {
        let place = s.place("egress");
        s.document()
            .fault(&place, "is everything when taken together", EGRESS);
    }
    ranges
}

fn egress_range(item: &Item<'_>) -> Option<IpNet> {
    let range = range(item)?;
    if is_too_wide(&range) {
        return item.fault(format!("{range} is too wide"), EGRESS);
    }
    Some(range)
}

const EGRESS: &str =
    "the zone's own ranges, such as [\"10.71.0.0/16\"], of at least /8 (IPv6: /16)";
