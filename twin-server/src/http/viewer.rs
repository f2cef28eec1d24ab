//! The viewer's files at `/`.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{App, files::REVALIDATE};

/// Shown where the bundle was not built.
const NOT_BUILT: &str = include_str!("not_built.html");

/// Shown to who types an address, or follows a link, that leads nowhere.
const NOT_FOUND: &str = include_str!("not_found.html");

/// A file of the bundle; `/` is its `index.html`.
pub(super) async fn serve(app: &App, path: &str, headers: &HeaderMap) -> Response {
    let path = match path.trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    if path == "index.html" && !app.viewer.root().join(path).is_file() {
        return (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response();
    }
    // The address of a file stays when the bundle is built anew: ask each time.
    match app.viewer.serve(path, headers, REVALIDATE).await {
        Err(error) if error.is_not_found() && wants_page(headers) => {
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            (StatusCode::NOT_FOUND, no_store, Html(NOT_FOUND)).into_response()
        }
        answer => answer.into_response(),
    }
}

/// Whether a page is asked for, as browsers do of an address, and not a script or a picture.
fn wants_page(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}
