//! What is tried. Each scenario says what it has seen; that nothing crossed is judged elsewhere, by
//! packets.

use super::client::{self, App, MUCH, message, message_to, rest, session};
use super::counters;
use super::fake::{self, Mode};
use super::lab::{Lab, SILENT, fake_address};
use super::places::{CLIENTS, PLACES, Place, place};
use super::tampering;
use crate::harness::sdk::BOTH;

/// One thing that is tried.
pub struct Scenario {
    pub name: &'static str,
    /// Payload bytes that must have gone to the App's own zone: the counters do count.
    pub at_home: Option<(&'static str, u64)>,
    pub run: fn(&mut Lab, &mut Seen),
}

/// What was seen beside the packets.
#[derive(Debug, Default, serde::Serialize)]
pub struct Seen {
    pub checks: Vec<Check>,
}

#[derive(Debug, serde::Serialize)]
pub struct Check {
    pub what: String,
    pub ok: bool,
    pub found: String,
}

impl Seen {
    /// Compares what was answered.
    pub fn says(&mut self, what: impl Into<String>, found: &str, expected: &[&str]) {
        self.checks.push(Check {
            what: what.into(),
            ok: expected.contains(&found),
            found: found.to_owned(),
        });
    }

    pub fn holds(&mut self, what: impl Into<String>, ok: bool, found: &dyn ToString) {
        self.checks.push(Check {
            what: what.into(),
            ok,
            found: found.to_string(),
        });
    }
}

const fn scenario(name: &'static str, run: fn(&mut Lab, &mut Seen)) -> Scenario {
    Scenario {
        name,
        at_home: None,
        run,
    }
}

impl Scenario {
    const fn at_home(mut self, zone: &'static str, bytes: usize) -> Self {
        self.at_home = Some((zone, bytes as u64));
        self
    }
}

/// In this order.
pub fn all() -> Vec<Scenario> {
    vec![
        // Each of five Apps sends a message by REST and eight by each kind of session.
        scenario("right region", right_region).at_home("fra1", MUCH + 2 * 8 * 16 * 1024),
        scenario("wrong region by REST", wrong_region_by_rest),
        scenario(
            "wrong region by WebSocket and TCP",
            wrong_region_by_sessions,
        ),
        scenario("canaries by domicile probe", canaries),
        scenario("redirect from the data centre", redirect),
        scenario("name that resolves to another region", name_abroad),
        scenario("name with an IPv4-mapped address abroad", name_mapped),
        scenario("name with a second address abroad", name_second),
        scenario("name that is rebound between look-ups", name_rebound),
        scenario("HTTPS_PROXY set", proxy).at_home("fra1", MUCH),
        scenario("pin moved by hand in etcd", tampering::pin_moved),
        scenario("pins copied by hand in etcd", tampering::pin_copied),
        scenario(
            "records swapped by hand in etcd",
            tampering::records_swapped,
        ),
        scenario("upstream down, healthy ones elsewhere", upstream_down),
        scenario("retry", retry).at_home("fra1", 3 * MUCH),
        scenario("crash in mid-request", crash).at_home("fra1", MUCH),
        scenario(
            "restart with a changed configuration in mid-request",
            restart,
        )
        .at_home("fra1", MUCH),
    ]
}

pub const SERVED: &[&str] = &["200 -"];
pub const ELSEWHERE: &[&str] = &["421 app_lives_elsewhere"];
const DENIED: &[&str] = &["502 egress_denied"];

fn right_region(lab: &mut Lab, seen: &mut Seen) {
    for app in &lab.apps {
        let zone = app.zone.id;
        seen.says(format!("{zone}: a user"), &client::make_user(app), SERVED);
        let sent = rest(app, app.place, "POST", "messages/users", &message());
        seen.says(format!("{zone}: a message"), &sent, SERVED);
        for by in BOTH {
            let session = session(app, app.place, by);
            seen.says(format!("{zone}: a session by {by:?}"), &session, &["0"]);
        }
    }
}

/// Every App at every other region.
fn abroad(lab: &Lab) -> impl Iterator<Item = (&App, Place)> {
    lab.apps.iter().flat_map(|app| {
        let others = PLACES.into_iter().filter(|place| *place != app.place);
        others.map(move |place| (app, place))
    })
}

fn wrong_region_by_rest(lab: &mut Lab, seen: &mut Seen) {
    for (app, place) in abroad(lab) {
        let what = format!("{} at {}", app.zone.id, place.region);
        let sent = rest(app, place, "POST", "messages/users", &message());
        seen.says(what, &sent, ELSEWHERE);
    }
}

fn wrong_region_by_sessions(lab: &mut Lab, seen: &mut Seen) {
    for (app, place) in abroad(lab) {
        for by in BOTH {
            let what = format!("{} at {} by {by:?}", app.zone.id, place.region);
            let session = session(app, place, by);
            seen.says(what, &session, &["8 app_lives_elsewhere"]);
        }
    }
}

/// The command that operators run, with the names and addresses of this network.
fn canaries(lab: &mut Lab, seen: &mut Seen) {
    let file = lab.canaries();
    let domicile = env!("CARGO_BIN_EXE_domicile");
    let output = lab
        .network
        .command(CLIENTS, domicile)
        .args(["probe", "--output", "json", "--apps"])
        .arg(&file)
        .arg("--catalogue")
        .arg(lab.path("regions"))
        .arg("--ca")
        .arg(lab.path("ca.crt"))
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = found["probes"].as_array().unwrap().len();
    seen.holds(
        "five canaries at four regions by three transports",
        count == 60,
        &count,
    );
    let bad = format!(
        "{} violations, {} unclear",
        found["violations"], found["unclear"]
    );
    seen.holds("all as they must be", found["ok"] == true, &bad);
}

/// Control: redirects are not followed, and one abroad is not handed on.
fn redirect(lab: &mut Lab, seen: &mut Seen) {
    let app = lab.app("fra1").clone();
    let va1 = place("virginia").zones().next().unwrap();
    for to in [
        format!(
            "https://{}:8443/proof/va1-app/messages/chatgroups",
            va1.address()
        ),
        "https://rest.virginia.test:8443/proof/va1-app/messages/chatgroups".to_owned(),
    ] {
        lab.fake.set(Mode::Redirect(to.clone()));
        let sent = rest(&app, app.place, "POST", "messages/chatgroups", &message());
        seen.says(format!("to {to}"), &sent, &["502 cross_region_reference"]);
    }
    lab.fake.set(Mode::Answer);
}

/// A call to Frankfurt's rooms, whose upstream has a name.
fn room(lab: &Lab, seen: &mut Seen, what: &str, expected: &[&str]) {
    let app = lab.app("fra1");
    let sent = rest(app, app.place, "POST", "messages/chatrooms", &message());
    seen.says(what, &sent, expected);
}

/// Afterwards the name is at home again, and works: what was seen was no dead upstream.
fn name_comes_home(lab: &Lab, seen: &mut Seen) {
    lab.names.set(fake::NAME, &[&[&fake_address()]]);
    lab.fake.set(Mode::AnswerOnce);
    let app = lab.app("fra1");
    let mut sent = String::new();
    // What had failed is left alone for ten seconds.
    for _ in 0..150 {
        sent = rest(app, app.place, "POST", "messages/chatrooms", "{}");
        if sent == SERVED[0] {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    seen.says("back at home", &sent, SERVED);
}

/// Idle connections are used up first, so that each call looks the name up.
fn forget_connections(lab: &Lab) {
    lab.fake.set(Mode::AnswerOnce);
    let app = lab.app("fra1");
    rest(app, app.place, "POST", "messages/chatrooms", "{}");
    rest(app, app.place, "POST", "messages/chatrooms", "{}");
}

const ABROAD: &str = "10.74.1.10";
const ABROAD_TOO: &str = "10.72.1.10";

/// Control: `Egress::dial_any` leaves out addresses outside the ranges.
fn name_abroad(lab: &mut Lab, seen: &mut Seen) {
    forget_connections(lab);
    lab.names.set(fake::NAME, &[&[ABROAD]]);
    for n in 1..=3 {
        room(lab, seen, &format!("call {n}"), DENIED);
    }
    let asked = lab.names.asked(fake::NAME);
    seen.holds("the name was looked up", asked >= 3, &asked);
    name_comes_home(lab, seen);
}

/// Control: `Egress::allows` unmaps addresses.
fn name_mapped(lab: &mut Lab, seen: &mut Seen) {
    forget_connections(lab);
    let mapped = format!("::ffff:{ABROAD}");
    lab.names.set(fake::NAME, &[&[&mapped]]);
    for n in 1..=3 {
        room(
            lab,
            seen,
            &format!("call {n}"),
            &["502 egress_denied", "503 home_unavailable"],
        );
    }
    name_comes_home(lab, seen);
}

/// The first address is at home and nobody is there: the second one tempts.
fn name_second(lab: &mut Lab, seen: &mut Seen) {
    forget_connections(lab);
    let zone = place("frankfurt").zones().next().unwrap();
    let nobody = &zone.machine(SILENT).to_string();
    lab.names.set(
        fake::NAME,
        &[&[nobody, ABROAD], &[ABROAD_TOO, nobody, ABROAD]],
    );
    for n in 1..=2 {
        room(
            lab,
            seen,
            &format!("call {n}"),
            &["503 home_unavailable", "504 upstream_timeout"],
        );
    }
    name_comes_home(lab, seen);
}

/// At each look-up it is somewhere else: what is checked is what is connected to.
fn name_rebound(lab: &mut Lab, seen: &mut Seen) {
    forget_connections(lab);
    let home = fake_address();
    lab.names
        .set(fake::NAME, &[&[&home], &[ABROAD], &[ABROAD_TOO]]);
    for n in 1..=9 {
        room(lab, seen, &format!("call {n}"), &[SERVED[0], DENIED[0]]);
    }
    let denied = client::metric(
        place("frankfurt"),
        "domicile_egress_dials_total",
        &[("verdict", "denied")],
    );
    seen.holds("some were denied", denied >= 6.0, &denied);
    name_comes_home(lab, seen);
}

/// Every gateway runs with `HTTPS_PROXY` and its kin set to a machine abroad.
fn proxy(lab: &mut Lab, seen: &mut Seen) {
    for app in &lab.apps {
        let sent = rest(app, app.place, "POST", "messages/users", &message());
        seen.says(app.zone.id, &sent, SERVED);
    }
}

fn upstream_down(lab: &mut Lab, seen: &mut Seen) {
    let frankfurt = place("frankfurt");
    lab.stop_centre("fra1");
    let app = lab.app("fra1").clone();
    let down = ["502 upstream_protocol", "503 home_unavailable"];
    for n in 1..=7 {
        let sent = rest(&app, frankfurt, "POST", "messages/users", &message());
        seen.says(format!("call {n}"), &sent, &down);
    }
    for by in BOTH {
        let session = session(&app, frankfurt, by);
        let expected = ["8 home_unavailable", "8 upstream_protocol"];
        seen.says(format!("a session by {by:?}"), &session, &expected);
    }
    let elsewhere = rest(lab.app("va1"), place("virginia"), "GET", "users/u1", "");
    seen.says("Virginia is well", &elsewhere, SERVED);
    lab.start_centre(frankfurt, app.zone);
    comes_back(&app, seen);
}

/// What was down is served again, within the time for which it is left alone.
fn comes_back(app: &App, seen: &mut Seen) {
    let mut sent = String::new();
    for _ in 0..300 {
        sent = rest(app, app.place, "GET", "users/u1", "");
        if sent == SERVED[0] {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    seen.says("served again", &sent, SERVED);
}

/// The upstream closes each connection behind its answer: the next request finds it closed, and goes
/// out once more on another one, in the same zone.
fn retry(lab: &mut Lab, seen: &mut Seen) {
    lab.fake.set(Mode::AnswerOnce);
    let app = lab.app("fra1").clone();
    for n in 1..=4 {
        let sent = rest(
            &app,
            app.place,
            "POST",
            "messages/chatgroups",
            &message_to("g1"),
        );
        seen.says(format!("call {n}"), &sent, SERVED);
    }
    seen.holds("calls arrived", lab.fake.served() >= 4, &lab.fake.served());
    lab.fake.set(Mode::Answer);
}

/// Whether Frankfurt's data centre has got a quarter of a long message since now.
fn on_its_way(lab: &Lab) -> impl Fn() -> bool + Sync {
    let way = ("frankfurt", "fra1");
    let before = counters::look(&lab.network)[&way].bytes;
    move || counters::look(&lab.network)[&way].bytes >= before + MUCH as u64 / 4
}

fn crash(lab: &mut Lab, seen: &mut Seen) {
    let app = lab.app("fra1").clone();
    let gateway = lab.gateway(app.place);
    let answer = client::interrupted(&app, on_its_way(lab), || gateway.crash());
    seen.says("the half message", &answer, &["no answer"]);
    lab.start_gateway(app.place);
    client::wait_for(app.place);
    let sent = rest(&app, app.place, "POST", "messages/users", &message());
    seen.says("after the crash", &sent, SERVED);
}

/// A configuration is read at the start: changing it takes a restart, which drains.
fn restart(lab: &mut Lab, seen: &mut Seen) {
    let app = lab.app("fra1").clone();
    lab.configure(app.place, "tokens: {max_age: 23h}\n");
    let gateway = lab.gateway(app.place);
    let answer = client::interrupted(&app, on_its_way(lab), || gateway.tell_to_end());
    seen.says("the message under way", &answer, SERVED);
    gateway.end();
    lab.start_gateway(app.place);
    client::wait_for(app.place);
    let sent = rest(&app, app.place, "POST", "messages/users", &message());
    seen.says("after the restart", &sent, SERVED);
}
