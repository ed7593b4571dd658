//! The public addresses of a region, as the catalogue's object.

use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{Endpoint, Region};

/// `{rest, websocket, msync, admin}`, each a list of texts as in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Endpoints {
    pub rest: Vec<String>,
    pub websocket: Vec<String>,
    pub msync: Vec<String>,
    pub admin: Vec<String>,
}

impl Endpoints {
    pub fn of(region: &Region) -> Self {
        Self {
            rest: texts(&region.rest),
            websocket: texts(&region.websocket),
            msync: texts(&region.msync),
            admin: texts(&region.admin),
        }
    }
}

fn texts(endpoints: &[Endpoint]) -> Vec<String> {
    endpoints.iter().map(|e| e.text.clone()).collect()
}
