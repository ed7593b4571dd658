//! The PROXY protocol, versions 1 and 2, from trusted peers only (haproxy's `proxy-protocol.txt`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The signature of version 2, section 2.2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header of version 1, section 2.1.
const LONGEST_V1: usize = 107;

/// The longest header of version 2 that is read; its extensions are skipped.
const LONGEST_V2: usize = 16 + 512;

/// Between two looks at a header that is still arriving.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// Takes the header off the connection, if there is one, and gives the client's address.
///
/// # Errors
/// When a header begins and is not complete or not valid.
pub async fn read(tcp: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut head = [0; SIGNATURE.len()];
    let length = peek(tcp, &mut head).await?;
    if head[..length].starts_with(b"PROXY ") {
        read_v1(tcp).await
    } else if head == SIGNATURE {
        read_v2(tcp).await
    } else {
        Ok(None)
    }
}

/// Looks at the first bytes until they say which of the two it is, or neither.
async fn peek(tcp: &TcpStream, head: &mut [u8; 12]) -> io::Result<usize> {
    loop {
        let length = tcp.peek(head).await?;
        let seen = &head[..length];
        let undecided = b"PROXY ".starts_with(seen) || SIGNATURE.starts_with(seen);
        if length == 0 || length == head.len() || !undecided || seen == b"PROXY " {
            return Ok(length);
        }
        // What has come stays readable, so wait a moment for more.
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read_v1(tcp: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut line = Vec::with_capacity(LONGEST_V1);
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_V1 {
            return Err(invalid());
        }
        line.push(tcp.read_u8().await?);
    }
    let text = std::str::from_utf8(&line).map_err(|_| invalid())?;
    parse_v1(text.trim_end_matches("\r\n"))
}

fn parse_v1(line: &str) -> io::Result<Option<IpAddr>> {
    let fields: Vec<&str> = line.split(' ').collect();
    match fields.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", "TCP4" | "TCP6", source, _, _, _] => {
            source.parse().map(Some).map_err(|_| invalid())
        }
        _ => Err(invalid()),
    }
}

async fn read_v2(tcp: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut head = [0; 16];
    tcp.read_exact(&mut head).await?;
    let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
    if length + head.len() > LONGEST_V2 {
        return Err(invalid());
    }
    let mut rest = vec![0; length];
    tcp.read_exact(&mut rest).await?;
    parse_v2(head[12], head[13], &rest)
}

fn parse_v2(command: u8, family: u8, rest: &[u8]) -> io::Result<Option<IpAddr>> {
    match (command, family >> 4) {
        // LOCAL: the proxy's own connection.
        (0x20, _) | (0x21, 0) => Ok(None),
        (0x21, 1) => {
            let octets = rest.first_chunk::<4>().ok_or_else(invalid)?;
            Ok(Some(Ipv4Addr::from(*octets).into()))
        }
        (0x21, 2) => {
            let octets = rest.first_chunk::<16>().ok_or_else(invalid)?;
            Ok(Some(Ipv6Addr::from(*octets).into()))
        }
        _ => Err(invalid()),
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a valid PROXY header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_gives_the_source() {
        let address = |line| parse_v1(line).map_err(|_| ());
        let v4 = "203.0.113.7".parse().unwrap();
        assert_eq!(
            address("PROXY TCP4 203.0.113.7 10.0.0.1 5000 443"),
            Ok(Some(v4))
        );
        let v6 = "2001:db8::7".parse().unwrap();
        assert_eq!(address("PROXY TCP6 2001:db8::7 ::1 5000 443"), Ok(Some(v6)));
        assert_eq!(address("PROXY UNKNOWN"), Ok(None));
        for bad in [
            "PROXY TCP4 x 10.0.0.1 5000 443",
            "PROXY TCP4 1.2.3.4",
            "PROXY UDP4 a b c d",
        ] {
            assert_eq!(address(bad), Err(()), "{bad}");
        }
    }

    #[test]
    fn version_2_gives_the_source() {
        let rest = [203, 0, 113, 7, 10, 0, 0, 1, 0x13, 0x88, 1, 0xbb];
        let address = parse_v2(0x21, 0x11, &rest).unwrap();
        assert_eq!(address, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(parse_v2(0x20, 0, &[]).unwrap(), None);
        assert!(parse_v2(0x21, 0x11, &rest[..3]).is_err());
        assert!(parse_v2(0x31, 0x11, &rest).is_err());
    }

    #[tokio::test]
    async fn a_header_is_taken_off_and_the_rest_stays() {
        for (sent, address, left) in [
            (
                &b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 443\r\nGET"[..],
                Some("203.0.113.7"),
                "GET",
            ),
            (b"GET / HTTP/1.1", None, "GET"),
            (b"PUT", None, "PUT"),
        ] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect_for_test(&listener).await;
            let (mut server, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut client, sent)
                .await
                .unwrap();
            let read = read(&mut server).await.unwrap();
            assert_eq!(read, address.map(|a| a.parse().unwrap()));
            let mut rest = [0; 3];
            server.read_exact(&mut rest).await.unwrap();
            assert_eq!(rest, left.as_bytes());
        }
    }

    trait ConnectForTest {
        async fn connect_for_test(listener: &tokio::net::TcpListener) -> TcpStream;
    }

    impl ConnectForTest for TcpStream {
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        async fn connect_for_test(listener: &tokio::net::TcpListener) -> TcpStream {
            TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap()
        }
    }
}
