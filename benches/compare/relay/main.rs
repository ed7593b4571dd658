//! The floor: what relaying HTTP/1.1 costs when nothing is decided. One thread, one epoll, a pool of
//! connections to the upstream; each head is parsed once, for its length, and all bytes pass as they
//! came. In a request's life that is four system calls, two to receive and two to send, and
//! `epoll_wait` is shared by many.
//!
//! `compare-relay LISTEN UPSTREAM`. It knows no time-outs, no pipelining and no chunked bodies: what
//! it cannot relay it closes. After a 101 it is a blind tunnel.

mod message;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use anyhow::Context as _;
use message::Length;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// Read at once, so that a large body takes few system calls.
const BUFFER: usize = 256 * 1024;

const LISTENER: Token = Token(usize::MAX);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut address = || -> anyhow::Result<SocketAddr> {
        let text = arguments.next().context("compare-relay LISTEN UPSTREAM")?;
        Ok(text.parse()?)
    };
    let (listen, upstream) = (address()?, address()?);
    Relay::new(listen, upstream)?.run()
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Client,
    Upstream,
}

struct Connection {
    stream: TcpStream,
    side: Side,
    /// The other end of the exchange under way.
    peer: Option<usize>,
    /// The beginning of a head that is not complete.
    head: Vec<u8>,
    /// Bytes of the message under way that have not come yet.
    left: u64,
    /// Bytes for here that did not fit into the socket.
    unsent: Vec<u8>,
    /// There may be something to read that no event will tell of again.
    readable: bool,
    /// The other side has said that no more comes after what there is.
    ends: bool,
}

struct Relay {
    poll: Poll,
    listener: TcpListener,
    upstream: SocketAddr,
    connections: Slab<Connection>,
    /// Connections to the upstream without an exchange.
    idle: Vec<usize>,
}

/// The connection cannot go on: it is closed, and its peer with it.
struct Broken;

impl Relay {
    fn new(listen: SocketAddr, upstream: SocketAddr) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(listen)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            upstream,
            connections: Slab::new(),
            idle: Vec::new(),
        })
    }

    fn run(mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                done => done?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                    continue;
                }
                let at = event.token().0;
                let Some(connection) = self.connections.get_mut(at) else {
                    continue;
                };
                connection.readable |= event.is_readable();
                connection.ends |= event.is_read_closed();
                if self.serve(at, &mut buffer).is_err() {
                    self.close(at);
                }
            }
        }
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => drop(self.add(stream, Side::Client)?),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream, side: Side) -> std::io::Result<usize> {
        let place = self.connections.vacant_entry();
        let at = place.key();
        self.poll.registry().register(
            &mut stream,
            Token(at),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        // Fails on a connection that has broken already, which a read will tell.
        let _ = stream.set_nodelay(true);
        place.insert(Connection {
            stream,
            side,
            peer: None,
            head: Vec::new(),
            left: 0,
            unsent: Vec::new(),
            readable: false,
            ends: false,
        });
        Ok(at)
    }

    /// Sends what waited for this connection, then relays what comes from it and, since that may
    /// have waited for room here, from its peer.
    fn serve(&mut self, at: usize, buffer: &mut [u8]) -> Result<(), Broken> {
        let had_waited = !self.connections[at].unsent.is_empty();
        if had_waited {
            self.send(at, &[])?;
        }
        self.relay(at, buffer)?;
        match self.connections.get(at).and_then(|here| here.peer) {
            Some(peer) if had_waited => self.relay(peer, buffer),
            _ => Ok(()),
        }
    }

    fn relay(&mut self, from: usize, buffer: &mut [u8]) -> Result<(), Broken> {
        while self.connections[from].readable && self.has_room(from) {
            let here = &mut self.connections[from];
            match here.stream.read(buffer) {
                Ok(0) => return Err(Broken),
                Ok(read) => {
                    // A short read has emptied the socket: asking again would be one call too many.
                    here.readable = read == buffer.len() || here.ends;
                    self.pass(from, &buffer[..read])?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => here.readable = false,
                Err(_) => return Err(Broken),
            }
        }
        Ok(())
    }

    fn has_room(&self, from: usize) -> bool {
        let peer = self.connections[from].peer;
        peer.is_none_or(|peer| self.connections[peer].unsent.is_empty())
    }

    fn pass(&mut self, from: usize, bytes: &[u8]) -> Result<(), Broken> {
        let here = &mut self.connections[from];
        if here.left > 0 {
            return self.pass_on(from, bytes);
        }
        let earlier = std::mem::take(&mut here.head);
        let joined;
        let bytes = if earlier.is_empty() {
            bytes
        } else {
            joined = [&earlier, bytes].concat();
            &joined
        };
        let length = match here.side {
            Side::Client => message::request(bytes),
            Side::Upstream => message::answer(bytes),
        };
        match length {
            Length::Unknown => {
                here.head = bytes.to_vec();
                return Ok(());
            }
            Length::Unreadable => return Err(Broken),
            Length::Of(length) => here.left = length,
            Length::Endless => self.tunnel(from)?,
        }
        if self.connections[from].side == Side::Client {
            self.begin(from)?;
        }
        self.pass_on(from, bytes)
    }

    /// From now on both ends are relayed without a look.
    fn tunnel(&mut self, upstream: usize) -> Result<(), Broken> {
        let client = self.connections[upstream].peer.ok_or(Broken)?;
        self.connections[upstream].left = u64::MAX;
        self.connections[client].left = u64::MAX;
        Ok(())
    }

    /// Finds the request's connection to the upstream.
    fn begin(&mut self, client: usize) -> Result<(), Broken> {
        if self.connections[client].peer.is_some() {
            return Err(Broken);
        }
        let upstream = match self.idle.pop() {
            Some(upstream) => upstream,
            None => self.dial().map_err(|_| Broken)?,
        };
        self.connections[client].peer = Some(upstream);
        self.connections[upstream].peer = Some(client);
        Ok(())
    }

    fn dial(&mut self) -> std::io::Result<usize> {
        let stream = TcpStream::connect(self.upstream)?;
        self.add(stream, Side::Upstream)
    }

    fn pass_on(&mut self, from: usize, bytes: &[u8]) -> Result<(), Broken> {
        let here = &mut self.connections[from];
        let peer = here.peer.ok_or(Broken)?;
        let length = bytes.len() as u64;
        here.left = here.left.checked_sub(length).ok_or(Broken)?;
        let is_answered = here.side == Side::Upstream && here.left == 0;
        self.send(peer, bytes)?;
        if is_answered {
            self.end(from, peer)
        } else {
            Ok(())
        }
    }

    /// The answer is complete: the upstream's connection is free for another request.
    fn end(&mut self, upstream: usize, client: usize) -> Result<(), Broken> {
        // An answer before the end of the request leaves a connection that nobody can use.
        if self.connections[client].left > 0 {
            return Err(Broken);
        }
        self.connections[client].peer = None;
        self.connections[upstream].peer = None;
        self.idle.push(upstream);
        Ok(())
    }

    fn send(&mut self, to: usize, bytes: &[u8]) -> Result<(), Broken> {
        let there = &mut self.connections[to];
        if !there.unsent.is_empty() {
            there.unsent.extend_from_slice(bytes);
            let sent = written(&mut there.stream, &there.unsent)?;
            there.unsent.drain(..sent);
            return Ok(());
        }
        let sent = written(&mut there.stream, bytes)?;
        there.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    fn close(&mut self, at: usize) {
        let Some(closed) = self.connections.try_remove(at) else {
            return;
        };
        if let Some(peer) = closed.peer {
            self.connections.try_remove(peer);
        } else if closed.side == Side::Upstream {
            self.idle.retain(|idle| *idle != at);
        }
    }
}

/// How much of it went into the socket.
fn written(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize, Broken> {
    match stream.write(bytes) {
        Ok(sent) => Ok(sent),
        // It is still connecting, or full.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::NotConnected
            ) =>
        {
            Ok(0)
        }
        Err(_) => Err(Broken),
    }
}
