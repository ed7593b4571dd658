//! One gateway: what it remembers, what it has not heard yet, and what it is doing.

use crate::size::{APPS, KEY_OF, NAMES, REGIONS, Rules};
use crate::store::{App, Link, Name, Region, Status, Store, Txn};
use crate::trust::{Found, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gateway {
    pub region: Region,
    pub connected: bool,
    pub trust: Trust,
    /// On disk: it outlives a crash.
    pub anchor: [Option<Link>; REGIONS],
    pub memory: [Option<Known>; APPS],
    /// Names that were looked for and not there.
    pub absent: [bool; APPS],
    /// Writes that it has not heard of, by name.
    pub news: [News; NAMES],
    /// The news had a gap: it may have missed some.
    pub gap: bool,
    pub look: Option<Look>,
    pub act: Option<Act>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    Unknown,
    Trusted,
    RolledBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    pub found: Found,
    pub stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct News {
    pub pin: bool,
    pub record: bool,
}

/// A look-up between its two reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    pub app: App,
    pub view: View,
    /// News of its name came after it began.
    pub overtaken: bool,
}

/// What an administrator has asked for, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The names were free, or the record was read: the transaction is on its way.
    Sent(Txn),
    /// It is in the store; nobody was told.
    Made(Txn, Link),
    /// It was so already: nothing to write.
    Same(Done),
}

/// What an administrator is told to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Done {
    Registered { app: App, link: u8 },
    Retired { app: App, link: u8 },
    Changed { app: App, link: u8 },
}

impl Gateway {
    pub fn new(region: Region) -> Self {
        Self {
            region,
            connected: true,
            trust: Trust::Trusted,
            anchor: Default::default(),
            memory: Default::default(),
            absent: Default::default(),
            news: Default::default(),
            gap: false,
            look: None,
            act: None,
        }
    }

    /// A process that starts again: only the anchor is left.
    pub fn restarted(&self) -> Self {
        Self {
            trust: Trust::Unknown,
            anchor: self.anchor,
            connected: self.connected,
            ..Self::new(self.region)
        }
    }

    pub const fn believes(&self) -> bool {
        self.connected && matches!(self.trust, Trust::Trusted)
    }

    /// Whether it has heard of all that was written under a name.
    pub fn has_heard(&self, name: Name) -> bool {
        !self.gap && self.news[name] == News::default()
    }

    /// What a request for the App is answered from memory.
    pub fn answer(&self, app: App, rules: &Rules) -> Option<Found> {
        let known = self.memory[app]?;
        let goes_on = !known.stale || (!self.believes() && rules.known_go_on);
        goes_on.then_some(known.found)
    }

    pub fn serves(&self, app: App, rules: &Rules) -> bool {
        let answer = self.answer(app, rules);
        matches!(answer, Some(Found::Here(record)) if record.status == Status::Active)
    }

    /// Compares the store with the anchor; writes the anchor if nothing is lost.
    pub fn check(&mut self, store: &Store, rules: &Rules) {
        if !self.connected {
            self.away();
        } else if rules.chain && !store.has_all(&self.anchor) {
            self.trust = Trust::RolledBack;
        } else {
            self.trust = Trust::Trusted;
            self.anchor = std::array::from_fn(|r| store.chains[r].newest());
        }
    }

    /// The store did not answer.
    pub fn away(&mut self) {
        if self.trust == Trust::Trusted {
            self.trust = Trust::Unknown;
        }
    }

    /// Whether a snapshot may be believed: it has the links of the anchor.
    pub fn believes_read(&self, store: &Store, rules: &Rules) -> bool {
        self.believes() && (!rules.links_in_reads || store.has_all(&self.anchor))
    }

    pub fn begin_look(&mut self, store: &Store, app: App) {
        let view = View::read(store, self.region, app);
        self.look = Some(Look {
            app,
            view,
            overtaken: false,
        });
    }

    pub fn finish_look(&mut self, store: &Store, rules: &Rules) {
        let Some(look) = self.look.take() else { return };
        if !self.connected {
            self.away();
            return;
        }
        if rules.links_in_reads && !store.has_all(&self.anchor) {
            return;
        }
        let keep = !look.overtaken || !rules.epoch;
        match look.view.verify(store, self.region, look.app, rules) {
            Ok(Some(found)) if keep => {
                let known = Known {
                    found,
                    stale: false,
                };
                self.memory[look.app] = Some(known);
                self.absent[look.app] = false;
            }
            Ok(None) if keep && self.memory[look.app].is_none() => self.absent[look.app] = true,
            // Refused, or answered and not remembered.
            _ => {}
        }
    }

    /// Hears all that waits under one name.
    pub fn hear(&mut self, name: Name, rules: &Rules) {
        let news = std::mem::take(&mut self.news[name]);
        for app in (0..APPS).filter(|app| KEY_OF[*app] == name) {
            if rules.absence_ends {
                self.absent[app] = false;
            }
            self.overtake(app);
            let elsewhere = |k: &Known| matches!(k.found, Found::Elsewhere(_));
            if let Some(known) = &mut self.memory[app]
                && news.pin
                && elsewhere(known)
                && rules.elsewhere_ends
            {
                known.stale = true;
            }
            if news.record && rules.news {
                self.memory[app] = None;
            }
        }
    }

    /// The news flow again.
    pub fn hear_of_gap(&mut self, rules: &Rules) {
        self.gap = false;
        self.news = Default::default();
        if !rules.gap {
            return;
        }
        self.absent = Default::default();
        for app in 0..APPS {
            self.overtake(app);
            if let Some(known) = &mut self.memory[app] {
                known.stale = true;
            }
        }
    }

    fn overtake(&mut self, app: App) {
        if let Some(look) = &mut self.look
            && look.app == app
        {
            look.overtaken = true;
        }
    }

    /// Something was written; it will hear of it, or has missed it.
    pub fn written(&mut self, region: Region, name: Name, what: What) {
        if !self.connected {
            self.gap = true;
        }
        // Nothing here is remembered by App ID.
        if self.gap || !KEY_OF.contains(&name) {
            return;
        }
        match what {
            What::Pin => self.news[name].pin = true,
            // Records of other regions are none of its business.
            What::Record if region == self.region => self.news[name].record = true,
            What::Record => {}
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Pin,
    Record,
}

impl Done {
    pub const fn link(self) -> u8 {
        match self {
            Self::Registered { link, .. }
            | Self::Retired { link, .. }
            | Self::Changed { link, .. } => link,
        }
    }
}
