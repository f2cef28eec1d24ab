//! The viewer's files at `/`.

use axum::{
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};

use super::{App, files::REVALIDATE};

/// Shown where the bundle was not built.
const NOT_BUILT: &str = include_str!("not_built.html");

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
    app.viewer.serve(path, headers, REVALIDATE).await.into_response()
}
