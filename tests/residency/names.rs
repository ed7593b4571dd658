//! A DNS server (RFC 1035) at a site's own loopback, whose answers the test decides.

use std::collections::HashMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::network;

/// Answers for names; whoever is not known does not exist.
pub struct Names {
    answers: Arc<Mutex<HashMap<String, Answers>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a name resolves to, one set of addresses for each time it is asked, in turn.
#[derive(Debug, Clone)]
struct Answers {
    turns: Vec<Vec<IpAddr>>,
    /// How often its A, and its AAAA records were asked for.
    asked: [usize; 2],
}

const A: u16 = 1;
const AAAA: u16 = 28;
const HEAD: usize = 12;

impl Names {
    /// At port 53 of the site's 127.0.0.1.
    pub fn serve(site: String) -> Self {
        let answers = Arc::<Mutex<HashMap<_, _>>>::default();
        let stop = Arc::<AtomicBool>::default();
        let (known, stopped) = (Arc::clone(&answers), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            network::enter(&site);
            answer_all(&known, &stopped);
        });
        Self {
            answers,
            stop,
            thread: Some(thread),
        }
    }

    /// From now on `name` has these addresses, at the first, second, ... question; then anew.
    pub fn set(&self, name: &str, turns: &[&[&str]]) {
        let addresses = |turn: &&[&str]| turn.iter().map(|a| a.parse().unwrap()).collect();
        let answers = Answers {
            turns: turns.iter().map(addresses).collect(),
            asked: [0, 0],
        };
        self.answers
            .lock()
            .unwrap()
            .insert(name.to_owned(), answers);
    }

    /// How often its addresses were asked for.
    pub fn asked(&self, name: &str) -> usize {
        let answers = self.answers.lock().unwrap();
        answers.get(name).map_or(0, |found| found.asked[0])
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own DNS server")]
fn answer_all(known: &Mutex<HashMap<String, Answers>>, stop: &AtomicBool) {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let tick = Some(Duration::from_millis(50));
    socket.set_read_timeout(tick).unwrap();
    let mut buffer = [0; 512];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        if let Some(answer) = answer(&buffer[..length], &mut known.lock().unwrap()) {
            let _ = socket.send_to(&answer, peer);
        }
    }
}

fn answer(question: &[u8], known: &mut HashMap<String, Answers>) -> Option<Vec<u8>> {
    let (name, end) = name(question)?;
    let kind = u16::from_be_bytes([*question.get(end)?, *question.get(end + 1)?]);
    let found = known.get_mut(&name);
    let code = if found.is_some() { 0 } else { 3 };
    let addresses = found.map_or(Vec::new(), |answers| answers.next(kind));
    let mut out = question[..2].to_vec();
    // An answer to a plain question, authoritative, recursion available.
    out.extend([0x85, 0x80 | code, 0, 1]);
    out.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(&question[HEAD..end + 4]);
    for address in addresses {
        // The question's name, its kind, class IN, to be forgotten at once.
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 0]);
        let bytes = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        out.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend(bytes);
    }
    Some(out)
}

impl Answers {
    fn next(&mut self, kind: u16) -> Vec<IpAddr> {
        let (slot, fits): (_, fn(&IpAddr) -> bool) = match kind {
            A => (0, IpAddr::is_ipv4),
            AAAA => (1, IpAddr::is_ipv6),
            _ => return Vec::new(),
        };
        let turn = self.asked[slot] % self.turns.len();
        self.asked[slot] += 1;
        self.turns[turn].iter().copied().filter(fits).collect()
    }
}

/// The question's name without its last dot, and where it ends.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEAD);
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = question.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}
