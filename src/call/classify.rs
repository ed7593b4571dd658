//! From a request's head to what it asks for (SPEC 6.1, steps 2 to 5 of 6.2).

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Version};

use super::host::{Host, HostError, Names};
use super::path::{Path, PathError};
use super::query::QueryError;
use super::routes::{self, Matched};
use crate::domain::AppKey;

/// What a request is for.
#[derive(Debug)]
pub enum Target {
    /// A CORS preflight: answered by the gateway, never forwarded.
    Preflight,
    /// `/easemob/server.json`
    Discovery,
    /// `/websocket`
    Websocket,
    App(Asked),
}

/// A call for an App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub app_key: AppKey,
    pub matched: Matched,
}

/// Why a head is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("a request needs exactly one Host")]
    HostCount,
    #[error("the Host and the request target disagree")]
    HostsDisagree,
    #[error("the header {0} must occur only once")]
    Twice(HeaderName),
    #[error("the request target has bytes outside ASCII, or an empty scheme")]
    Target,
    /// It would have the data centre echo what only the gateway and it may know.
    #[error("TRACE is not served")]
    Trace,
    #[error("this is not a forward proxy")]
    NotAForwardProxy,
    #[error("the Host is not a name of this region")]
    HostMismatch,
    #[error("the path does not start with an AppKey, /org/app/")]
    AppMissing,
}

/// The App ID that a request may name beside its path.
pub const X_APP_ID: HeaderName = HeaderName::from_static("x-app-id");

/// Decides what the head asks for.
///
/// # Errors
/// In the order of SPEC 6.2: syntax, forward proxying, a Host that is not of this region, no App.
pub fn classify(head: &Parts, names: &Names) -> Result<Target, ClassifyError> {
    let connect = head.method == Method::CONNECT;
    let singles = Singles::of(&head.headers);
    let path = if connect {
        None
    } else {
        Some(syntax(head, &singles)?)
    };
    let authorities = Authorities::read(head, &singles)?;
    let matched = path.as_ref().map(|p| route(head, p)).transpose()?;
    if connect || authorities.is_elsewhere(names) {
        return Err(ClassifyError::NotAForwardProxy);
    }
    if !names.contains(authorities.host.as_str()) {
        return Err(ClassifyError::HostMismatch);
    }
    let (Some(path), Some(matched)) = (path, matched) else {
        return Err(ClassifyError::AppMissing);
    };
    target(head, &path, matched)
}

/// The path, if the target and the single headers can be read in one way only.
fn syntax<'a>(head: &'a Parts, singles: &Singles<'_>) -> Result<Path<'a>, ClassifyError> {
    let raw = head.uri.query().is_some_and(|query| !query.is_ascii());
    if raw || head.uri.scheme_str() == Some("") {
        return Err(ClassifyError::Target);
    }
    if matches!(head.method.as_str(), "TRACE" | "TRACK") {
        return Err(ClassifyError::Trace);
    }
    let path = Path::parse(head.uri.path())?;
    match singles.twice() {
        Some(name) => Err(ClassifyError::Twice(name)),
        None => Ok(path),
    }
}

/// What of a head must be single, found by one look at every name: for the few that a head has, this costs
/// less than look-ups.
#[derive(Default)]
struct Singles<'a> {
    host: Option<&'a HeaderValue>,
    hosts: u32,
    authorizations: u32,
    app_ids: u32,
}

impl<'a> Singles<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut singles = Self::default();
        for (name, value) in headers {
            if *name == header::HOST {
                singles.host = Some(value);
                singles.hosts += 1;
            } else if *name == header::AUTHORIZATION {
                singles.authorizations += 1;
            } else if *name == X_APP_ID {
                singles.app_ids += 1;
            }
        }
        singles
    }

    /// One that the gateway reads and that comes again.
    fn twice(&self) -> Option<HeaderName> {
        if self.authorizations > 1 {
            Some(header::AUTHORIZATION)
        } else {
            (self.app_ids > 1).then_some(X_APP_ID)
        }
    }

    fn host(&self) -> Result<Option<Host<'a>>, ClassifyError> {
        if self.hosts > 1 {
            return Err(ClassifyError::HostCount);
        }
        let Some(host) = self.host else {
            return Ok(None);
        };
        let text = host.to_str().map_err(|_| HostError)?;
        Ok(Some(Host::parse(text)?))
    }
}

/// The authorities that a request names: its Host, and that of an absolute target.
struct Authorities<'a> {
    host: Host<'a>,
    absolute: Option<Host<'a>>,
}

impl<'a> Authorities<'a> {
    fn read(head: &'a Parts, singles: &Singles<'a>) -> Result<Self, ClassifyError> {
        let target = head.uri.authority().map(|a| Host::parse(a.as_str()));
        let target = target.transpose()?;
        let header = singles.host()?;
        if head.version == Version::HTTP_2 {
            return Self::of_http2(target, header);
        }
        let host = header.ok_or(ClassifyError::HostCount)?;
        Ok(Self {
            host,
            absolute: target,
        })
    }

    /// RFC 9113 section 8.3.1: `:authority`, and a Host only if it says the same.
    fn of_http2(
        authority: Option<Host<'a>>,
        header: Option<Host<'a>>,
    ) -> Result<Self, ClassifyError> {
        let host = match (authority, header) {
            (Some(a), Some(b)) if !a.as_str().eq_ignore_ascii_case(b.as_str()) => {
                return Err(ClassifyError::HostsDisagree);
            }
            (Some(host), _) | (None, Some(host)) => host,
            (None, None) => return Err(ClassifyError::HostCount),
        };
        Ok(Self {
            host,
            absolute: None,
        })
    }

    /// An absolute target (RFC 9112 section 3.2.2) for a host that is not this region's.
    fn is_elsewhere(&self, names: &Names) -> bool {
        self.absolute
            .is_some_and(|host| !names.contains(host.as_str()))
    }
}

/// Where the AppKey's two segments start: `/api/sdk/v1/{org}/{app}/…` or `/{org}/{app}/…`.
fn app_at(path: &Path<'_>) -> usize {
    let segments = path.segments();
    let prefix = ["api", "sdk", "v1"];
    let prefixed = segments.len() >= 3 && segments.iter().zip(prefix).all(|(s, p)| s == p);
    if prefixed { 3 } else { 0 }
}

fn route(head: &Parts, path: &Path<'_>) -> Result<Matched, ClassifyError> {
    let rest = path.segments().get(app_at(path) + 2..).unwrap_or_default();
    Ok(routes::find(&head.method, rest, head.uri.query())?)
}

fn target(head: &Parts, path: &Path<'_>, matched: Matched) -> Result<Target, ClassifyError> {
    if is_preflight(head) {
        return Ok(Target::Preflight);
    }
    let segments = path.segments();
    match segments {
        [one] if one == "websocket" => return Ok(Target::Websocket),
        [one, two] if one == "easemob" && two == "server.json" => return Ok(Target::Discovery),
        _ => {}
    }
    let at = app_at(path);
    let (Some(org), Some(app)) = (segments.get(at), segments.get(at + 1)) else {
        return Err(ClassifyError::AppMissing);
    };
    let app_key = AppKey::new(org, app).map_err(|_| ClassifyError::AppMissing)?;
    Ok(Target::App(Asked { app_key, matched }))
}

fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(["fra.example".to_owned(), "rest.fra.example".to_owned()])
    }

    fn head(text: &str) -> Parts {
        let mut lines = text.lines();
        let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let mut request = http::Request::builder().method(first[0]).uri(first[1]);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn refused(text: &str) -> ClassifyError {
        classify(&head(text), &names()).unwrap_err()
    }

    fn app(text: &str) -> Asked {
        match classify(&head(text), &names()).unwrap() {
            Target::App(asked) => asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_app_key_is_in_the_path() {
        for path in [
            "/acme/chat/users/bob",
            "/api/sdk/v1/acme/chat/users/bob",
            "/%61cme/ch%61t/users/bob?x=1",
        ] {
            let asked = app(&format!("GET {path}\nhost: fra.example:8443"));
            assert_eq!(asked.app_key.as_str(), "acme#chat", "{path}");
            assert_eq!(asked.matched.template, "users/{u}");
        }
        assert_eq!(
            app("GET /acme/chat\nhost: fra.example").matched.template,
            "other"
        );
    }

    #[test]
    fn without_an_app_key_there_is_no_app() {
        for path in [
            "/acme",
            "/api/sdk/v1",
            "/api/sdk/v1/acme",
            "/api/sdk/acme/chat/users",
            "/management/token/x",
            "/V1/apps",
            "/-acme/chat/users",
            "/ac%20me/chat/users",
            "/websocket/x/y",
        ] {
            let error = refused(&format!("GET {path}\nhost: fra.example"));
            assert_eq!(error, ClassifyError::AppMissing, "{path}");
        }
    }

    #[test]
    fn the_host_must_be_of_this_region_and_single() {
        use ClassifyError as E;
        for (text, error) in [
            ("GET /a/b/c", E::HostCount),
            (
                "GET /a/b/c\nhost: fra.example\nhost: fra.example",
                E::HostCount,
            ),
            ("GET /a/b/c\nhost: sgp.example", E::HostMismatch),
            ("GET /a/b/c\nhost: me@fra.example", E::Host(HostError)),
            (
                "GET http://fra.example/a/b/c\nhost: sgp.example",
                E::HostMismatch,
            ),
            (
                "GET http://sgp.example/a/b/c\nhost: fra.example",
                E::NotAForwardProxy,
            ),
            (
                "CONNECT fra.example:443\nhost: fra.example",
                E::NotAForwardProxy,
            ),
        ] {
            assert_eq!(refused(text), error, "{text}");
        }
        app("GET http://fra.example/a/b/c\nhost: rest.fra.example");
    }

    #[test]
    fn http2_names_its_authority_once() {
        let classify_http2 = |text: &str| {
            let mut head = head(text);
            head.version = Version::HTTP_2;
            classify(&head, &names()).map(|_| ())
        };
        let own = "GET https://fra.example/a/b/c";
        assert_eq!(classify_http2(own), Ok(()));
        assert_eq!(classify_http2(&format!("{own}\nhost: FRA.example")), Ok(()));
        let other = classify_http2(&format!("{own}\nhost: rest.fra.example"));
        assert_eq!(other, Err(ClassifyError::HostsDisagree));
        let foreign = classify_http2("GET https://sgp.example/a/b/c");
        assert_eq!(foreign, Err(ClassifyError::HostMismatch));
    }

    #[test]
    fn syntax_is_looked_at_before_hosts_and_apps() {
        use ClassifyError as E;
        for (text, error) in [
            ("GET ://fra.example/a/b/c\nhost: fra.example", E::Target),
            (
                "GET /a//b\nhost: sgp.example",
                E::Path(PathError::EmptySegment),
            ),
            (
                "GET /a/b/c\nhost: sgp.example\nauthorization: Bearer x\nauthorization: Bearer y",
                E::Twice(header::AUTHORIZATION),
            ),
            ("TRACE /a/b/c\nhost: fra.example", E::Trace),
            (
                "GET /a/b/c\nhost: fra.example\nx-app-id: 1\nx-app-id: 1",
                E::Twice(X_APP_ID),
            ),
            (
                "GET /a/b/chatfiles?chat-type=a&chat-type=b\nhost: sgp.example",
                E::Query(QueryError::Twice),
            ),
        ] {
            assert_eq!(refused(text), error, "{text}");
        }
    }

    #[test]
    fn what_the_gateway_answers_itself_is_told_apart() {
        let is = |text: &str| classify(&head(text), &names()).unwrap();
        let preflight = "OPTIONS /a/b/c\nhost: fra.example\naccess-control-request-method: PUT";
        assert!(matches!(is(preflight), Target::Preflight));
        let plain = "OPTIONS /a/b/c\nhost: fra.example";
        assert!(matches!(is(plain), Target::App(_)));
        let discovery = "GET /easemob/server.json?app_key=a%23b\nhost: fra.example";
        assert!(matches!(is(discovery), Target::Discovery));
        assert!(matches!(
            is("GET /websocket\nhost: fra.example"),
            Target::Websocket
        ));
    }
}
