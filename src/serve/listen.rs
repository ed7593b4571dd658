//! Listening sockets: one for each core on the same port, so that a connection stays on its core.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// A port's sockets, one for each core.
#[derive(Debug)]
pub struct Sockets {
    pub address: SocketAddr,
    pub sockets: Vec<TcpListener>,
}

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    pub address: SocketAddr,
    #[source]
    pub source: io::Error,
}

/// How many ports of the system's choice are tried.
const PICKS: u32 = 16;

/// Connections that may wait for a core to accept them.
const BACKLOG: i32 = 4096;

impl Sockets {
    /// # Errors
    /// When the port is taken, also by another process that would share it.
    pub fn bind(address: SocketAddr, cores: usize) -> Result<Self, ListenError> {
        let mut tries = if address.port() == 0 { PICKS } else { 1 };
        loop {
            tries -= 1;
            match Self::bind_once(address, cores) {
                // Somebody else got the port that the system had picked.
                Err(error) if tries > 0 && error.source.kind() == io::ErrorKind::AddrInUse => {}
                done => return done,
            }
        }
    }

    fn bind_once(address: SocketAddr, cores: usize) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        // A port that is shared with another process would lose connections to it: bind alone first.
        let alone = socket(address, false).map_err(failed)?;
        let address = local(&alone).map_err(failed)?;
        drop(alone);
        let sockets = (0..cores.max(1)).map(|_| socket(address, true));
        Ok(Self {
            address,
            sockets: sockets.collect::<Result<_, _>>().map_err(failed)?,
        })
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn local(listener: &TcpListener) -> io::Result<SocketAddr> {
    listener.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_gets_a_socket_and_no_other_process_does() {
        let any = "127.0.0.1:0".parse().unwrap();
        let sockets = Sockets::bind(any, 3).unwrap();
        assert_eq!(sockets.sockets.len(), 3);
        assert!(Sockets::bind(sockets.address, 1).is_err());
    }
}
