//! The routes under `/{org}/{app}/`.

use std::future::Future;
use std::pin::Pin;

use http::Method;

use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::{
    chatfiles, contacts, groups, history, messages, metadata, roaming, rooms, token, users,
};

/// A route: `{name}` in a template stands for any one segment.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) template: &'static str,
    pub(crate) serve: fn(Call) -> Serving,
}

/// A route that a request takes.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) route: &'static Route,
    pub(crate) parameters: Vec<(&'static str, String)>,
}

pub(crate) type Serving = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send>>;

/// The first route that fits.
pub(crate) fn find(method: &Method, resource: &[String]) -> Option<Found> {
    let mut fitting = ROUTES
        .iter()
        .filter(|route| route.method == method.as_str());
    fitting.find_map(|route| {
        let parameters = fit(route.template, resource)?;
        Some(Found { route, parameters })
    })
}

impl Found {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn fit(template: &'static str, resource: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    let mut segments = resource.iter();
    for part in template.split('/') {
        let segment = segments.next()?;
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(name) => parameters.push((name, segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

macro_rules! routes {
    ($($method:ident $template:literal => $serve:path;)*) => {
        &[$(Route {
            method: stringify!($method),
            template: $template,
            serve: |call| Box::pin($serve(call)),
        }),*]
    };
}

const ROUTES: &[Route] = routes! {
    POST   "token"                          => token::grant;
    GET    "sdk/users/{u}/token/expires"    => token::expires;

    POST   "users"                          => users::create;
    GET    "users"                          => users::list;
    GET    "users/{u}"                      => users::read;
    DELETE "users/{u}"                      => users::delete;
    GET    "users/{u}/joined_chatgroups"    => groups::joined;
    GET    "users/{u}/joined_chatrooms"     => rooms::joined;
    POST   "users/{u}/messageroaming"       => roaming::pull;
    GET    "users/{u}/messageroaming"       => roaming::pull;
    GET    "users/{u}/contacts/users"       => contacts::list;
    POST   "users/{u}/contacts/users/{v}"   => contacts::add;
    DELETE "users/{u}/contacts/users/{v}"   => contacts::remove;
    GET    "metadata/user/{u}"              => metadata::read;
    PUT    "metadata/user/{u}"              => metadata::change;

    POST   "messages/users"                 => messages::to_users;
    POST   "messages/chatgroups"            => messages::to_groups;
    POST   "messages/chatrooms"             => messages::to_rooms;
    GET    "chatmessages/{hour}"            => history::hour;
    GET    "chatmessages/{hour}/lines"      => history::lines;

    POST   "chatgroups"                     => groups::create;
    GET    "chatgroups"                     => groups::list;
    GET    "chatgroups/{ids}"               => groups::read;
    PUT    "chatgroups/{id}"                => groups::modify;
    DELETE "chatgroups/{id}"                => groups::delete;
    GET    "chatgroups/user/{u}"            => groups::joined_as;
    GET    "chatgroups/{id}/users"          => groups::members;
    POST   "chatgroups/{id}/users/{u}"      => groups::join;
    DELETE "chatgroups/{id}/users/{u}"      => groups::leave;
    POST   "chatgroups/{id}/apply"          => groups::apply;
    POST   "chatgroups/{id}/invite"         => groups::invite;
    DELETE "chatgroups/{id}/quit"           => groups::quit;
    GET    "publicchatgroups"               => groups::public;

    POST   "chatrooms"                      => rooms::create;
    GET    "chatrooms"                      => rooms::list;
    GET    "chatrooms/{ids}"                => rooms::read;
    PUT    "chatrooms/{id}"                 => rooms::modify;
    DELETE "chatrooms/{id}"                 => rooms::delete;
    GET    "chatrooms/{id}/users"           => rooms::members;
    POST   "chatrooms/{id}/users"           => rooms::add;
    POST   "chatrooms/{id}/users/{u}"       => rooms::join;
    DELETE "chatrooms/{id}/users/{u}"       => rooms::leave;

    POST   "chatfiles"                      => chatfiles::upload;
    GET    "chatfiles/{uuid}"               => chatfiles::download;
};

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Option<(&'static str, Vec<(&'static str, String)>)> {
        let resource: Vec<String> = path.split('/').map(str::to_owned).collect();
        find(method, &resource).map(|found| (found.route.template, found.parameters))
    }

    #[test]
    fn a_route_fits_exactly() {
        let (template, parameters) = found(&Method::POST, "chatgroups/7/users/bob").unwrap();
        assert_eq!(template, "chatgroups/{id}/users/{u}");
        assert_eq!(
            parameters,
            [("id", "7".to_owned()), ("u", "bob".to_owned())]
        );
        assert_eq!(found(&Method::GET, "users").unwrap().0, "users");
    }

    #[test]
    fn nothing_else_fits() {
        for path in ["Users", "users/a/b", "messages", "messages/users/x", "sdk"] {
            assert!(found(&Method::GET, path).is_none(), "{path}");
        }
        assert!(found(&Method::PATCH, "users").is_none());
        assert!(find(&Method::GET, &[]).is_none());
    }
}
