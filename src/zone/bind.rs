//! The binding of an admitted call to the only way out it may take: its App's zone and channel.

use std::sync::{Arc, OnceLock};

use http::HeaderValue;

use super::pool::Pool;
use super::rate;
use super::upstream::Target;
use crate::auth::Admitted;
use crate::config::Limits;
use crate::domain::{Channel, Transport, ZoneId};
use crate::places::Places;
use crate::registry::Seen;

/// Something that belongs to a channel, and may announce how large it is.
pub trait Channelled {
    fn channel(&self) -> Channel;

    /// The announced size of the body and its limit, in bytes.
    fn size(&self, limits: &Limits) -> (Option<u64>, u64);
}

/// A zone of this region, shared by all cores: where it is and how much is under way there.
pub struct Home {
    pub id: ZoneId,
    /// As in [`crate::observe::Metrics::zone_position`].
    pub position: usize,
    pub header: HeaderValue,
    pub gateway_secret: Option<HeaderValue>,
    /// What every request for it is told of it, as lines of a head.
    pub(super) lines: OnceLock<Box<[u8]>>,
    /// By [`Channel::index`].
    pub targets: [Vec<Arc<Target>>; 4],
    /// Where SDK sessions go, by [`Transport::index`].
    pub sessions: [Vec<Arc<Target>>; 2],
    /// Whether MSYNC connections begin with the preamble of session facts.
    pub msync_preamble: bool,
    pub(super) in_flight: [Places; 4],
}

/// One core's pools for a zone, by channel.
pub(super) struct Pools {
    pub home: Arc<Home>,
    pub channels: [Vec<Arc<Pool>>; 4],
}

/// A call bound to its App's zone and channel. Only [`super::Zones::bind`] makes one.
pub struct Bound<C> {
    pub(super) call: C,
    pub(super) permit: Permit,
    pub(super) ends: Option<u64>,
}

/// A place in a channel and among the App's calls under way; free again when dropped.
pub struct Permit {
    pub(super) pools: Arc<Pools>,
    pub(super) channel: Channel,
    seen: Arc<Seen>,
}

/// Why a call finds no way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    #[error("the App's rate is used up")]
    RateLimited,
    #[error("the body is larger than allowed")]
    TooLarge,
    #[error("the channel is full")]
    ChannelFull,
    #[error("the App's zone is not served here")]
    NoSuchZone,
}

impl Pools {
    /// Binds the call, if it fits what is under way.
    pub(super) fn bind<C: Channelled>(
        self: &Arc<Self>,
        admitted: Admitted<C>,
        limits: &Limits,
    ) -> Result<Bound<C>, BindError> {
        let ends = admitted.ends();
        let (call, seen) = admitted.into_parts();
        let quota = seen.app().limits.rate.or(limits.rate_per_app);
        if quota.is_some_and(|quota| !rate::passes(&seen.app().load, quota)) {
            return Err(BindError::RateLimited);
        }
        let (announced, limit) = call.size(limits);
        if announced.is_some_and(|size| size > limit) {
            return Err(BindError::TooLarge);
        }
        let channel = call.channel();
        let permit = Permit::take(self, channel, seen, limits).ok_or(BindError::ChannelFull)?;
        Ok(Bound { call, permit, ends })
    }
}

impl Home {
    /// Every upstream once for each place it has.
    pub fn all_targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.targets.iter().chain(&self.sessions).flatten()
    }

    pub(super) fn sessions(&self, transport: Transport) -> &[Arc<Target>] {
        &self.sessions[transport.index()]
    }
}

impl Permit {
    fn take(
        pools: &Arc<Pools>,
        channel: Channel,
        seen: Arc<Seen>,
        limits: &Limits,
    ) -> Option<Self> {
        let app = seen.app();
        let per_app = app.limits.in_flight.unwrap_or(limits.in_flight_per_app);
        let in_channel = &pools.home.in_flight[channel.index()];
        if !in_channel.enter(limits.in_flight_per_channel) {
            return None;
        }
        if !app.load.in_flight.enter(per_app) {
            in_channel.leave();
            return None;
        }
        Some(Self {
            pools: Arc::clone(pools),
            channel,
            seen,
        })
    }

    pub(super) fn shared_seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen)
    }

    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(super) fn home(&self) -> &Home {
        &self.pools.home
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pools.home.in_flight[self.channel.index()].leave();
        self.seen.app().load.in_flight.leave();
    }
}

impl<C> Bound<C> {
    pub fn call(&self) -> &C {
        &self.call
    }

    /// When the token that let it in dies, in unix seconds.
    pub const fn ends(&self) -> Option<u64> {
        self.ends
    }

    pub fn zone_position(&self) -> usize {
        self.permit.home().position
    }
}
