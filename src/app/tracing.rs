//! What a configuration makes of `tracing`: a tracer for its requests, and what sends its spans.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Lasting, StartError};
use crate::config::Config;
use crate::observe::Tracer;

/// Neither of them where nothing is traced.
#[derive(Default)]
pub struct Tracing {
    pub tracer: Option<Arc<Tracer>>,
    pub exporting: Option<Exporting>,
}

/// Sends until it is told to stop.
pub type Exporting = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// `check` refuses the section in builds without an exporter.
#[cfg(not(feature = "otel"))]
pub fn of(_: &Config, _: &Lasting) -> Result<Tracing, StartError> {
    Ok(Tracing::default())
}

#[cfg(feature = "otel")]
pub use built::of;

#[cfg(feature = "otel")]
mod built {
    use super::*;
    use crate::app::client_tls::ClientTls;
    use crate::audit;
    use crate::config::{Collector, Scheme, TraceParents};
    use crate::domain::{Clock, ZoneId};
    use crate::observe::{Metrics, Parents};
    use crate::trace::{Exporter, Source};
    use crate::zone::{Egress, Secured, Target};

    /// # Errors
    /// When the collector's TLS cannot be set up.
    pub fn of(config: &Config, lasting: &Lasting) -> Result<Tracing, StartError> {
        let Some(tracing) = &config.tracing else {
            return Ok(Tracing::default());
        };
        let metrics = &lasting.metrics;
        let target = target(&tracing.collector, config, lasting)?;
        let source = source(config, &*lasting.clock)?;
        let parents = match tracing.parents {
            TraceParents::Trusted => Parents::Trusted,
            TraceParents::Anybody => Parents::Anybody,
        };
        let clock = Arc::clone(&lasting.clock);
        let ratio = tracing.sample_ratio;
        let (tracer, finished) = Tracer::new(ratio, parents, clock, Arc::clone(metrics));
        let exporter = Exporter::new(finished, &source, target, Arc::clone(metrics));
        Ok(Tracing {
            tracer: Some(tracer),
            exporting: Some(Box::new(|stop| Box::pin(exporter.run(stop)))),
        })
    }

    fn source(config: &Config, clock: &dyn Clock) -> Result<Source, StartError> {
        let id = audit::gateway_id(&config.data_dir, clock);
        Ok(Source {
            region: config.region.clone(),
            zones: config.zones.iter().map(|zone| zone.id.clone()).collect(),
            gateway_id: id.map_err(StartError::GatewayId)?,
        })
    }

    /// The collector is behind an egress guard, as a data centre is.
    fn target(
        collector: &Collector,
        config: &Config,
        lasting: &Lasting,
    ) -> Result<Target, StartError> {
        let metrics: &Arc<Metrics> = &lasting.metrics;
        let ranges = &collector.egress;
        let egress = Egress::new(ranges, config.limits.connect, Arc::clone(metrics));
        let secured = match collector.endpoint.scheme {
            Scheme::Plain => None,
            Scheme::Tls => {
                let read = ClientTls::read(&collector.tls, lasting.clock.unix());
                let tls = read.map_err(StartError::CollectorTls)?;
                Some(Secured::new(tls.config, tls.ends))
            }
        };
        let name = ZoneId::parse(COLLECTOR).map_err(|_| StartError::CollectorName)?;
        let endpoint = collector.endpoint.clone();
        let egress = Arc::new(egress);
        let target = Target::new(&name, endpoint, egress, secured, Arc::clone(metrics));
        target.map_err(|_| StartError::CollectorName)
    }

    /// In log lines, in a zone's place.
    const COLLECTOR: &str = "collector";
}
