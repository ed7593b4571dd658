//! All of it together, and what may happen next.

use stateright::{Model, Property};

use crate::gateway::{Gateway, Trust};
use crate::promise;
use crate::size::{APPS, HOSTILE, ID_OF, KEY_OF, Often, REGIONS, Size};
use crate::store::{App, Name, Region, Store, Txn};

/// One protocol of one size: what stateright is given.
#[derive(Clone, Debug)]
pub struct Protocol(pub Size);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub store: Store,
    pub snapshot: Option<Store>,
    pub gateways: Vec<Gateway>,
    /// The audit logs of each region's gateways, which nothing here destroys.
    pub logs: [Log; REGIONS],
    /// A transaction whose gateway has gone: it may reach the store yet.
    pub late: Option<Txn>,
    pub told: Told,
    pub seen: Seen,
    pub left: Often,
}

/// What `done` entries say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Log {
    /// Registered, with the pins' bytes.
    pub pins: [bool; APPS],
    pub retired: [bool; APPS],
}

/// What administrators were told. No gateway knows all of it; the promises are about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Told {
    /// The region that acknowledged the App first.
    pub home: [Option<Region>; APPS],
    pub retired: [bool; APPS],
    /// A second region acknowledged it, or an App that shares a name with it.
    pub moved: bool,
    /// It was acknowledged once more after it had been retired.
    pub risen: bool,
    /// Something was acknowledged whose link was not in the anchor of the gateway that did.
    pub unanchored: bool,
    /// A gateway remembered the contrary of what it acknowledged.
    pub unheard: bool,
}

/// What has happened once, for what must be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    /// Which Apps' pins each region's key has signed.
    pub signed: [[bool; APPS]; REGIONS],
    pub late_commit: bool,
    pub pins_put_back: bool,
    pub tombstone_put_back: bool,
    pub reconciled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Register {
        gateway: usize,
        app: App,
    },
    Suspend {
        gateway: usize,
        app: App,
    },
    Resume {
        gateway: usize,
        app: App,
    },
    Retire {
        gateway: usize,
        app: App,
    },
    /// The transaction reaches the store.
    Commit {
        gateway: usize,
    },
    /// The administrator is told.
    Acknowledge {
        gateway: usize,
    },
    /// The administrator is told that it may have happened or not.
    GiveUp {
        gateway: usize,
    },
    BeginLookUp {
        gateway: usize,
        app: App,
    },
    FinishLookUp {
        gateway: usize,
    },
    Hear {
        gateway: usize,
        name: Name,
    },
    HearOfGap {
        gateway: usize,
    },
    /// The comparison of store and anchor, each second.
    Check {
        gateway: usize,
    },
    Crash {
        gateway: usize,
    },
    LoseStore {
        gateway: usize,
    },
    FindStore {
        gateway: usize,
    },
    CommitLate,
    Snapshot,
    Restore,
    ReconcileAll,
    Reconcile {
        region: Region,
    },
    /// The hostile region writes a pin of its own, signed by itself, that names `home`.
    Plant {
        name: Name,
        app: App,
        home: Region,
    },
    /// It copies another region's pin.
    Replay {
        from: Name,
        name: Name,
    },
    Erase {
        region: Region,
        name: Name,
    },
    CutChain {
        region: Region,
    },
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.0)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let size = &self.0;
        for gateway in 0..world.gateways.len() {
            for app in size.apps.iter().copied() {
                steps.push(Step::Register { gateway, app });
                steps.push(Step::Suspend { gateway, app });
                steps.push(Step::Resume { gateway, app });
                steps.push(Step::Retire { gateway, app });
            }
            let asked = size
                .asked
                .iter()
                .map(|app| Step::BeginLookUp { gateway, app: *app });
            steps.extend(asked);
            steps.extend([
                Step::Commit { gateway },
                Step::Acknowledge { gateway },
                Step::GiveUp { gateway },
                Step::FinishLookUp { gateway },
                Step::HearOfGap { gateway },
                Step::Check { gateway },
                Step::Crash { gateway },
                Step::LoseStore { gateway },
                Step::FindStore { gateway },
            ]);
            steps.extend(size.apps.iter().map(|app| Step::Hear {
                gateway,
                name: KEY_OF[*app],
            }));
        }
        steps.extend([
            Step::CommitLate,
            Step::Snapshot,
            Step::Restore,
            Step::ReconcileAll,
        ]);
        steps.extend((0..HOSTILE).map(|region| Step::Reconcile { region }));
        if world.left.hostile_writes > 0 {
            hostile(size, steps);
        }
    }

    /// A step that isn't possible, or changes nothing, is none.
    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(step, &self.0)?;
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promise::all()
    }
}

fn hostile(size: &Size, steps: &mut Vec<Step>) {
    let names = size.apps.iter().flat_map(|app| [ID_OF[*app], KEY_OF[*app]]);
    for name in names.clone() {
        for app in size.apps.iter().copied() {
            for home in 0..REGIONS {
                steps.push(Step::Plant { name, app, home });
            }
        }
        steps.extend(names.clone().map(|from| Step::Replay { from, name }));
        steps.extend((0..REGIONS).map(|region| Step::Erase { region, name }));
    }
    steps.extend((0..REGIONS).map(|region| Step::CutChain { region }));
}

impl World {
    fn new(size: &Size) -> Self {
        Self {
            store: Store::default(),
            snapshot: None,
            gateways: size.gateways.iter().map(|r| Gateway::new(*r)).collect(),
            logs: Default::default(),
            late: None,
            told: Told::default(),
            seen: Seen::default(),
            left: size.often,
        }
    }

    /// `None`: it can't happen now.
    fn take(&mut self, step: Step, size: &Size) -> Option<()> {
        let rules = &size.rules;
        match step {
            Step::Register { gateway, app } => self.register(gateway, app, rules),
            Step::Suspend { gateway, app } => self.suspend(gateway, app, rules),
            Step::Resume { gateway, app } => self.resume(gateway, app, rules),
            Step::Retire { gateway, app } => self.retire(gateway, app, rules),
            Step::Commit { gateway } => self.commit(gateway, rules),
            Step::Acknowledge { gateway } => self.acknowledge(gateway, rules),
            Step::GiveUp { gateway } => self.give_up(gateway),
            Step::BeginLookUp { gateway, app } => self.begin_look_up(gateway, app, rules),
            Step::FinishLookUp { gateway } => {
                self.gateways[gateway].look?;
                self.gateways[gateway].finish_look(&self.store, rules);
                Some(())
            }
            Step::Hear { gateway, name } => {
                let gateway = &mut self.gateways[gateway];
                let hears = gateway.connected && !gateway.gap && !gateway.has_heard(name);
                hears.then(|| gateway.hear(name, rules))
            }
            Step::HearOfGap { gateway } => {
                let gateway = &mut self.gateways[gateway];
                (gateway.connected && gateway.gap).then(|| gateway.hear_of_gap(rules))
            }
            Step::Check { gateway } => {
                // Where nothing gets lost a comparison tells nothing new, but after a gap.
                let loses = size.often.restores + size.often.hostile_writes > 0;
                (loses || self.gateways[gateway].trust != Trust::Trusted).then_some(())?;
                self.gateways[gateway].check(&self.store, rules);
                Some(())
            }
            Step::Crash { gateway } => self.crash(gateway),
            Step::LoseStore { gateway } => self.lose_store(gateway),
            Step::FindStore { gateway } => self.find_store(gateway),
            Step::CommitLate => self.commit_late(rules),
            Step::Snapshot => self.take_snapshot(),
            Step::Restore => self.restore(size),
            Step::ReconcileAll => self.reconcile_all(size),
            Step::Reconcile { region } => self.reconcile(region, size),
            Step::Plant { name, app, home } => self.plant(name, app, home),
            Step::Replay { from, name } => self.replay(from, name),
            Step::Erase { region, name } => self.erase(region, name, rules),
            Step::CutChain { region } => self.cut_chain(region, rules),
        }
    }

    fn begin_look_up(&mut self, gateway: usize, app: App, rules: &crate::Rules) -> Option<()> {
        let it = &mut self.gateways[gateway];
        let answered = it.memory[app].is_some_and(|known| !known.stale) || it.absent[app];
        if it.look.is_some() || answered || !it.believes_read(&self.store, rules) {
            return None;
        }
        it.begin_look(&self.store, app);
        Some(())
    }
}

/// One more of what may happen only so often.
pub fn once(left: &mut u8) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}
