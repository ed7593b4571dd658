//! How large a model is, and which controls stand in it.

use crate::store::{App, Region};

/// Two honest regions, and one that may be hostile.
pub const REGIONS: usize = 3;
pub const FRANKFURT: Region = 0;
pub const VIRGINIA: Region = 1;
pub const HOSTILE: Region = 2;

/// App 0 has names 0 (its App ID) and 1 (its AppKey). App 1 shares its App ID. App 2 shares nothing.
pub const APPS: usize = 3;
pub const NAMES: usize = 5;
pub const ID_OF: [usize; APPS] = [0, 0, 3];
pub const KEY_OF: [usize; APPS] = [1, 2, 4];

/// One model: who is there, how often what may happen, and the controls.
#[derive(Clone, Debug)]
pub struct Size {
    /// The region of each gateway.
    pub gateways: Vec<Region>,
    /// The Apps that administrators know.
    pub apps: &'static [App],
    /// Those that traffic asks for.
    pub asked: &'static [App],
    pub often: Often,
    pub rules: Rules,
    /// A restored snapshot may lack commits of which some gateway has seen none.
    pub unseen_losses: bool,
    pub procedure: Procedure,
}

/// How often something may happen, all gateways together. Look-ups, checks and news: any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Often {
    pub registrations: u8,
    /// And resumptions.
    pub suspensions: u8,
    pub retirements: u8,
    pub crashes: u8,
    /// A gateway loses the store; it may come back each time.
    pub outages: u8,
    pub restores: u8,
    pub reconciliations: u8,
    pub hostile_writes: u8,
}

/// How operators bring an older store up to what the audit logs know (docs/backup.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Procedure {
    /// All gateways stop, every region puts back, then all start.
    AllStopped,
    /// Each region stops, puts back and starts, whatever the others do.
    RegionByRegion,
}

/// The protocol's controls. All of them stand unless a test takes one out.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A registration demands that its names have no pin under any region, not only its own.
    pub absent_everywhere: bool,
    /// A transaction demands the link that the gateway's anchor has of its own region.
    pub own_link: bool,
    /// And of all other regions.
    pub all_links: bool,
    /// A read shows that the anchor's links are there, in the same snapshot.
    pub links_in_reads: bool,
    /// The store is compared with the anchor, and not believed when it has lost something.
    pub chain: bool,
    /// A registration's anchor is written before it is acknowledged.
    pub anchor_first: bool,
    /// What is acknowledged without a commit waits for a fresh comparison, and its anchor.
    pub anchor_again: bool,
    /// The audit log has the pins of each acknowledged registration, also when it was asked again.
    pub pins_logged_again: bool,
    /// A name with pins under two regions is refused.
    pub two_pins: bool,
    /// A pin names the place where it stands, and is signed by the region that it names.
    pub signature: bool,
    /// A region's credentials write its own part of the store and no more.
    pub permissions: bool,
    /// A retired App's pins and record stay.
    pub tombstone: bool,
    /// A change is made only of the record that was read.
    pub compare: bool,
    /// A gateway hears of its own commit before it answers.
    pub own_news: bool,
    /// News of a record makes it forgotten.
    pub news: bool,
    /// News of a name ends the memory that it was absent.
    pub absence_ends: bool,
    /// After a gap in the news everything remembered is asked for again.
    pub gap: bool,
    /// An answer that was overtaken by news isn't remembered.
    pub epoch: bool,
    /// A new pin makes an App that was said to live elsewhere be asked for again.
    pub elsewhere_ends: bool,
    /// An App that was known is served while the store is away or not believed.
    pub known_go_on: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            absent_everywhere: true,
            own_link: true,
            all_links: true,
            links_in_reads: true,
            chain: true,
            anchor_first: true,
            anchor_again: true,
            pins_logged_again: true,
            two_pins: true,
            signature: true,
            permissions: true,
            tombstone: true,
            compare: true,
            own_news: true,
            news: true,
            absence_ends: true,
            gap: true,
            epoch: true,
            elsewhere_ends: true,
            known_go_on: true,
        }
    }
}
