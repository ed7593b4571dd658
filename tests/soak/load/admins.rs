//! Administrators: Apps that are registered, changed and retired, and keys that are wrong.

use std::io;
use std::sync::Arc;

use reqwest::{Method, Response};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::Load;
use super::wire::{Wire, get, plain};
use crate::site::{App, ORG, connect, fresh};

/// Requests of others for each App that is registered: the registry's file grows with each, and so
/// does what is remembered of the file, until it is as much as may be.
const REQUESTS: u64 = 100;

/// An App's whole life.
pub async fn registers(load: Arc<Load>) -> io::Result<()> {
    let due = load.count("keep-alive") / REQUESTS;
    if load.count("retired") >= due {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        return Ok(());
    }
    let name = format!("changing-{}", fresh());
    let new = json!({"org": ORG, "app": name, "region": "frankfurt"});
    let made = load.admin(Method::POST, "apps", None, Some(new)).await?;
    load.answered("registered", made.status().as_u16(), &[201]);
    let made: Value = made.json().await.map_err(io::Error::other)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let app = App {
        id: text(&made["app_id"]),
        certificate: text(&made["certificate"]["value"]),
        name,
    };
    load.call(&app, &[200]).await?;
    let path = format!("apps/{}", app.id);
    let changed = load
        .admin(
            Method::PATCH,
            &path,
            Some("\"1\""),
            Some(json!({"plan": "advanced"})),
        )
        .await?;
    load.answered("changed", changed.status().as_u16(), &[200]);
    load.call(&app, &[200]).await?;
    let revoke = format!("{path}/users/u1/revoke");
    let revoked = load.admin(Method::POST, &revoke, None, None).await?;
    load.answered("revoked", revoked.status().as_u16(), &[200]);
    let retired = load.admin(Method::DELETE, &path, None, None).await?;
    load.answered("retired", retired.status().as_u16(), &[200]);
    load.call(&app, &[410]).await
}

/// A wrong key, from an address of its own. They are few beside the calls, as the handshakes are dear.
pub async fn tries_a_key(load: Arc<Load>) -> io::Result<()> {
    if load.count("wrong key") >= load.count("keep-alive") / 20 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        return Ok(());
    }
    let connector = TlsConnector::from(Arc::clone(&load.http1));
    let host = "admin.frankfurt.test";
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let stream = connector
        .connect(name, connect(load.site.admin).await?)
        .await?;
    let request = format!(
        "GET /v1/apps HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer dk_{:040}\r\n\r\n",
        fresh()
    );
    let status = Wire::new(stream).ask(&request).await?;
    load.answered("wrong key", status, &[401]);
    Ok(())
}

impl Load {
    async fn admin(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: Option<Value>,
    ) -> io::Result<Response> {
        let port = self.site.admin.port();
        let url = format!("https://admin.frankfurt.test:{port}/v1/{path}");
        let mut request = self.http.request(method, url).bearer_auth(&self.key);
        if let Some(revision) = if_match {
            request = request.header("if-match", revision);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.map_err(io::Error::other)
    }

    async fn call(&self, app: &App, expected: &[u16]) -> io::Result<()> {
        let request = get(&app.name, "users/u2", Some(&app.token("u2")));
        let status = plain(&self.site).await?.ask(&request).await?;
        self.answered("call of a changing App", status, expected);
        Ok(())
    }
}
