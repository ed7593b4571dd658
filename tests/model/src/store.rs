//! The store: a linearizable map with transactions. What it takes from whom is `permissions`.

use crate::size::{ID_OF, KEY_OF, NAMES, REGIONS, Rules};

pub type Region = usize;
pub type App = usize;
pub type Name = usize;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Store {
    pub pins: [[Option<Pin>; NAMES]; REGIONS],
    /// By the App's AppKey.
    pub records: [[Option<Record>; NAMES]; REGIONS],
    pub chains: [Chain; REGIONS],
    /// How many restores came before; a link made now is unlike any that was made before them.
    pub history: u8,
}

/// What a pin says, where, and who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pin {
    pub app: App,
    pub name: Name,
    pub home: Region,
    pub signer: Region,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    pub app: App,
    pub status: Status,
    pub revision: u8,
    /// The link that it was written with.
    pub link: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Active,
    Suspended,
    Retired,
}

/// A region's links. A link's hash is of all that came before, so that it is told apart by its
/// place and by the history in which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Chain {
    length: u8,
    histories: [u8; 8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    pub n: u8,
    history: u8,
}

/// One compare-and-write of a region, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Txn {
    pub region: Region,
    pub app: App,
    pub write: Write,
    /// The gateway's anchor when it was made: the links that it demands.
    pub links: [Option<Link>; REGIONS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    Register,
    Change { was: Record, status: Status },
}

impl Store {
    /// Makes the transaction and gives its link, or does nothing.
    pub fn commit(&mut self, txn: &Txn, rules: &Rules) -> Option<Link> {
        if !self.holds(txn, rules) {
            return None;
        }
        let link = self.chains[txn.region].grow(self.history);
        let key = KEY_OF[txn.app];
        match txn.write {
            Write::Register => self.put_app(txn.region, txn.app, link),
            Write::Change {
                status: Status::Retired,
                ..
            } if !rules.tombstone => {
                self.pins[txn.region][ID_OF[txn.app]] = None;
                self.pins[txn.region][key] = None;
                self.records[txn.region][key] = None;
            }
            Write::Change { was, status } => {
                self.records[txn.region][key] = Some(Record {
                    status,
                    revision: was.revision + 1,
                    link: link.n,
                    ..was
                });
            }
        }
        Some(link)
    }

    fn holds(&self, txn: &Txn, rules: &Rules) -> bool {
        let key = KEY_OF[txn.app];
        let there = self.records[txn.region][key];
        let fits = match txn.write {
            Write::Register => {
                let regions = 0..REGIONS;
                let mut asked = regions.filter(|r| *r == txn.region || rules.absent_everywhere);
                let free = |r: Region| self.pins[r][ID_OF[txn.app]].or(self.pins[r][key]).is_none();
                asked.all(free) && there.is_none()
            }
            Write::Change { was, .. } if rules.compare => there == Some(was),
            Write::Change { .. } => there.is_some(),
        };
        fits && self.has_all(&txn.demanded(rules))
    }

    pub fn has_all(&self, links: &[Option<Link>; REGIONS]) -> bool {
        let mut pairs = self.chains.iter().zip(links);
        pairs.all(|(chain, link)| link.is_none_or(|link| chain.has(link)))
    }

    pub fn put_pins(&mut self, home: Region, app: App) {
        for name in [ID_OF[app], KEY_OF[app]] {
            self.pins[home][name] = Some(Pin {
                app,
                name,
                home,
                signer: home,
            });
        }
    }

    fn put_app(&mut self, home: Region, app: App, link: Link) {
        self.put_pins(home, app);
        self.records[home][KEY_OF[app]] = Some(Record {
            app,
            status: Status::Active,
            revision: 1,
            link: link.n,
        });
    }
}

impl Txn {
    fn demanded(&self, rules: &Rules) -> [Option<Link>; REGIONS] {
        let stands = |r: Region| match r == self.region {
            true => rules.own_link,
            false => rules.all_links,
        };
        std::array::from_fn(|r| self.links[r].filter(|_| rules.chain && stands(r)))
    }
}

impl Chain {
    pub fn grow(&mut self, history: u8) -> Link {
        self.histories[usize::from(self.length)] = history;
        self.length += 1;
        Link {
            n: self.length,
            history,
        }
    }

    /// Only somebody hostile does.
    pub fn shrink(&mut self) {
        self.length = self.length.saturating_sub(1);
        self.histories[usize::from(self.length)] = 0;
    }

    pub fn newest(&self) -> Option<Link> {
        let n = self.length;
        let last = usize::from(n).checked_sub(1)?;
        Some(Link {
            n,
            history: self.histories[last],
        })
    }

    pub fn has(&self, link: Link) -> bool {
        link.n <= self.length && self.histories[usize::from(link.n) - 1] == link.history
    }

    pub const fn len(&self) -> u8 {
        self.length
    }
}
