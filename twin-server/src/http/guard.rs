//! Who may ask: the `Host` a request names, the `Origin` of the page behind a WebSocket,
//! and what every answer tells a browser to forbid.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{App, error::ApiError};

/// Which hosts and origins are let in.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Whether only this machine can reach us, so that any other host name is a trick.
    loopback_only: bool,
    allowed_origins: Vec<String>,
}

impl Guard {
    pub(crate) fn new(listen: IpAddr, allowed_origins: &[String]) -> Self {
        let allowed_origins =
            allowed_origins.iter().map(|o| o.trim_end_matches('/').to_lowercase()).collect();
        Self { loopback_only: listen.is_loopback(), allowed_origins }
    }

    fn host_allowed(&self, host: &str) -> bool {
        let listed = self
            .allowed_origins
            .iter()
            .filter_map(|origin| origin.split_once("://"))
            .any(|(_, allowed)| allowed.eq_ignore_ascii_case(host));
        !self.loopback_only || listed || is_loopback(host)
    }

    /// A page may open the stream when it came from this server, from this machine, or
    /// from a configured origin. Programs that are not browsers send no origin.
    fn origin_allowed(&self, origin: &str, host: Option<&str>) -> bool {
        let Some((_, authority)) = origin.split_once("://") else { return false };
        self.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
            || host.is_some_and(|host| authority.eq_ignore_ascii_case(host))
            || is_loopback(authority)
    }

    /// Whether the page that opens a WebSocket may.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        if self.origin_allowed(origin, host(headers)) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "pages of {origin:?} may not do this; list the origin under [http] allowed_origins"
        )))
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// Whether `host:port` names this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A server that listens on loopback answers only to this machine's names: a page of
/// another site, whose name was pointed here, learns nothing.
pub(crate) async fn check_host(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match host(request.headers()) {
        Some(host) if !app.guard.host_allowed(host) => ApiError::forbidden(format!(
            "this server does not go by the name {host:?}; behind a proxy, list its origin \
             under [http] allowed_origins"
        ))
        .into_response(),
        _ => next.run(request).await,
    }
}

/// Scripts of our own only, but WebAssembly may run; nobody else may frame the viewer.
const CSP: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
    connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// What every answer carries.
pub(crate) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listen: [u8; 4]) -> Guard {
        Guard::new(listen.into(), &["https://Twin.example.com/".to_owned()])
    }

    #[test]
    fn lets_in_own_local_and_listed_origins_only() {
        let guard = guard([0, 0, 0, 0]);
        let allowed = |origin| guard.origin_allowed(origin, Some("10.0.0.5:8080"));
        assert!(allowed("http://10.0.0.5:8080"));
        assert!(allowed("http://localhost:3000"));
        assert!(allowed("http://[::1]:3000"));
        assert!(allowed("https://twin.example.com"));
        for foreign in
            ["http://10.0.0.5", "https://evil.example", "null", "http://localhost.evil.example"]
        {
            assert!(!allowed(foreign), "{foreign}");
        }
    }

    #[test]
    fn on_loopback_a_foreign_host_name_is_a_trick() {
        let local = guard([127, 0, 0, 1]);
        assert!(local.host_allowed("127.0.0.1:8080"));
        assert!(local.host_allowed("localhost"));
        assert!(local.host_allowed("twin.example.com"));
        assert!(!local.host_allowed("evil.example:8080"));
        assert!(guard([0, 0, 0, 0]).host_allowed("anything"));
    }
}
