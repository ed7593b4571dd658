//! `chatfiles`: uploads and downloads, streamed both ways.

use std::io;
use std::pin::pin;

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::TryStreamExt;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::app_key::AppKey;
use crate::blobs::{Content, Upload};
use crate::centre::Centre;
use crate::reseal::PAUSE;
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::{FULL, Fault};
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Entry, StoreError, View};
use crate::token;
use crate::users::new_uuid;

pub(crate) async fn upload(mut call: Call) -> Result<Response, Fault> {
    let restricted = call.header("restrict-access") == Some("true");
    let mut form = form(&mut call).await?;
    let uuid = new_uuid(call.received);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            let kind = field.content_type().unwrap_or(UNKNOWN_KIND).to_owned();
            let upload = call.centre.blobs.create(&call.app, uuid).await?;
            let content = receive(field, upload).await?;
            let secret = new_secret()?;
            let file = StoredFile {
                uuid,
                time: call.received,
                kind,
                size: content.size(),
                secret,
                restricted,
                owner: token::user_of(&call).ok(),
            };
            return keep(&call, file, content).await;
        }
    }
    Err(Fault::Illegal("the form has no file"))
}

pub(crate) async fn download(call: Call) -> Result<Response, Fault> {
    let uuid = call
        .parameter("uuid")?
        .parse()
        .map_err(|_| Fault::NotFound)?;
    let key = key(&call.app, uuid);
    let read = move |view: &View<'_>| view.get::<StoredFile>(Keyspace::Files, &key);
    let file = call.centre.store.read(read).await?.ok_or(Fault::NotFound)?;
    if file.time < call.oldest_served()? {
        return Err(Fault::NotFound);
    }
    // SDKs put it into the URL where they hand that on.
    let shown = call
        .header("share-secret")
        .or(call.query.value("share-secret"));
    if file.restricted && !file.is_secret(shown) {
        return Err(Fault::Forbidden("the share-secret of this file is wanted"));
    }
    let content = call.centre.blobs.read(&call.app, uuid, file.size).await;
    Ok(file.response(Body::from_stream(content.map_err(missing)?)))
}

/// What is known of a file's content that was erased.
pub(crate) struct Erased {
    /// SHA-256 of what was uploaded; nothing when it could not be read any more.
    pub(crate) hash: Option<[u8; 32]>,
    pub(crate) size: u64,
}

/// Removes the content of the file that this key is of; the caller has [`Centre::filing`], and removes
/// the key behind it, so that no content is left that nobody knows of.
pub(crate) async fn erase_content(
    centre: &Centre,
    app: &AppKey,
    key: &Key,
) -> Result<Erased, Fault> {
    let size = stored_size(centre, key).await?;
    let uuid = key.last::<36>().and_then(|text| uuid(text));
    let (Some(uuid), Some(size)) = (uuid, size) else {
        if let Some(uuid) = uuid {
            centre.blobs.remove(uuid).await?;
        }
        return Ok(Erased {
            hash: None,
            size: 0,
        });
    };
    let hash = centre.blobs.hash(app, uuid, size).await.ok();
    centre.blobs.remove(uuid).await?;
    Ok(Erased { hash, size })
}

/// As [`erase_content`], for files that are past their retention. Gives their size.
pub(crate) async fn remove_content(centre: &Centre, key: &Key) -> Result<u64, Fault> {
    let size = stored_size(centre, key).await?;
    if let Some(uuid) = key.last::<36>().and_then(|text| uuid(text)) {
        centre.blobs.remove(uuid).await?;
    }
    Ok(size.unwrap_or(0))
}

/// Has the content of the file that this key is of sealed by the newest key. Gives which key has sealed it
/// then, as [`crate::store::cipher::Cipher::age`]; nothing when it can't be told.
pub(crate) async fn reseal(centre: &Centre, key: &Key) -> Result<Option<usize>, Fault> {
    let uuid = key.last::<36>().and_then(|text| uuid(text));
    let app = key.first_part().and_then(|app| app.split_once('#'));
    let app = app.and_then(|(org, app)| AppKey::new(org, app));
    let (Some(uuid), Some(app)) = (uuid, app) else {
        return Ok(None);
    };
    let age = match centre.blobs.age(uuid).await {
        Ok(age @ (None | Some(0))) => return Ok(age),
        Ok(Some(age)) => age,
        // Its content is gone, or cut off.
        Err(error) if GONE.contains(&error.kind()) => return Ok(None),
        Err(error) => return Err(Fault::File(error)),
    };
    let Some(size) = stored_size(centre, key).await? else {
        return Ok(None);
    };
    match copy(centre, &app, uuid, size).await {
        Ok(content) => replace(centre, key, content).await,
        Err(error) if FULL.contains(&error.kind()) => Err(Fault::File(error)),
        // It is damaged, and stays as it is.
        Err(_) => Ok(Some(age)),
    }
}

/// At 20 MiB a second, at most.
async fn copy(centre: &Centre, app: &AppKey, uuid: Uuid, size: u64) -> io::Result<Content> {
    let mut pieces = pin!(centre.blobs.read(app, uuid, size).await?);
    let mut upload = centre.blobs.create(app, uuid).await?;
    let mut paused = 0;
    while let Some(piece) = pieces.try_next().await? {
        upload.push(piece).await?;
        if upload.size() - paused >= 1 << 20 {
            paused = upload.size();
            tokio::time::sleep(PAUSE).await;
        }
    }
    upload.finish().await
}

/// Unless the file was removed meanwhile. Who reads the one before reads on.
async fn replace(centre: &Centre, key: &Key, content: Content) -> Result<Option<usize>, Fault> {
    let _filing = centre.filing.lock().await;
    if stored_size(centre, key).await?.is_none() {
        content.wipe().await?;
        return Ok(None);
    }
    content.keep().await?;
    Ok(Some(0))
}

/// What is known of a file's size. Nothing of an entry that does not open; but where the disk fails, its
/// content has to wait, or nobody could tell how much it was.
async fn stored_size(centre: &Centre, key: &Key) -> Result<Option<u64>, StoreError> {
    let key = key.clone();
    let read = move |view: &View<'_>| view.get::<StoredFile>(Keyspace::Files, &key);
    match centre.store.read::<_, StoreError, _>(read).await {
        Ok(file) => Ok(file.map(|file| file.size)),
        Err(error) if error.is_of_disk() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether a file was uploaded by this user.
pub(crate) fn concerns(user: &str, entry: &Entry<'_>) -> Result<bool, StoreError> {
    let file: StoredFile = entry.open()?;
    Ok(file.owner.is_some_and(|owner| owner == user))
}

/// What is known about an uploaded file.
#[derive(Serialize, Deserialize)]
struct StoredFile {
    uuid: Uuid,
    /// When it came, in Unix milliseconds.
    time: u64,
    kind: String,
    size: u64,
    secret: String,
    restricted: bool,
    /// The user of the token that it was uploaded with; nobody's with an App's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

impl StoredFile {
    fn is_secret(&self, shown: Option<&str>) -> bool {
        let same = |shown: &str| shown.as_bytes().ct_eq(self.secret.as_bytes());
        shown.is_some_and(|shown| same(shown).into())
    }

    /// What somebody uploaded is never shown as a page of this host.
    fn response(&self, content: Body) -> Response {
        let kind = HeaderValue::try_from(&self.kind);
        let mut response = Response::new(content);
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            kind.unwrap_or(HeaderValue::from_static(UNKNOWN_KIND)),
        );
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.size));
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// Refuses a form that is too large by what it says of itself before any of it is read.
async fn form(call: &mut Call) -> Result<Multipart, Fault> {
    let length = call.header(CONTENT_LENGTH.as_str());
    let length = length.and_then(|length| length.parse().ok());
    if length.is_some_and(|length: usize| length > FILE_MAX + FORM_ROOM) {
        return Err(Fault::TooLarge);
    }
    let mut request = Request::new(call.take_body());
    *request.headers_mut() = call.head.headers.clone();
    DefaultBodyLimit::max(FILE_MAX + FORM_ROOM).apply(&mut request);
    let form = Multipart::from_request(request, &()).await;
    form.map_err(|_| Fault::Illegal("the body is not a multipart form"))
}

async fn receive(mut field: Field<'_>, mut upload: Upload) -> Result<Content, Fault> {
    while let Some(bytes) = field.chunk().await.map_err(broken)? {
        upload.push(bytes).await?;
        if upload.size() > FILE_MAX as u64 {
            return Err(Fault::TooLarge);
        }
    }
    Ok(upload.finish().await?)
}

/// What is known of it is stored first: no content is left that nobody knows of.
async fn keep(call: &Call, file: StoredFile, content: Content) -> Result<Response, Fault> {
    let entity = json!({ "uuid": file.uuid, "type": "chatfile", "share-secret": file.secret });
    let key = key(&call.app, file.uuid);
    let write = move |edit: &Edit<'_>| edit.put(Keyspace::Files, &key, &file);
    let filing = call.centre.filing.lock().await;
    call.centre.store.write(write).await?;
    content.keep().await?;
    drop(filing);
    Ok(call.answer(json!({ "entities": [entity] })))
}

/// Needs nothing of the error by value but its status.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn broken(error: MultipartError) -> Fault {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fault::TooLarge,
        _ => Fault::Body,
    }
}

fn missing(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::NotFound,
        _ => Fault::File(error),
    }
}

fn uuid(text: &[u8]) -> Option<Uuid> {
    Uuid::try_parse_ascii(text).ok()
}

fn new_secret() -> Result<String, Fault> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("there is no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn key(app: &AppKey, uuid: Uuid) -> Key {
    Key::of(app).plain(&uuid.to_string())
}

const GONE: [io::ErrorKind; 2] = [io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof];
const FILE_MAX: usize = 100 * 1024 * 1024;
/// What a form may have around its file.
const FORM_ROOM: usize = 1024 * 1024;
const UNKNOWN_KIND: &str = "application/octet-stream";
