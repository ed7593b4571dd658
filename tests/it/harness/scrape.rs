//! `/metrics`, read.

use std::net::SocketAddr;

use super::wire::Wire;

/// One scrape.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub text: String,
}

impl Metrics {
    pub async fn scrape(ops: SocketAddr) -> Self {
        let mut wire = Wire::plain(ops).await;
        wire.send("GET /metrics HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n")
            .await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200);
        Self {
            text: answer.text(),
        }
    }

    /// The sum of the series of a family that have all these labels.
    pub fn sum(&self, family: &str, labels: &[(&str, &str)]) -> f64 {
        let lines = self.text.lines().filter(|line| {
            let rest = line.strip_prefix(family);
            let named = rest.is_some_and(|rest| rest.starts_with(['{', ' ']));
            let has = |(name, value): &(&str, &str)| line.contains(&format!("{name}=\"{value}\""));
            named && labels.iter().all(has)
        });
        let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
        values.sum()
    }

    /// `domicile_refusals_total` of the REST plane.
    pub fn refusals(&self, code: &str) -> f64 {
        self.sum(
            "domicile_refusals_total",
            &[("plane", "rest"), ("code", code)],
        )
    }
}
