//! The control plane: registering, suspending, retiring, and what administrators are told.

use crate::gateway::{Act, Done, Gateway, News, Trust, What};
use crate::size::{ID_OF, KEY_OF, Rules};
use crate::store::{App, Link, Region, Status, Store, Txn, Write};
use crate::trust::{Found, View, pin_of};
use crate::world::{World, once};

impl World {
    pub fn register(&mut self, gateway: usize, app: App, rules: &Rules) -> Option<()> {
        once(&mut self.left.registrations)?;
        let it = *self.able(gateway, rules)?;
        let id = pin_of(&self.store, ID_OF[app], rules).ok()?;
        let view = View::read(&self.store, it.region, app);
        let act = match view.verify(&self.store, it.region, app, rules).ok()? {
            Some(Found::Here(record)) if record.status == Status::Active => {
                self.told.risen |= self.told.retired[app];
                let link = record.link;
                Act::Same(Done::Registered { app, link })
            }
            // Retired, changed since, or elsewhere: told so, and nothing happens.
            Some(_) => return None,
            None if id.is_some() && rules.absent_everywhere => return None,
            None => Act::Sent(it.transaction(app, Write::Register)),
        };
        self.gateways[gateway].act = Some(act);
        Some(())
    }

    pub fn suspend(&mut self, gateway: usize, app: App, rules: &Rules) -> Option<()> {
        once(&mut self.left.suspensions)?;
        self.change(gateway, app, Status::Suspended, rules)
    }

    pub fn resume(&mut self, gateway: usize, app: App, rules: &Rules) -> Option<()> {
        once(&mut self.left.suspensions)?;
        self.change(gateway, app, Status::Active, rules)
    }

    pub fn retire(&mut self, gateway: usize, app: App, rules: &Rules) -> Option<()> {
        once(&mut self.left.retirements)?;
        self.change(gateway, app, Status::Retired, rules)
    }

    fn change(&mut self, gateway: usize, app: App, status: Status, rules: &Rules) -> Option<()> {
        let it = self.able(gateway, rules)?;
        let view = View::read(&self.store, it.region, app);
        let found = view.verify(&self.store, it.region, app, rules).ok()?;
        let Some(Found::Here(was)) = found else {
            return None;
        };
        let act = match was.status {
            Status::Retired if status == Status::Retired => Act::Same(Done::Retired {
                app,
                link: was.link,
            }),
            Status::Retired => return None,
            same if same == status => Act::Same(Done::Changed {
                app,
                link: was.link,
            }),
            _ => Act::Sent(it.transaction(app, Write::Change { was, status })),
        };
        self.gateways[gateway].act = Some(act);
        Some(())
    }

    /// A gateway that is free for an act, and believes what it has just read.
    fn able(&self, gateway: usize, rules: &Rules) -> Option<&Gateway> {
        let it = &self.gateways[gateway];
        let able = it.act.is_none() && it.believes_read(&self.store, rules);
        able.then_some(it)
    }

    pub fn commit(&mut self, gateway: usize, rules: &Rules) -> Option<()> {
        let Some(Act::Sent(txn)) = self.gateways[gateway].act else {
            return None;
        };
        self.gateways[gateway].act = match self.make(&txn, rules) {
            Some(link) => Some(Act::Made(txn, link)),
            None => {
                // It starts anew, after it has looked what happened.
                self.gateways[gateway].check(&self.store, rules);
                None
            }
        };
        Some(())
    }

    /// Writes it into the store, and tells who listens.
    pub fn make(&mut self, txn: &Txn, rules: &Rules) -> Option<Link> {
        let link = self.store.commit(txn, rules)?;
        if txn.write == Write::Register {
            self.seen.signed[txn.region][txn.app] = true;
            self.told.risen |= self.told.retired[txn.app];
            self.tell(txn.region, ID_OF[txn.app], What::Pin);
            self.tell(txn.region, KEY_OF[txn.app], What::Pin);
        }
        self.tell(txn.region, KEY_OF[txn.app], What::Record);
        Some(link)
    }

    pub fn tell(&mut self, region: Region, name: usize, what: What) {
        for gateway in &mut self.gateways {
            gateway.written(region, name, what);
        }
    }

    pub fn acknowledge(&mut self, gateway: usize, rules: &Rules) -> Option<()> {
        let it = &mut self.gateways[gateway];
        let (done, again) = match it.act? {
            Act::Sent(_) => return None,
            Act::Made(txn, link) => {
                it.answer_own(&txn, link, rules)?;
                (txn.done(link), false)
            }
            Act::Same(done) => {
                it.confirm(&self.store, rules)?;
                (done, true)
            }
        };
        it.act = None;
        let (it, region) = (*it, it.region);
        let unanchored = it.anchor[region].is_none_or(|newest| newest.n < done.link());
        self.told.unanchored |= unanchored;
        self.told.unheard |= !again && it.contradicts(done, rules);
        self.log(region, done, again, rules);
        self.acknowledged(region, done);
        Some(())
    }

    fn log(&mut self, region: Region, done: Done, again: bool, rules: &Rules) {
        let log = &mut self.logs[region];
        match done {
            Done::Registered { app, .. } => log.pins[app] |= !again || rules.pins_logged_again,
            Done::Retired { app, .. } => log.retired[app] = true,
            Done::Changed { .. } => {}
        }
    }

    fn acknowledged(&mut self, region: Region, done: Done) {
        match done {
            Done::Registered { app, .. } => {
                let shares = |other: &App| *other != app && ID_OF[*other] == ID_OF[app];
                let mut others = (0..ID_OF.len()).filter(shares);
                let clash = others.any(|other| self.told.home[other].is_some());
                let first = *self.told.home[app].get_or_insert(region);
                self.told.moved |= clash || first != region;
            }
            Done::Retired { app, .. } => self.told.retired[app] = true,
            Done::Changed { .. } => {}
        }
    }

    pub fn give_up(&mut self, gateway: usize) -> Option<()> {
        let it = &mut self.gateways[gateway];
        if it.connected {
            return None;
        }
        let act = it.act.take()?;
        it.away();
        self.leave(act);
        Some(())
    }

    /// What was on its way and has nobody left who waits for it.
    pub fn leave(&mut self, act: Act) {
        if let Act::Sent(txn) = act {
            self.late = Some(txn);
        }
    }
}

impl Gateway {
    fn transaction(&self, app: App, write: Write) -> Txn {
        Txn {
            region: self.region,
            app,
            write,
            links: self.anchor,
        }
    }

    /// Its memory denies what it has just acknowledged.
    fn contradicts(&self, done: Done, rules: &Rules) -> bool {
        match done {
            Done::Registered { app, .. } => self.absent[app],
            Done::Retired { app, .. } => self.serves(app, rules) && self.believes(),
            Done::Changed { .. } => false,
        }
    }

    /// The store's answer to an own commit arrives, and the anchor is written.
    fn answer_own(&mut self, txn: &Txn, link: Link, rules: &Rules) -> Option<()> {
        if !self.connected {
            return None;
        }
        if rules.own_news {
            self.news[KEY_OF[txn.app]] = News {
                pin: txn.write == Write::Register,
                record: true,
            };
            self.hear(KEY_OF[txn.app], rules);
        }
        let newest = &mut self.anchor[self.region];
        if rules.anchor_first && newest.is_none_or(|old| old.n < link.n) {
            *newest = Some(link);
        }
        Some(())
    }

    /// Before something is acknowledged that was there already.
    fn confirm(&mut self, store: &Store, rules: &Rules) -> Option<()> {
        if rules.anchor_again {
            self.check(store, rules);
            if self.trust != Trust::Trusted {
                self.act = None;
                return None;
            }
        }
        Some(())
    }
}

impl Txn {
    const fn done(&self, link: Link) -> Done {
        let (app, link) = (self.app, link.n);
        match self.write {
            Write::Register => Done::Registered { app, link },
            Write::Change {
                status: Status::Retired,
                ..
            } => Done::Retired { app, link },
            Write::Change { .. } => Done::Changed { app, link },
        }
    }
}
