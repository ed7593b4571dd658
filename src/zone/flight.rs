//! A session's messages under way: each has a place in its channel and among its App's calls, until
//! the data centre acknowledges it.

use std::sync::Arc;

use super::bind::{BindError, Bound, Home};
use super::rate;
use crate::config::Limits;
use crate::domain::{Channel, ZoneId};
use crate::registry::Seen;

/// The messages of one session that wait for their acknowledgement.
pub struct Flights {
    home: Arc<Home>,
    seen: Arc<Seen>,
    flights: Vec<Flight>,
}

struct Flight {
    /// `Meta.id`, which the acknowledgement echoes.
    id: u64,
    channel: Channel,
    /// By the pacer's ticks.
    since: u64,
}

/// Messages of one session that may wait at once.
const SESSION: usize = 256;

impl<C> Bound<C> {
    /// The session stands: its place among the calls under way is free again, and its messages take
    /// their own.
    pub fn established(self) -> (C, Flights) {
        let Self { call, permit, .. } = self;
        let flights = Flights {
            home: Arc::clone(&permit.pools.home),
            seen: permit.shared_seen(),
            flights: Vec::new(),
        };
        (call, flights)
    }
}

impl Flights {
    /// One more message leaves.
    ///
    /// # Errors
    /// When the App's rate is used up, or the channel, the App or the session has too many under way.
    pub fn enter(
        &mut self,
        id: u64,
        channel: Channel,
        now: u64,
        limits: &Limits,
    ) -> Result<(), BindError> {
        let app = self.seen.app();
        let quota = app.limits.rate.or(limits.rate_per_app);
        if quota.is_some_and(|quota| !rate::passes(&app.load, quota)) {
            return Err(BindError::RateLimited);
        }
        let per_app = app.limits.in_flight.unwrap_or(limits.in_flight_per_app);
        let in_channel = &self.home.in_flight[channel.index()];
        if self.flights.len() >= SESSION || !in_channel.enter(limits.in_flight_per_channel) {
            return Err(BindError::ChannelFull);
        }
        if !app.load.in_flight.enter(per_app) {
            in_channel.leave();
            return Err(BindError::ChannelFull);
        }
        self.flights.push(Flight {
            id,
            channel,
            since: now,
        });
        Ok(())
    }

    /// The data centre has acknowledged a message.
    pub fn landed(&mut self, id: u64) {
        if let Some(place) = self.flights.iter().position(|f| f.id == id) {
            let flight = self.flights.swap_remove(place);
            self.leave(flight.channel);
        }
    }

    /// Gives up those that left at `tick` or before, and says when the oldest of the others did.
    pub fn give_up(&mut self, tick: u64) -> Option<u64> {
        let mut place = 0;
        while let Some(flight) = self.flights.get(place) {
            if flight.since <= tick {
                let channel = flight.channel;
                self.flights.swap_remove(place);
                self.leave(channel);
            } else {
                place += 1;
            }
        }
        self.oldest()
    }

    /// When the oldest one left.
    pub fn oldest(&self) -> Option<u64> {
        self.flights.iter().map(|f| f.since).min()
    }

    /// The App's record has changed; its load is the same.
    pub fn renew(&mut self, seen: Arc<Seen>) {
        self.seen = seen;
    }

    pub fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    pub fn zone(&self) -> &ZoneId {
        &self.home.id
    }

    fn leave(&self, channel: Channel) {
        self.home.in_flight[channel.index()].leave();
        self.seen.app().load.in_flight.leave();
    }
}

impl Drop for Flights {
    fn drop(&mut self) {
        for flight in std::mem::take(&mut self.flights) {
            self.leave(flight.channel);
        }
    }
}
