//~ E0382
use domicile::config::Limits;
use domicile::observe::Metrics;
use domicile::zone::{Answer, Outbound, SendError};

pub async fn forge(outbound: Outbound, limits: &Limits, metrics: &Metrics) -> Result<Answer, SendError> {
    let first = outbound.send(limits, metrics).await;
    drop(first);
    outbound.send(limits, metrics).await
}
