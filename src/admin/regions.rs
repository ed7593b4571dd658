//! `GET /v1/regions` and `GET /v1/regions/{region}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoints::Endpoints;
use super::page::{Page, Parameters};
use super::permission::{May, ReadRegions};
use super::refusal::Refusal;
use super::state::Shared;
use crate::config::Region;
use crate::domain::RegionId;

/// A region as the catalogue shows it, and what this gateway knows about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Region)]
pub struct RegionView {
    region: String,
    location: String,
    service_area: String,
    zones: Vec<String>,
    endpoints: Endpoints,
    /// Whether this gateway serves it.
    here: bool,
    /// For each zone of this gateway's region, whether it takes traffic; `null` when not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<BTreeMap<String, Option<bool>>>,
    /// Apps that live here, in this gateway's region only.
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<u64>,
}

/// The catalogue.
#[utoipa::path(
    get,
    path = "/v1/regions",
    responses((status = 200, description = "Every region", body = Page<RegionView>))
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    _: May<ReadRegions>,
    parameters: Parameters,
) -> Result<Json<Page<RegionView>>, Refusal> {
    parameters.finish()?;
    let mut items = Vec::new();
    for region in &shared.given.catalogue.regions {
        items.push(view(&shared, region).await?);
    }
    let next_cursor = None;
    Ok(Json(Page { items, next_cursor }))
}

/// A region of the catalogue, with the health of its zones where it is this gateway's.
#[utoipa::path(
    get,
    path = "/v1/regions/{region}",
    params(("region" = String, Path, description = "The region's id")),
    responses((status = 200, description = "The region", body = RegionView),
              (status = 404, description = "No such region"))
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    _: May<ReadRegions>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<RegionView>, Refusal> {
    let id = name.ok().and_then(|Path(name)| RegionId::parse(&name).ok());
    let region = id.and_then(|id| shared.given.catalogue.region(&id));
    let region = region.ok_or(Refusal::RegionUnknown)?;
    Ok(Json(view(&shared, region).await?))
}

async fn view(shared: &Shared, region: &Region) -> Result<RegionView, Refusal> {
    let here = region.id == shared.given.region;
    Ok(RegionView {
        region: region.id.to_string(),
        location: region.location.clone(),
        service_area: region.service_area.clone(),
        zones: region.zones.iter().map(ToString::to_string).collect(),
        endpoints: Endpoints::of(region),
        here,
        health: here.then(|| health(shared, region)),
        apps: if here {
            Some(shared.given.registry.count().await?)
        } else {
            None
        },
    })
}

fn health(shared: &Shared, region: &Region) -> BTreeMap<String, Option<bool>> {
    let zones = region.zones.iter();
    zones
        .map(|zone| (zone.to_string(), shared.given.zones.is_healthy(zone)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::admin::bench::Bench;

    #[tokio::test]
    async fn the_catalogue_is_shown_with_what_is_known_here() {
        let bench = Bench::new().await;
        bench.app("chat").await;
        let list = bench.call("GET", "/v1/regions", "").await;
        assert_eq!(list.json["items"].as_array().unwrap().len(), 2);
        let here = bench.call("GET", "/v1/regions/frankfurt", "").await;
        assert_eq!(here.json, list.json["items"][0]);
        assert_eq!(here.json["zones"], json!(["fra1"]));
        assert_eq!(here.json["health"], json!({"fra1": true}));
        assert_eq!(
            (&here.json["here"], &here.json["apps"]),
            (&json!(true), &json!(1))
        );
        let there = bench.call("GET", "/v1/regions/virginia", "").await;
        assert_eq!(
            there.json["endpoints"]["msync"],
            json!(["msync.virginia.example"])
        );
        assert!(there.json.get("apps").is_none());
    }

    #[tokio::test]
    async fn a_region_that_is_not_there_is_unknown() {
        let bench = Bench::new().await;
        for path in [
            "/v1/regions/atlantis",
            "/v1/regions/Frankfurt",
            "/v1/regions/%ff",
        ] {
            assert_eq!(
                bench.call("GET", path, "").await.code(),
                (404, "region_unknown")
            );
        }
        let answer = bench.call("GET", "/v1/regions?limit=3", "").await;
        assert_eq!(answer.fields(), ["limit"]);
    }
}
