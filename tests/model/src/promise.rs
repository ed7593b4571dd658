//! What must hold in every state (SPEC 2), and what must be possible, so that the model is not
//! empty.

use stateright::Property;

use crate::gateway::Trust;
use crate::size::{APPS, HOSTILE, ID_OF, KEY_OF, REGIONS};
use crate::store::{App, Status};
use crate::trust::{Found, hostile_pin};
use crate::world::{Protocol, World};

type Promise = Property<Protocol>;

pub fn all() -> Vec<Promise> {
    vec![
        Promise::always("an App has one home", one_home),
        Promise::always("an App is served where it was acknowledged", served_at_home),
        Promise::always("a pin never moves", |_, world| !world.told.moved),
        Promise::always("a retired App is not served", retired_unserved),
        Promise::always("a retired App stays retired", |_, world| !world.told.risen),
        Promise::always("a miss ends with the registration", misses_end),
        Promise::always("nobody is sent where no key signed", sent_home),
        Promise::always("another region's keys send nobody away", not_misled),
        Promise::always("a suspended App is not served", suspended_unserved),
        Promise::always("what is acknowledged is anchored", |_, world| {
            !world.told.unanchored
        }),
        Promise::always("who acknowledges has heard", |_, world| !world.told.unheard),
        Promise::sometimes("an App is served", |p, world| served(p, world, |_, _| true)),
        Promise::sometimes("an App is said to live elsewhere", says_elsewhere),
        Promise::sometimes("an App is retired", |_, world| {
            world.told.retired.contains(&true)
        }),
        Promise::sometimes("a late commit is made", |_, world| world.seen.late_commit),
        Promise::sometimes("a known App is served in an outage", |p, world| {
            served(p, world, |gateway, _| !world.gateways[gateway].connected)
        }),
        Promise::sometimes(
            "a known App is served on a store that was rolled back",
            |p, world| {
                served(p, world, |gateway, _| {
                    world.gateways[gateway].trust == Trust::RolledBack
                })
            },
        ),
        Promise::sometimes(
            "a known App is served on a store that was rolled back, and has a gap",
            |p, world| {
                served(p, world, |gateway, app| {
                    let it = &world.gateways[gateway];
                    it.trust == Trust::RolledBack && it.memory[app].is_some_and(|k| k.stale)
                })
            },
        ),
        Promise::sometimes("an App is served after reconciling", |p, world| {
            world.seen.reconciled && served(p, world, |_, _| true)
        }),
        Promise::sometimes("pins are put back", |_, world| world.seen.pins_put_back),
        Promise::sometimes("a tombstone is put back", |_, world| {
            world.seen.tombstone_put_back
        }),
        Promise::sometimes("a hostile pin refuses an App", hostile_refuses),
        Promise::sometimes("a hostile chain stops everybody", hostile_stops),
    ]
}

/// No two regions serve one App, nor two Apps of one name.
fn one_home(protocol: &Protocol, world: &World) -> bool {
    let mut homes = (0..APPS).flat_map(|app| {
        let serving = world.gateways.iter();
        let serving = serving.filter(move |it| it.serves(app, &protocol.0.rules));
        serving.map(move |it| (ID_OF[app], app, it.region))
    });
    let Some(first) = homes.next() else {
        return true;
    };
    homes.all(|other| other == first)
}

fn served_at_home(protocol: &Protocol, world: &World) -> bool {
    !served(protocol, world, |gateway, app| {
        let region = world.gateways[gateway].region;
        world.told.home[app].is_some_and(|home| home != region)
    })
}

/// Once it has heard, or asks a store that it believes.
fn retired_unserved(protocol: &Protocol, world: &World) -> bool {
    !served(protocol, world, |gateway, app| {
        world.told.retired[app] && is_current(world, gateway, app)
    })
}

/// The store says suspended, and the gateway has heard of all that was written.
fn suspended_unserved(protocol: &Protocol, world: &World) -> bool {
    !served(protocol, world, |gateway, app| {
        let region = world.gateways[gateway].region;
        let record = world.store.records[region][KEY_OF[app]];
        let suspended = record.is_some_and(|record| record.status == Status::Suspended);
        suspended && is_current(world, gateway, app)
    })
}

fn misses_end(_: &Protocol, world: &World) -> bool {
    !each(world, |gateway, app| {
        let registered = world.told.home[app].is_some();
        registered && world.gateways[gateway].absent[app] && is_current(world, gateway, app)
    })
}

/// A region that is said to be home has signed the App's pin some time.
fn sent_home(protocol: &Protocol, world: &World) -> bool {
    !each(world, |gateway, app| {
        match world.gateways[gateway].answer(app, &protocol.0.rules) {
            Some(Found::Elsewhere(home)) if home != HOSTILE => !world.seen.signed[home][app],
            _ => false,
        }
    })
}

/// An acknowledged App is never said to live anywhere else by who has heard all there is.
fn not_misled(protocol: &Protocol, world: &World) -> bool {
    !each(world, |gateway, app| {
        let answer = world.gateways[gateway].answer(app, &protocol.0.rules);
        let Some(Found::Elsewhere(said)) = answer else {
            return false;
        };
        let home = world.told.home[app];
        home.is_some_and(|home| home != said) && is_current(world, gateway, app)
    })
}

fn says_elsewhere(protocol: &Protocol, world: &World) -> bool {
    each(world, |gateway, app| {
        let answer = world.gateways[gateway].answer(app, &protocol.0.rules);
        matches!(answer, Some(Found::Elsewhere(_)))
    })
}

/// The worst that a pin of another region does: its App is refused where it isn't known.
fn hostile_refuses(_: &Protocol, world: &World) -> bool {
    (0..APPS).any(|app| {
        let registered = world.told.home[app].is_some_and(|home| home != HOSTILE);
        registered && hostile_pin(&world.store, app)
    })
}

/// And the worst that its chain does: who has seen its newest link believes nothing any more.
fn hostile_stops(_: &Protocol, world: &World) -> bool {
    let rolled_back = world.gateways.iter();
    let mut rolled_back = rolled_back.map(|it| it.trust == Trust::RolledBack);
    world.store.history == 0 && rolled_back.all(|it| it)
}

/// It believes the store, and has heard of all that was written under the App's AppKey.
fn is_current(world: &World, gateway: usize, app: App) -> bool {
    let it = &world.gateways[gateway];
    it.believes() && it.has_heard(KEY_OF[app])
}

fn served(protocol: &Protocol, world: &World, when: impl Fn(usize, App) -> bool) -> bool {
    each(world, |gateway, app| {
        world.gateways[gateway].serves(app, &protocol.0.rules) && when(gateway, app)
    })
}

fn each(world: &World, holds: impl Fn(usize, App) -> bool) -> bool {
    let gateways = 0..world.gateways.len();
    gateways
        .into_iter()
        .any(|gateway| (0..APPS).any(|app| holds(gateway, app)))
}

const _: () = assert!(HOSTILE < REGIONS);
