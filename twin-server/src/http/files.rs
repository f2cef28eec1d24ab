//! Files of a folder: the viewer's bundle and the scene's tiles.

use std::{
    fs::Metadata,
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    compress::{Cache, Encoding},
    error::ApiError,
};

/// Keep for ever: the address changes with the content.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Keep, and ask each time whether it is still the one.
pub(crate) const REVALIDATE: &str = "no-cache";

/// One folder that is served.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    root: PathBuf,
    cache: Arc<Cache>,
}

/// A file as it is sent: itself, or its packed form beside it.
struct Found {
    path: PathBuf,
    modified: Metadata,
    encoding: Encoding,
    /// Packed when sent, for want of a packed form on disk.
    pack: bool,
}

impl Files {
    pub(crate) fn new(root: PathBuf, cache: Arc<Cache>) -> Self {
        Self { root, cache }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Answers with a file, or with 304 where the client has it.
    pub(crate) async fn serve(
        &self,
        path: &str,
        headers: &HeaderMap,
        caching: &'static str,
    ) -> Result<Response, ApiError> {
        let missing = || ApiError::not_found(format!("there is no file {path:?}"));
        let path = self.resolve(path).ok_or_else(missing)?;
        let accepted = Encoding::negotiate(headers);
        let content_type = content_type(&path);
        let lookup = path.clone();
        let found = tokio::task::spawn_blocking(move || find(&lookup, accepted))
            .await
            .map_err(|error| ApiError::internal(&error))?
            .map_err(|error| self.failed(&error, missing()))?;
        let tag = etag(&found);
        let builder = Response::builder()
            .header(header::CACHE_CONTROL, caching)
            .header(header::VARY, "accept-encoding")
            .header(header::ETAG, &tag);
        let builder = if has_tag(headers, &tag) {
            builder.status(StatusCode::NOT_MODIFIED).body(Body::empty())
        } else {
            let body = self.body(&found, &tag).await.map_err(|e| self.failed(&e, missing()))?;
            let mut builder = builder.header(header::CONTENT_TYPE, content_type);
            if let Some(encoding) = found.encoding.header() {
                builder = builder.header(header::CONTENT_ENCODING, encoding);
            }
            builder.body(body)
        };
        builder.map_err(|error| ApiError::internal(&error)).map(IntoResponse::into_response)
    }

    fn failed(&self, error: &io::Error, missing: ApiError) -> ApiError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => missing,
            _ => ApiError::internal(error),
        }
    }

    async fn body(&self, found: &Found, tag: &str) -> io::Result<Body> {
        let path = found.path.clone();
        let load = move || std::fs::read(path);
        if found.pack {
            let name = format!("{}{tag}", found.path.display());
            return Ok(self.cache.get(&name, found.encoding, load).await?.into());
        }
        let body = tokio::task::spawn_blocking(load).await.map_err(io::Error::other)??;
        Ok(body.into())
    }

    /// A path below the root, and never one beside or above it.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let relative = Path::new(path);
        let plain = !path.contains(['\\', '\0'])
            && relative.components().all(|part| matches!(part, Component::Normal(_)));
        (plain && !path.is_empty()).then(|| self.root.join(relative))
    }
}

fn find(path: &Path, accepted: Encoding) -> io::Result<Found> {
    let own = path.metadata()?;
    if !own.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    for encoding in [Encoding::Brotli, Encoding::Gzip] {
        let wanted = accepted == encoding || accepted == Encoding::Brotli;
        let Some(suffix) = encoding.suffix().filter(|_| wanted) else { continue };
        let mut packed = path.as_os_str().to_owned();
        packed.push(suffix);
        let packed = PathBuf::from(packed);
        // A packed form older than the file is of an earlier build.
        if let Ok(modified) = packed.metadata()
            && modified.modified()? >= own.modified()?
        {
            return Ok(Found { path: packed, modified, encoding, pack: false });
        }
    }
    let pack = accepted != Encoding::Identity && worth_packing(path) && own.len() > 1024;
    let encoding = if pack { accepted } else { Encoding::Identity };
    Ok(Found { path: path.to_owned(), modified: own, encoding, pack })
}

fn etag(found: &Found) -> String {
    let modified = found.modified.modified().ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let encoding = found.encoding.header().unwrap_or("id");
    format!("\"{:x}-{:x}-{encoding}\"", since.as_micros(), found.modified.len())
}

/// Whether `If-None-Match` names this tag.
pub(crate) fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn worth_packing(path: &Path) -> bool {
    !matches!(extension(path), "png" | "jpg" | "jpeg" | "webp" | "woff2" | "ktx2" | "gz" | "br")
}

fn content_type(path: &Path) -> &'static str {
    match extension(path) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "glb" => "model/gltf-binary",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_below_its_root() {
        let files = Files::new("/srv/tiles".into(), Arc::new(Cache::new(0)));
        assert_eq!(files.resolve("0/1.glb"), Some("/srv/tiles/0/1.glb".into()));
        for outside in ["../secret", "/etc/passwd", "a/../../b", "..\\b", "", "a\0b"] {
            assert_eq!(files.resolve(outside), None, "{outside:?}");
        }
    }

    #[test]
    fn takes_the_packed_form_beside_a_file_unless_it_is_older() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        std::fs::write(dir.path().join("a.wasm.br"), "old").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&path, "x".repeat(2000)).unwrap();
        assert!(find(&path, Encoding::Brotli).unwrap().pack);
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(dir.path().join("a.wasm.gz"), "new").unwrap();
        let found = find(&path, Encoding::Brotli).unwrap();
        assert_eq!((found.encoding, found.pack), (Encoding::Gzip, false));
        assert_eq!(find(&path, Encoding::Identity).unwrap().path, path);
        assert!(find(dir.path(), Encoding::Brotli).is_err());
    }
}
