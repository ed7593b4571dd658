//! A request as a client makes it, over any of the ways in.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::wire::{self, Answer, Wire};
use super::{TestApp, World, in_time};

/// The ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Http1,
    Http2,
    /// HTTP/1.1 on the listener without TLS.
    Plain,
}

impl Via {
    pub const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Plain];
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// The region's first name without it.
    pub host: Option<String>,
    pub via: Via,
}

impl Call {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
            host: None,
            via: Via::Http1,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// A call that every admitted administrator may make: `GET users`, with an App token.
    pub fn plain_of(app: &TestApp) -> Self {
        Self::get(&app.path("users")).token(&app.app_token())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// The request on the wire; a body is announced by its length.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let host = self.host.as_deref().unwrap_or(host);
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

impl World {
    /// Sends the call to a region's gateway, on a connection of its own.
    pub async fn call(&self, region: &str, call: Call) -> Answer {
        let host = super::rest_name(region);
        let addresses = self.addresses(region);
        match call.via {
            Via::Http2 => {
                let mut client = Http2::connect(addresses.https.unwrap(), &host).await;
                client.call(&call, &host).await
            }
            Via::Http1 => {
                let wire = Wire::tls(addresses.https.unwrap(), &host).await;
                exchange(wire, &call, &host).await
            }
            Via::Plain => {
                let wire = Wire::plain(addresses.http.unwrap()).await;
                exchange(wire, &call, &host).await
            }
        }
    }
}

async fn exchange(mut wire: Wire, call: &Call, host: &str) -> Answer {
    // A refused body may find the connection closed; the answer counts.
    let _ = wire.try_send(call.bytes(host)).await;
    wire.answer_to(&call.method).await
}

/// An HTTP/2 connection.
pub struct Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>);

impl Http2 {
    pub async fn connect(address: std::net::SocketAddr, name: &str) -> Self {
        let stream = TokioIo::new(wire::tls(address, name, true).await.unwrap());
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
        let (sender, connection) = in_time("an HTTP/2 handshake", handshake).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    pub async fn call(&mut self, call: &Call, host: &str) -> Answer {
        self.try_call(call, host).await.unwrap()
    }

    /// # Errors
    /// When the stream or the connection is closed without an answer.
    pub async fn try_call(&mut self, call: &Call, host: &str) -> Result<Answer, hyper::Error> {
        let host = call.host.as_deref().unwrap_or(host);
        let request = http::Request::builder()
            .method(call.method.as_str())
            .uri(format!("https://{host}{}", call.target));
        let headers = call.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        let body = Full::new(Bytes::from(call.body.clone().unwrap_or_default()));
        let request = request.body(body).unwrap();
        in_time("an answer", async {
            let (head, body) = self.0.send_request(request).await?.into_parts();
            let collected = body.collect().await?;
            let pairs = |map: &http::HeaderMap| {
                let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
                map.iter().map(|(n, v)| (n.to_string(), text(v))).collect()
            };
            Ok(Answer {
                status: head.status.as_u16(),
                headers: pairs(&head.headers),
                trailers: collected.trailers().map(pairs).unwrap_or_default(),
                body: collected.to_bytes().to_vec(),
            })
        })
        .await
    }
}
