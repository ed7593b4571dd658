//! What the OpenAPI document says of values that several calls share. The words come from the code
//! that reads and writes them.

use serde_json::json;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::words::{AUTH_MODES, KINDS, PLANS, ROLES, STATUSES};

/// Of half an AppKey; reserved orgs are refused beside it.
const HALF: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";

pub fn app_id() -> Object {
    let id = text("An App ID: 32 hexadecimal digits, case matters")
        .pattern(Some("^[0-9A-Fa-f]{32}$"))
        .examples([json!("970CA35de60c44645bbae8a215061b33")]);
    id.build()
}

pub fn optional_app_id() -> Object {
    nullable(text(
        "An App ID, 32 hexadecimal digits; one is made when it is left out",
    ))
    .pattern(Some("^[0-9A-Fa-f]{32}$"))
    .build()
}

pub fn app_ids() -> Array {
    list("The Apps of an issuer", app_id(), 1_000)
}

pub fn half() -> Object {
    text("Half of an AppKey, matched exactly; unique under ASCII case folding")
        .pattern(Some(HALF))
        .build()
}

pub fn org() -> Object {
    // A reserved org can't be registered: whoever reads the pattern learns it.
    let reserved = "^(?!(?:[aA][pP][iI]|[eE][aA][sS][eE][mM][oO][bB]|[mM][aA][nN][aA][gG][eE][mM][eE][nN][tT]|[wW][eE][bB][sS][oO][cC][kK][eE][tT]|[vV]1|[hH][eE][aA][lL][tT][hH][zZ])$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";
    text("The first half of the AppKey: api, easemob, management, websocket, v1 and healthz are reserved")
        .pattern(Some(reserved))
        .build()
}

pub fn orgs() -> Array {
    list("The orgs of a registrar; empty: all", half(), 100)
}

pub fn ranges() -> Array {
    let range = text("An address or an address range").examples([json!("192.0.2.0/24")]);
    list(
        "Where an issuer's key may be used from",
        range
            .format(Some(SchemaFormat::Custom("cidr".to_owned())))
            .build(),
        100,
    )
}

pub fn plan() -> Object {
    one_of(
        "How long messages are kept follows the plan",
        &PLANS.map(|(word, _)| word),
    )
    .build()
}

pub fn optional_plan() -> Object {
    let words = PLANS.map(|(word, _)| word);
    nullable_one_of("free when it is left out", &words)
}

pub fn auth_mode() -> Object {
    let words = AUTH_MODES.map(|(word, _)| word);
    one_of("secure: every call carries a verified token", &words).build()
}

pub fn optional_auth_mode() -> Object {
    let words = AUTH_MODES.map(|(word, _)| word);
    nullable_one_of("secure when it is left out", &words)
}

pub fn status() -> Object {
    one_of("Retired is for ever", &STATUSES.map(|(word, _)| word)).build()
}

pub fn outcome() -> Object {
    let words = ["begun", "done", "failed", "refused"];
    one_of("Acts are begun, then done or failed", &words).build()
}

pub fn role() -> Object {
    one_of("What the key may do", &ROLES.map(|(word, _)| word)).build()
}

pub fn kind() -> Object {
    one_of("Whose token", &KINDS.map(|(word, _)| word)).build()
}

pub fn certificate_role() -> Object {
    let what = "The primary certificate signs new tokens; both verify";
    one_of(what, &["primary", "secondary"]).build()
}

pub fn time() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    text("RFC 3339, UTC").format(Some(format)).build()
}

pub fn optional_time() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    nullable(text("RFC 3339, UTC")).format(Some(format)).build()
}

pub fn user_id() -> Object {
    nullable(text(
        "A user's id, for user tokens only; a random id is best",
    ))
    .min_length(Some(1))
    .max_length(Some(super::user_id::LONGEST))
    .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]+$"))
    .build()
}

/// Seconds.
pub fn ttl() -> Object {
    optional_number("Seconds; the longest when it is left out", 1.0, 86_400.0)
}

/// Days.
pub fn retention_days() -> Object {
    optional_number("Days, for enterprise Apps only", 1.0, 36_500.0)
}

pub fn limit() -> Object {
    number("How many at most", 1.0, 1_000.0).build()
}

/// An App's own rate, or calls at once.
pub fn own_limit() -> Object {
    optional_number("null: as the gateway's", 1.0, 1_000_000.0)
}

pub fn flag() -> Object {
    let types = [Type::Boolean, Type::Null];
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(types.into()))
        .build()
}

fn text(what: &str) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    text.description(Some(what))
}

fn nullable(text: ObjectBuilder) -> ObjectBuilder {
    text.schema_type(SchemaType::Array([Type::String, Type::Null].into()))
}

fn number(what: &str, least: f64, most: f64) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    number
        .description(Some(what))
        .minimum(Some(least))
        .maximum(Some(most))
}

fn optional_number(what: &str, least: f64, most: f64) -> Object {
    number(what, least, most)
        .schema_type(SchemaType::Array([Type::Integer, Type::Null].into()))
        .build()
}

fn one_of(what: &str, words: &[&str]) -> ObjectBuilder {
    text(what).enum_values(Some(words.iter().map(|word| json!(word))))
}

fn nullable_one_of(what: &str, words: &[&str]) -> Object {
    let words = words.iter().map(|word| json!(word));
    let words = words.chain([serde_json::Value::Null]);
    nullable(text(what)).enum_values(Some(words)).build()
}

fn list(what: &str, item: Object, most: usize) -> Array {
    ArrayBuilder::new()
        .description(Some(what))
        .items(item)
        .max_items(Some(most))
        .build()
}
