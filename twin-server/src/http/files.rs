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
use crate::scene::{LoadError, LoadedScene};

/// Keep for ever: the address changes with the content.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Keep, and ask each time whether it is still the one.
pub(crate) const REVALIDATE: &str = "no-cache";

/// One folder that is served.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    root: PathBuf,
    cache: Arc<Cache>,
    /// The scene of which they are: nothing is given out that may be of another one.
    scene: Option<Arc<LoadedScene>>,
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
        Self { root, cache, scene: None }
    }

    /// Files of the package of a scene.
    pub(crate) fn of_scene(root: PathBuf, cache: Arc<Cache>, scene: Arc<LoadedScene>) -> Self {
        Self { root, cache, scene: Some(scene) }
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
        let (lookup, scene) = (path.clone(), self.scene.clone());
        let look = move || guarded(scene.as_deref(), || find(&lookup, accepted));
        let found = tokio::task::spawn_blocking(look)
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
        let of_scene = error.get_ref().and_then(|inner| inner.downcast_ref::<LoadError>());
        if let Some(error) = of_scene {
            return ApiError::of_scene(error);
        }
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => missing,
            _ => ApiError::internal(error),
        }
    }

    async fn body(&self, found: &Found, tag: &str) -> io::Result<Body> {
        let (path, scene) = (found.path.clone(), self.scene.clone());
        // Checked here, and not by who asks, what is of another scene is not cached either.
        let load = move || guarded(scene.as_deref(), || std::fs::read(path));
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

/// Reads of a package: what was read counts only where the package is that of the scene,
/// before and after.
fn guarded<T>(scene: Option<&LoadedScene>, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let check = || scene.map_or(Ok(()), LoadedScene::check_in_place).map_err(io::Error::other);
    check()?;
    let result = read();
    check()?;
    result
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
    fn what_was_read_while_the_package_was_replaced_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("scene");
        let package = |revision: &str| {
            std::fs::create_dir(&dir).unwrap();
            let scene =
                format!(r#"{{"revision":"{revision}","origin":{{}},"unit":"metre","sources":[]}}"#);
            std::fs::write(dir.join("scene.json"), scene).unwrap();
            std::fs::write(dir.join("entities.ndjson"), "").unwrap();
        };
        package("r1");
        let scene = crate::scene::load(&dir, Default::default()).unwrap();
        assert_eq!(guarded(Some(&scene), || Ok(1)).unwrap(), 1);
        let replaced = guarded(Some(&scene), || {
            std::fs::rename(&dir, folder.path().join("old")).unwrap();
            package("r2");
            Ok(2)
        });
        let error = replaced.unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        assert!(matches!(inner, Some(LoadError::Changed { .. })), "{error}");
        assert!(guarded(None, || Ok(3)).is_ok(), "the viewer is of no scene");
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
