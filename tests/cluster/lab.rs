//! Eight gateways, run by the real binary, and those whom they need.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::ask::{self, UNKNOWN};
use super::members::{self, Members};
use crate::residency::network::Network;
use crate::residency::places::{ETCD_ADDRESS, PLACES, Place};
use crate::residency::process::Process;

/// Dropped in this order: processes before the network that they are in.
pub struct Lab {
    gateways: HashMap<Gateway, Process>,
    pub members: Members,
    pub network: Network,
    pub owners: Arc<Owners>,
    root: TempDir,
}

/// The owner's key of each region.
pub type Owners = HashMap<&'static str, String>;

/// One of a region's two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gateway {
    pub place: Place,
    pub n: usize,
}

pub const ROUTER: &str = "crossing";
pub const CROWD: &str = "crowd";
const BOTH: [usize; 2] = [0, 1];
const READY: Duration = Duration::from_secs(60);

impl Lab {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let network = sites();
        let ca = crate::harness::certificates::ca();
        fs::write(root.path().join("ca.crt"), ca).unwrap();
        let owners = PLACES.map(|place| (place.region, make_region(root.path(), place)));
        let members = Members::start(&network, root.path());
        let mut lab = Self {
            gateways: HashMap::new(),
            members,
            network,
            owners: Arc::new(owners.into()),
            root,
        };
        all().for_each(|gateway| lab.start(gateway));
        ask::until_all_answer(UNKNOWN, READY);
        lab
    }

    /// Ends it, by being asked to, and starts it again. It need not be ready.
    pub fn restart(&mut self, gateway: Gateway) {
        self.gateways.remove(&gateway).unwrap().end();
        self.start(gateway);
    }

    fn start(&mut self, gateway: Gateway) {
        let folder = self.root.path().join(gateway.folder());
        let log = folder.join("gateway.log");
        let process = Process::domicile(&self.network, &gateway.site(), &log, |command| {
            command.args(["serve", "--cores", "1", "--config"]);
            command.arg(folder.join("gateway.yaml"));
        });
        self.gateways.insert(gateway, process);
    }
}

impl Gateway {
    pub fn https(self) -> SocketAddr {
        (self.address(), 8443).into()
    }

    pub fn admin(self) -> SocketAddr {
        (self.address(), 9443).into()
    }

    fn site(self) -> String {
        format!("{}-{}", &self.place.region[..3], self.n)
    }

    /// The first one is where the region's names lead.
    fn address(self) -> Ipv4Addr {
        let [a, b, c, d] = self.place.gateway_address().octets();
        if self.n == 0 {
            [a, b, c, d]
        } else {
            [a, b, 9, d]
        }
        .into()
    }

    fn folder(self) -> String {
        match self.n {
            0 => self.place.region.to_owned(),
            n => format!("{}-{n}", self.place.region),
        }
    }
}

/// Both of each region.
pub fn all() -> impl Iterator<Item = Gateway> {
    let of = |place| BOTH.map(|n| Gateway { place, n });
    PLACES.into_iter().flat_map(of)
}

fn sites() -> Network {
    let mut network = Network::around(ROUTER);
    for gateway in all() {
        network.site(&gateway.site(), &[gateway.address()]);
    }
    for (site, address) in members::sites() {
        network.site(&site, &[address.parse().unwrap()]);
    }
    network.site(CROWD, &[Ipv4Addr::new(10, 90, 0, 10)]);
    network
}

/// A region with two gateways that have nothing in common but their keys; gives the owner's key.
fn make_region(root: &Path, place: Place) -> String {
    let owner = crate::residency::lab::make_region(root, place);
    let [first, second] = BOTH.map(|n| Gateway { place, n });
    let config = root.join(first.folder()).join("gateway.yaml");
    let yaml = fs::read_to_string(&config).unwrap();
    let single = format!("\"https://{ETCD_ADDRESS}:2379\"");
    assert!(yaml.contains(&single), "{yaml}");
    fs::write(&config, yaml.replace(&single, &Members::endpoints())).unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(root.join(first.folder()));
    assert!(
        copy.arg(root.join(second.folder()))
            .status()
            .unwrap()
            .success()
    );
    let yaml = fs::read_to_string(&config).unwrap();
    let other = yaml.replace(&first.address().to_string(), &second.address().to_string());
    fs::write(root.join(second.folder()).join("gateway.yaml"), other).unwrap();
    owner
}
