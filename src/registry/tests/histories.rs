//! Histories of concurrent operations, recorded at a real store and checked for linearizability
//! (docs/model.md).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use tokio::runtime::Handle;

use super::kit::{World, app, id, key};
use super::ledger::{Answer, Ledger, Name, Names, Op};
use super::wrappers::{Drops, Wrapped};
use crate::domain::{AppId, AppKey};
use crate::registry::suite::Backend;
use crate::registry::{
    AppName, ChangeError, Condition, Home, Known, LookUpError, RegisterError, Registered, Registry,
    Status,
};

const REGIONS: [&str; 2] = ["frankfurt", "virginia"];
/// The region of each gateway.
const GATEWAYS: [usize; 3] = [0, 0, 1];
const ROUNDS: usize = 20;
const CLIENTS: usize = 4;
const STEPS: usize = 5;
/// One answer of so many commits is lost, the commit made at once or late.
const LOST: usize = 7;

/// Two gateways of one region and one of another register, change and look up Apps that have two
/// App IDs and two AppKeys between them, by several threads at once; some answers get lost.
pub async fn histories_are_linearizable(backend: Arc<dyn Backend>) {
    let scene = Scene::new(backend).await;
    scene.store.lose_answers(LOST);
    let mut answered = 0;
    for round in 0..ROUNDS {
        let history = Arc::new(History::new(round));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let (history, handle) = (Arc::clone(&history), Handle::current());
            let gateways = scene.gateways.clone();
            let script = async move { history.script(&gateways, client).await };
            // Threads, so that they meet inside the store too.
            clients.spawn_blocking(move || handle.block_on(script));
        }
        clients.join_all().await;
        answered += history.answered();
        assert!(history.is_linearizable(), "{history:#?}");
    }
    let all = ROUNDS * CLIENTS * STEPS;
    assert!((all / 2..all).contains(&answered), "{answered} of {all}");
}

/// Controls: the checker, and the conditions of a registration. The store forgets that names must
/// be absent, and another region takes the App ID in between.
pub async fn a_store_that_ignores_what_is_there_is_found(backend: Arc<dyn Backend>) {
    let scene = Scene::new(backend).await;
    let (first, second) = (Names { id: 0, key: 0 }, Names { id: 0, key: 1 });
    let overtaken = |history, scene: &Scene| {
        let other = scene.gateways[2].clone();
        scene.overtaken(history, move |history| async move {
            history.run(1, &other, Op::Register(1, second)).await;
        });
    };
    for (round, drops) in [(0, None), (1, Some(is_absent as Drops))] {
        let history = Arc::new(History::new(round));
        scene.store.drop_conditions(drops);
        overtaken(Arc::clone(&history), &scene);
        history
            .run(0, &scene.gateways[0], Op::Register(0, first))
            .await;
        assert_eq!(history.answered(), 2);
        assert_eq!(history.is_linearizable(), drops.is_none(), "{history:#?}");
    }
}

/// Controls: the checker, and that a change is made of the record that was read.
pub async fn a_store_that_loses_a_change_is_found(backend: Arc<dyn Backend>) {
    let scene = Scene::new(backend).await;
    let change = |to| Op::Change {
        region: 0,
        id: 0,
        to,
        if_match: None,
    };
    for (round, drops) in [(0, None), (1, Some(is_record as Drops))] {
        let history = Arc::new(History::new(round));
        scene.store.drop_conditions(drops);
        let (here, other) = (&scene.gateways[0], scene.gateways[1].clone());
        let register = Op::Register(0, Names { id: 0, key: 0 });
        history.run(0, here, register).await;
        scene.overtaken(Arc::clone(&history), move |history| async move {
            history.run(1, &other, change(Status::Retired)).await;
        });
        history.run(0, here, change(Status::Suspended)).await;
        assert_eq!(history.answered(), 3);
        assert_eq!(history.is_linearizable(), drops.is_none(), "{history:#?}");
    }
}

fn is_absent(condition: &Condition) -> bool {
    matches!(condition, Condition::Absent(_))
}

fn is_record(condition: &Condition) -> bool {
    condition.key().as_str().starts_with("apps/")
}

struct Scene {
    store: Arc<Wrapped>,
    gateways: Vec<Gateway>,
    _world: World,
}

#[derive(Clone)]
struct Gateway {
    number: usize,
    registry: Arc<Registry>,
}

impl Scene {
    async fn new(backend: Arc<dyn Backend>) -> Self {
        let world = World::new(backend).await;
        let store = Wrapped::new(Arc::clone(&world.store));
        let mut gateways = Vec::new();
        for (number, region) in GATEWAYS.into_iter().enumerate() {
            let mut parts = world.parts(REGIONS[region]);
            parts.store = Arc::clone(&store) as _;
            parts.anchor = world.anchor(&format!("gateway{number}"));
            let registry = Registry::open(parts).await.unwrap();
            gateways.push(Gateway { number, registry });
        }
        Self {
            store,
            gateways,
            _world: world,
        }
    }

    /// When the next commit is on its way, something else happens first.
    fn overtaken<F>(&self, history: Arc<History>, act: impl FnOnce(Arc<History>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        *self.store.before_commit.lock() = Some(Box::pin(act(history)));
    }
}

#[derive(Debug)]
enum Event {
    Asked(usize, Op),
    Answered(usize, Answer),
}

/// What was asked and answered, in the order in which it was.
#[derive(Debug)]
struct History {
    round: usize,
    events: Mutex<Vec<Event>>,
    /// Which gateway has acknowledged that it made an App.
    made: Mutex<Vec<(usize, Names)>>,
    threads: AtomicUsize,
}

impl History {
    fn new(round: usize) -> Self {
        Self {
            round,
            events: Mutex::default(),
            made: Mutex::default(),
            threads: AtomicUsize::new(CLIENTS),
        }
    }

    /// One client's part. Who gets no answer goes on as somebody else: what was asked for may
    /// happen at any time from then on.
    async fn script(&self, gateways: &[Gateway], client: usize) {
        let mut thread = client;
        let mut dice = Dice((self.round * CLIENTS + client) as u64);
        for _ in 0..STEPS {
            let gateway = &gateways[dice.below(gateways.len())];
            let op = self.choose(gateway, &mut dice);
            if !self.run(thread, gateway, op).await {
                thread = self.threads.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    fn choose(&self, gateway: &Gateway, dice: &mut Dice) -> Op {
        let region = GATEWAYS[gateway.number];
        let (id, key) = (dice.below(2), dice.below(2));
        match dice.below(10) {
            0..4 => Op::Register(region, Names { id, key }),
            4..7 => Op::Change {
                region,
                id,
                to: [Status::Active, Status::Suspended, Status::Retired][dice.below(3)],
                if_match: [None, None, Some(1), Some(2)][dice.below(4)],
            },
            7 => Op::Ask(region, id),
            8 => self.look_up(gateway, Name::Id(id)),
            _ => self.look_up(gateway, Name::Key(key)),
        }
    }

    fn look_up(&self, gateway: &Gateway, name: Name) -> Op {
        let made = self.made.lock();
        let mut made = made.iter().filter(|(at, _)| *at == gateway.number);
        Op::LookUp {
            region: GATEWAYS[gateway.number],
            name,
            made_here: made.any(|(_, names)| match name {
                Name::Id(id) => names.id == id,
                Name::Key(key) => names.key == key,
            }),
        }
    }

    /// Whether there was an answer.
    async fn run(&self, thread: usize, gateway: &Gateway, op: Op) -> bool {
        self.events.lock().push(Event::Asked(thread, op));
        let answer = self.ask(&gateway.registry, op).await;
        let Some(answer) = answer else {
            return false;
        };
        self.events.lock().push(Event::Answered(thread, answer));
        if let (Op::Register(_, names), Answer::Created) = (op, answer) {
            self.made.lock().push((gateway.number, names));
        }
        true
    }

    async fn ask(&self, registry: &Registry, op: Op) -> Option<Answer> {
        match op {
            Op::Register(_, names) => {
                let new = app(self.id(names.id), self.key(names.key));
                registered(registry.register(new).await)
            }
            Op::Change {
                id, to, if_match, ..
            } => {
                let id = self.id(id);
                changed(match to {
                    Status::Active => registry.resume(&id, if_match).await,
                    Status::Suspended => registry.suspend(&id, if_match).await,
                    Status::Retired => registry.retire(&id, if_match).await,
                })
            }
            Op::Ask(_, id) => found(
                registry
                    .app(&self.id(id))
                    .await
                    .as_ref()
                    .map(Option::as_ref),
            ),
            Op::LookUp { name, .. } => {
                let name = match name {
                    Name::Id(id) => AppName::Id(self.id(id)),
                    Name::Key(key) => AppName::Key(self.key(key)),
                };
                found(registry.look_up(name).await.as_ref().map(Option::as_deref))
            }
        }
    }

    /// Each round has names of its own, so that its history stands for itself.
    fn id(&self, n: usize) -> AppId {
        id(&format!("{:x}0{n}", self.round))
    }

    fn key(&self, n: usize) -> AppKey {
        key(&format!("acme#round{}n{n}", self.round))
    }

    fn answered(&self) -> usize {
        let events = self.events.lock();
        let answered = events.iter().filter(|e| matches!(e, Event::Answered(..)));
        answered.count()
    }

    fn is_linearizable(&self) -> bool {
        let mut tester = LinearizabilityTester::new(Ledger::default());
        for event in self.events.lock().iter() {
            let noted = match event {
                Event::Asked(thread, op) => tester.on_invoke(*thread, *op),
                Event::Answered(thread, answer) => tester.on_return(*thread, *answer),
            };
            noted.unwrap();
        }
        tester.is_consistent()
    }
}

fn registered(result: Result<Registered, RegisterError>) -> Option<Answer> {
    match result {
        Ok(Registered::Created { .. }) => Some(Answer::Created),
        Ok(Registered::Existing { .. }) => Some(Answer::Existing),
        Err(RegisterError::Retired) => Some(Answer::Retired),
        Err(RegisterError::AppKeyTaken) => Some(Answer::KeyTaken),
        Err(RegisterError::AppIdTaken) => Some(Answer::IdTaken),
        Err(RegisterError::RegionImmutable) => Some(Answer::RegionImmutable),
        Err(RegisterError::Unavailable) => None,
        Err(error) => panic!("{error}"),
    }
}

fn changed(result: Result<Arc<crate::registry::App>, ChangeError>) -> Option<Answer> {
    match result {
        Ok(app) => Some(Answer::Is(app.status, app.revision)),
        Err(ChangeError::Unknown) => Some(Answer::Unknown),
        Err(ChangeError::Elsewhere(home)) => Some(elsewhere(home.as_str())),
        Err(ChangeError::Retired) => Some(Answer::Retired),
        Err(ChangeError::Stale) => Some(Answer::Stale),
        Err(ChangeError::Unavailable) => None,
        Err(error) => panic!("{error}"),
    }
}

fn found(result: Result<Option<&Known>, &LookUpError>) -> Option<Answer> {
    match result.map(|known| known.map(|known| &known.home)) {
        Ok(None) => Some(Answer::Unknown),
        Ok(Some(Home::Here(app))) => Some(Answer::Is(app.status, app.revision)),
        Ok(Some(Home::Elsewhere(home))) => Some(elsewhere(home.as_str())),
        Err(LookUpError::Unavailable) => None,
        Err(error) => panic!("{error}"),
    }
}

fn elsewhere(home: &str) -> Answer {
    Answer::Elsewhere(REGIONS.iter().position(|r| *r == home).unwrap())
}

/// The same choices in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % n as u64).unwrap()
    }
}
