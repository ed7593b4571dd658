//! Where everything goes under one configuration.

use serde::Serialize;

use super::places::{Leaves, Place, places};
use super::{Data, SINKS, Sink};
use crate::config::Config;

/// One thing that is sent or written, and where to.
#[derive(Debug, Serialize)]
pub struct Crossing {
    pub sink: &'static str,
    pub destination: String,
    /// Where the destination is; absent where the configuration cannot say.
    pub region: Option<String>,
    pub leaves_region: Leaves,
    pub data: &'static [Data],
    pub sends: &'static str,
    /// On the way there.
    pub protection: String,
    /// Files that open it.
    pub code: Vec<&'static str>,
}

/// Everything that a gateway of this configuration, and the commands beside it, send or write.
pub fn crossings(config: &Config) -> Vec<Crossing> {
    let each = SINKS.iter().flat_map(|sink| {
        let places = places(config, sink.to);
        places.into_iter().map(|place| crossing(sink, place))
    });
    each.collect()
}

fn crossing(sink: &Sink, place: Place) -> Crossing {
    let mut code: Vec<_> = sink.ways.iter().map(|way| way.file).collect();
    code.dedup();
    Crossing {
        sink: sink.name,
        destination: place.destination,
        region: place.region,
        leaves_region: place.leaves,
        data: sink.data,
        sends: sink.sends,
        protection: place.protection,
        code,
    }
}
