//! The way out: from an admitted call to its data centre and back.

mod bind;
mod body;
mod egress;
mod erase;
mod exchange;
mod filter;
mod flight;
mod head;
mod headers;
mod line;
mod pool;
mod prepare;
mod probe;
mod rate;
mod secured;
mod send;
mod sending;
mod session;
mod stream;
mod sweep;
mod upstream;

use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use tokio_util::task::TaskTracker;

use crate::auth::Admitted;
use crate::config::{Limits, Upstream, ZoneConfig};
use crate::domain::Channel;
use crate::observe::Metrics;
use crate::pace::Pacer;
use crate::places::Places;

pub use bind::{BindError, Bound, Channelled, Home, Permit};
pub use body::{BodyError, Download};
pub use egress::{DialError, Egress};
pub use erase::{EraseError, Evidence};
pub use filter::{CrossRegionReference, References};
pub use flight::Flights;
pub use line::LineError;
pub use prepare::Outbound;
pub use secured::{Secured, UpstreamTlsError};
pub use send::{Answer, FilterError, SendError};
pub use session::{Approach, Link};
pub use stream::Stream;
pub use sweep::{Sweep, Sweeping, Swept, Told};
pub use upstream::Target;

use bind::Pools;
use pool::Pool;

/// The zones of this region, shared by all cores of a gateway.
pub struct Homes {
    homes: Vec<Arc<Home>>,
    /// Every core's pools, for the gauges.
    pools: Mutex<Vec<Arc<Pools>>>,
}

/// Why the zones cannot be built from their configuration.
#[derive(Debug, thiserror::Error)]
pub enum HomesError {
    #[error("zone {zone}: the upstream's host is no name that a certificate can carry")]
    Name {
        zone: String,
        #[source]
        source: rustls::pki_types::InvalidDnsNameError,
    },
    #[error("zone {zone}: the gateway secret is no header value")]
    Secret { zone: String },
}

impl Homes {
    /// `secured` gives the TLS of a zone.
    ///
    /// # Errors
    /// When an upstream's host cannot be a TLS name, or a secret cannot be sent.
    pub fn new(
        zones: &[ZoneConfig],
        limits: &Limits,
        metrics: &Arc<Metrics>,
        secured: impl Fn(&ZoneConfig) -> Option<Arc<Secured>>,
    ) -> Result<Self, HomesError> {
        let home =
            |zone: &ZoneConfig| home(zone, limits, metrics, secured(zone).as_ref()).map(Arc::new);
        Ok(Self {
            homes: zones.iter().map(home).collect::<Result<_, _>>()?,
            pools: Mutex::default(),
        })
    }

    pub fn homes(&self) -> &[Arc<Home>] {
        &self.homes
    }

    /// Sets the gauges of connections and of upstreams in use.
    pub fn gauge(&self, metrics: &Metrics) {
        for home in &self.homes {
            let zone = home.id.as_str();
            for target in home.all_targets() {
                let labels = [zone, &target.address.to_string()];
                let well = i64::from(target.health().is_well());
                metrics
                    .upstream_healthy
                    .with_label_values(&labels)
                    .set(well);
            }
            let pools = self.pools.lock();
            let own = pools.iter().filter(|p| Arc::ptr_eq(&p.home, home));
            let (active, idle) = own
                .flat_map(|p| p.channels.iter().flatten())
                .fold((0, 0), |(a, i), pool| (a + pool.active(), i + pool.idle()));
            for (state, count) in [("active", active), ("idle", idle)] {
                let gauge = metrics
                    .upstream_connections
                    .with_label_values(&[zone, state]);
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
}

fn home(
    zone: &ZoneConfig,
    limits: &Limits,
    metrics: &Arc<Metrics>,
    tls: Option<&Arc<Secured>>,
) -> Result<Home, HomesError> {
    let egress = Arc::new(Egress::new(
        &zone.egress,
        limits.connect,
        Arc::clone(metrics),
    ));
    let target = |upstream: &Upstream| {
        let (egress, metrics) = (Arc::clone(&egress), Arc::clone(metrics));
        Target::new(&zone.id, upstream.clone(), egress, tls.cloned(), metrics)
            .map(Arc::new)
            .map_err(|source| HomesError::Name {
                zone: zone.id.to_string(),
                source,
            })
    };
    let each = |upstreams: &[Upstream]| -> Result<Vec<_>, HomesError> {
        upstreams.iter().map(&target).collect()
    };
    let shared: Vec<Arc<Target>> = each(&zone.upstreams.rest)?;
    let mut targets = [const { Vec::new() }; 4];
    for channel in Channel::ALL {
        let own = &zone.upstreams(channel).rest;
        targets[channel.index()] = if std::ptr::eq(own, &zone.upstreams.rest) {
            shared.clone()
        } else {
            each(own)?
        };
    }
    Ok(Home {
        position: metrics.zone_position(&zone.id),
        header: HeaderValue::from_str(zone.id.as_str()).unwrap_or(HeaderValue::from_static("")),
        id: zone.id.clone(),
        gateway_secret: secret(zone)?,
        lines: OnceLock::new(),
        targets,
        sessions: [
            each(&zone.upstreams(Channel::General).websocket)?,
            each(&zone.upstreams(Channel::General).msync)?,
        ],
        msync_preamble: zone.msync_preamble,
        in_flight: [const { Places::new() }; 4],
    })
}

fn secret(zone: &ZoneConfig) -> Result<Option<HeaderValue>, HomesError> {
    let Some(secret) = &zone.gateway_secret else {
        return Ok(None);
    };
    let mut value =
        HeaderValue::from_str(secret.expose_secret()).map_err(|_| HomesError::Secret {
            zone: zone.id.to_string(),
        })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// One core's way out.
pub struct Zones {
    pools: Vec<Arc<Pools>>,
}

impl Zones {
    /// The pools of one core, in each of which so many connections may idle at most. What outlasts its
    /// request runs as a task of `tasks`.
    pub fn new(homes: &Homes, idle: usize, pacer: &Arc<Pacer>, tasks: &TaskTracker) -> Self {
        let pool = |target: &Arc<Target>| {
            let (target, pacer) = (Arc::clone(target), Arc::clone(pacer));
            Arc::new(Pool::new(target, idle, pacer, tasks.clone()))
        };
        let pools: Vec<_> = homes
            .homes
            .iter()
            .map(|home| {
                let channels = home
                    .targets
                    .each_ref()
                    .map(|t| t.iter().map(pool).collect());
                let home = Arc::clone(home);
                Arc::new(Pools { home, channels })
            })
            .collect();
        homes.pools.lock().extend(pools.iter().cloned());
        Self { pools }
    }

    /// Binds an admitted call to the zone its App is pinned to, and to its channel there.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind<C: Channelled>(
        &self,
        admitted: Admitted<C>,
        limits: &Limits,
    ) -> Result<Bound<C>, BindError> {
        let zone = &admitted.app().zone;
        let pools = self.pools.iter().find(|p| p.home.id == *zone);
        pools.ok_or(BindError::NoSuchZone)?.bind(admitted, limits)
    }

    /// Lets go of connections that idle for too long.
    pub fn sweep(&self) {
        for pool in self.pools.iter().flat_map(|p| p.channels.iter().flatten()) {
            pool.sweep();
        }
    }
}
