//! What goes wrong: crashes, outages, older stores, and a region that turned hostile.

use crate::gateway::{Act, Gateway, Trust, What};
use crate::size::{APPS, HOSTILE, ID_OF, KEY_OF, Procedure, Rules, Size};
use crate::store::{App, Name, Pin, Record, Region, Status};
use crate::world::{World, once};

impl World {
    pub fn crash(&mut self, gateway: usize) -> Option<()> {
        once(&mut self.left.crashes)?;
        if let Some(act) = self.gateways[gateway].act {
            self.leave(act);
        }
        self.gateways[gateway] = self.gateways[gateway].restarted();
        Some(())
    }

    pub fn lose_store(&mut self, gateway: usize) -> Option<()> {
        let it = &mut self.gateways[gateway];
        it.connected.then_some(())?;
        once(&mut self.left.outages)?;
        it.connected = false;
        it.look = None;
        // What was on its way to it is lost with the connection.
        it.gap = true;
        it.news = Default::default();
        Some(())
    }

    pub fn find_store(&mut self, gateway: usize) -> Option<()> {
        let it = &mut self.gateways[gateway];
        (!it.connected).then(|| it.connected = true)
    }

    pub fn commit_late(&mut self, rules: &Rules) -> Option<()> {
        let txn = self.late.take()?;
        self.seen.late_commit |= self.make(&txn, rules).is_some();
        Some(())
    }

    pub fn take_snapshot(&mut self) -> Option<()> {
        if self.left.restores == 0 || self.snapshot.is_some() {
            return None;
        }
        self.snapshot = Some(self.store.clone());
        Some(())
    }

    /// All of the store becomes what it was. Who is connected stays so, and has a gap in the news;
    /// what is on its way arrives. Each gateway, and each transaction on its way, knows something
    /// that is lost, unless the size says otherwise.
    pub fn restore(&mut self, size: &Size) -> Option<()> {
        once(&mut self.left.restores)?;
        let mut old = self.snapshot.take()?;
        let lossless = self.store.chains == old.chains;
        let seen = |links: &_| lossless || size.unseen_losses || !old.has_all(links);
        if !self.gateways.iter().all(|it| seen(&it.anchor)) {
            return None;
        }
        self.late = self.late.filter(|txn| seen(&txn.links));
        for it in &mut self.gateways {
            it.act = it.act.filter(|act| match act {
                Act::Sent(txn) => seen(&txn.links),
                Act::Made(..) | Act::Same(_) => true,
            });
        }
        old.history = self.store.history + 1;
        self.store = old;
        for it in &mut self.gateways {
            it.gap = true;
            it.news = Default::default();
        }
        Some(())
    }

    pub fn reconcile_all(&mut self, size: &Size) -> Option<()> {
        if size.procedure != Procedure::AllStopped {
            return None;
        }
        self.begin_reconciling()?;
        for region in 0..HOSTILE {
            self.put_back(region)?;
        }
        for gateway in 0..self.gateways.len() {
            self.renew(gateway, &size.rules);
        }
        self.late = None;
        self.seen.reconciled = true;
        Some(())
    }

    pub fn reconcile(&mut self, region: Region, size: &Size) -> Option<()> {
        if size.procedure != Procedure::RegionByRegion {
            return None;
        }
        self.begin_reconciling()?;
        self.put_back(region)?;
        for gateway in 0..self.gateways.len() {
            if self.gateways[gateway].region == region {
                self.renew(gateway, &size.rules);
            }
        }
        self.seen.reconciled = true;
        Some(())
    }

    fn begin_reconciling(&mut self) -> Option<()> {
        once(&mut self.left.reconciliations)?;
        let rolled_back = |it: &Gateway| it.trust == Trust::RolledBack;
        self.gateways.iter().any(rolled_back).then_some(())
    }

    /// A gateway that was stopped, with a new anchor: the store is believed as it is.
    fn renew(&mut self, gateway: usize, rules: &Rules) {
        let it = &mut self.gateways[gateway];
        *it = it.restarted();
        it.anchor = Default::default();
        it.check(&self.store, rules);
    }

    /// `None`: other pins stand in the place, and the region is not believed.
    fn put_back(&mut self, region: Region) -> Option<()> {
        for app in 0..APPS {
            let log = self.logs[region];
            if log.pins[app] {
                self.put_back_pins(region, app)?;
            }
            if log.retired[app] {
                self.put_back_tombstone(region, app)?;
            }
        }
        Some(())
    }

    fn put_back_pins(&mut self, region: Region, app: App) -> Option<()> {
        let names = [ID_OF[app], KEY_OF[app]];
        let before = self.store.pins;
        for name in names {
            for (place, pins) in before.iter().enumerate() {
                let own = |pin: &Pin| place == region && pin.app == app;
                if pins[name].is_some_and(|pin| !own(&pin)) {
                    return None;
                }
            }
        }
        self.store.put_pins(region, app);
        if self.store.pins != before {
            self.store.chains[region].grow(self.store.history);
            self.seen.pins_put_back = true;
            for name in names {
                self.tell(region, name, What::Pin);
            }
        }
        Some(())
    }

    fn put_back_tombstone(&mut self, region: Region, app: App) -> Option<()> {
        let key = KEY_OF[app];
        self.store.pins[region][key]?;
        let there = self.store.records[region][key];
        if there.is_some_and(|record| record.status == Status::Retired) {
            return Some(());
        }
        let link = self.store.chains[region].grow(self.store.history).n;
        self.store.records[region][key] = Some(Record {
            app,
            status: Status::Retired,
            revision: there.map_or(1, |record| record.revision + 1),
            link,
        });
        self.seen.tombstone_put_back = true;
        self.tell(region, key, What::Record);
        Some(())
    }

    pub fn plant(&mut self, name: Name, app: App, home: Region) -> Option<()> {
        once(&mut self.left.hostile_writes)?;
        if ID_OF[app] != name && KEY_OF[app] != name {
            return None;
        }
        self.store.pins[HOSTILE][name] = Some(Pin {
            app,
            name,
            home,
            signer: HOSTILE,
        });
        self.tell(HOSTILE, name, What::Pin);
        Some(())
    }

    pub fn replay(&mut self, from: Name, name: Name) -> Option<()> {
        once(&mut self.left.hostile_writes)?;
        let pin = (0..HOSTILE).find_map(|region| self.store.pins[region][from])?;
        self.store.pins[HOSTILE][name] = Some(pin);
        self.tell(HOSTILE, name, What::Pin);
        Some(())
    }

    pub fn erase(&mut self, region: Region, name: Name, rules: &Rules) -> Option<()> {
        self.reaches(region, rules)?;
        self.store.pins[region][name].take()?;
        self.tell(region, name, What::Pin);
        Some(())
    }

    pub fn cut_chain(&mut self, region: Region, rules: &Rules) -> Option<()> {
        self.reaches(region, rules)?;
        self.store.chains[region].shrink();
        Some(())
    }

    /// What the hostile region's credentials let it write.
    fn reaches(&mut self, region: Region, rules: &Rules) -> Option<()> {
        once(&mut self.left.hostile_writes)?;
        (region == HOSTILE || !rules.permissions).then_some(())
    }
}
