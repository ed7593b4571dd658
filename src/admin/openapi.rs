//! The OpenAPI 3.1 document: what the handlers say of themselves, and what holds for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, PathItem, Ref, RefOr,
    ResponseBuilder, SecurityRequirement,
};

use super::Endpoints;
use super::accounts::AccountBody;
use super::problem::Document;
use super::refusal::FieldFault;
use super::register::AppBody;
use super::settings::{LimitsBody, SettingsBody};
use super::state::AdminState;
use super::tokens::TokenBody;

/// The document as it is served.
#[derive(Clone)]
pub struct Served(Arc<str>);

/// `GET /openapi.json`. It needs no key: it says what this file says.
pub async fn serve(State(Served(text)): State<Served>) -> Response {
    let mut response = text.to_string().into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The name of the way to show a key.
const KEY: &str = "admin_key";

/// What any call may answer.
const ANY: [(u16, &str); 7] = [
    (401, "No key, or one that nobody has"),
    (403, "The role of this key does not allow this call"),
    (
        422,
        "Something in the path, the query, a header or the body is wrong: see errors",
    ),
    (429, "Too many: wait as long as Retry-After says"),
    (431, "The head is too large"),
    (500, "The gateway failed"),
    (503, "The registry or the audit log is not there: try again"),
];

/// What calls with a body may answer.
const BODY: [(u16, &str); 4] = [
    (400, "The body is not a JSON text"),
    (408, "The body took too long"),
    (413, "The body is larger than 64 KiB"),
    (415, "The body is not application/json"),
];

/// What calls about an App may answer.
const APP: [(u16, &str); 4] = [
    (404, "No such App, or none that this key may see"),
    (410, "The App is retired"),
    (412, "The App has changed since the revision of If-Match"),
    (421, "The App lives in another region"),
];

impl Served {
    pub fn new(collected: OpenApi, given: &AdminState) -> Self {
        let document = complete(collected, given);
        // Texts and numbers only: writing them as JSON can't fail.
        Self(serde_json::to_string(&document).unwrap_or_default().into())
    }
}

fn complete(mut api: OpenApi, given: &AdminState) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("Domicile admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(format!(
            "The control plane of the region {}: Apps, certificates, tokens, accounts and the audit log.",
            given.region
        )))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            say_refusals(path, operation);
        }
    }
    let mut components = ComponentsBuilder::from(api.components.take().unwrap_or_default())
        .security_scheme(KEY, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .schema(Document::name(), Document::schema())
        .schema(FieldFault::name(), FieldFault::schema())
        .schema(Endpoints::name(), Endpoints::schema())
        .build();
    say_places(&mut components.schemas, given);
    close(&mut components.schemas);
    api.components = Some(components);
    api.security = Some(vec![SecurityRequirement::new(KEY, [""; 0])]);
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// `post_apps_app_id_suspend`: no two calls have the same.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(['/', '{', '}']).filter(|word| !word.is_empty());
    let words: Vec<_> = [method].into_iter().chain(words.skip(1)).collect();
    words.join("_")
}

fn say_refusals(path: &str, operation: &mut Operation) {
    let body = operation.request_body.is_some();
    let app = path.contains("{app_id}");
    let refusals = ANY.iter();
    let refusals = refusals.chain(BODY.iter().filter(|_| body));
    let refusals = refusals.chain(APP.iter().filter(|_| app));
    let responses = &mut operation.responses.responses;
    for (status, description) in refusals {
        let none = || RefOr::T(ResponseBuilder::new().description(*description).build());
        responses.entry(status.to_string()).or_insert_with(none);
    }
    let refused = |status: &str| status.starts_with('4') || status.starts_with('5');
    for (_, response) in responses.iter_mut().filter(|(status, _)| refused(status)) {
        if let RefOr::T(response) = response {
            let problem = Ref::from_schema_name(Document::name());
            let content = ContentBuilder::new().schema(Some(problem)).build();
            response.content.insert(PROBLEM.to_owned(), content.into());
        }
    }
}

/// Members that the document does not name are refused.
fn close(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let bodies = [
        AppBody::name(),
        AccountBody::name(),
        SettingsBody::name(),
        LimitsBody::name(),
        TokenBody::name(),
    ];
    for body in bodies {
        if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(&*body) {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

const PROBLEM: &str = "application/problem+json";

/// An App is registered in this gateway's region and one of its zones.
fn say_places(schemas: &mut BTreeMap<String, RefOr<Schema>>, given: &AdminState) {
    let Some(RefOr::T(Schema::Object(new))) = schemas.get_mut(&*AppBody::name()) else {
        return;
    };
    let here = given.catalogue.region(&given.region);
    let zones = here.into_iter().flat_map(|region| &region.zones);
    let zones = zones.map(|zone| serde_json::json!(zone.as_str()));
    let zones = zones.chain([serde_json::Value::Null]);
    let region = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(
            "This gateway's region; another one of the catalogue is told where to ask (421)",
        ))
        .enum_values(Some([given.region.as_str()]));
    let zone = ObjectBuilder::new()
        .schema_type(SchemaType::Array([Type::String, Type::Null].into()))
        .description(Some(
            "A zone of the region; its first one when it is left out",
        ))
        .enum_values(Some(zones));
    new.properties
        .insert("region".to_owned(), region.build().into());
    new.properties
        .insert("zone".to_owned(), zone.build().into());
}
