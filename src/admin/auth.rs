//! The key of every call: from `Authorization` to an account.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Extensions;
use subtle::ConstantTimeEq;

use super::key::{KeyHash, Shown, shown};
use super::permission::Caller;
use super::refusal::Refusal;
use super::state::Shared;
use crate::registry::Account;

/// The address that a request came from. Whoever serves the router puts it into the request.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddr(pub IpAddr);

/// Lets only requests with a valid key pass, and says whose it is.
pub(super) async fn require_key(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let caller = match shown(request.headers()) {
        Shown::Nothing => return Err(Refusal::Unauthenticated),
        Shown::NoKey => None,
        Shown::Key(hash) => find(&shared, hash).await?,
    };
    let Some(caller) = caller else {
        return Err(shared.wrong_key(peer(request.extensions())));
    };
    shared.used(&caller.0);
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn find(shared: &Shared, hash: KeyHash) -> Result<Option<Caller>, Refusal> {
    let accounts = shared.given.registry.accounts().await?;
    Ok(owner_of(&accounts, &hash).cloned().map(Caller))
}

/// Looks at every account, and at every byte of every hash, whatever matches.
fn owner_of<'a>(accounts: &'a [Arc<Account>], hash: &KeyHash) -> Option<&'a Arc<Account>> {
    let mut owner = None;
    for account in accounts {
        if bool::from(account.key_hash.as_bytes().ct_eq(hash.as_str().as_bytes())) {
            owner = Some(account);
        }
    }
    owner
}

pub(super) fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<PeerAddr>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}
