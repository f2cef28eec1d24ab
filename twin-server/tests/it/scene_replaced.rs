//! A package that is replaced or damaged under a running server: nothing of another model is
//! ever given out as the one shown, and values go on.

use std::{fs, sync::Arc};

use twin_server::scene::{Properties, load};

use crate::support::server::{Options, Server, write_package};

/// A server of the package `scene` in its folder.
async fn serve(folder: tempfile::TempDir) -> Server {
    let loaded = load(&folder.path().join("scene"), Properties::OnDisk).unwrap();
    Server::serve(Options::default(), folder, Arc::new(loaded)).await
}

/// Puts a package in the place of the one served, as an import does; the old one goes to `old`.
fn import(server: &Server, revision: &str) {
    let [scene, new, old] = ["scene", "new", "old"].map(|name| server.dir.path().join(name));
    write_package(&new, revision);
    let _ = fs::remove_dir_all(&old);
    fs::rename(&scene, &old).unwrap();
    fs::rename(&new, &scene).unwrap();
}

const TILE: &str = "/tiles/r1/0/0.glb";
/// What is read from the package when it is asked for.
const FILES: [&str; 8] = [
    TILE,
    "/tiles/r1/tileset.json",
    "/tiles/r1/ghost.glb",
    "/api/v1/scene/report",
    "/api/v1/scene/report.html",
    "/api/v1/scene/graph",
    "/api/v1/scene/changes",
    "/api/v1/entities/em1",
];

#[tokio::test]
async fn nothing_of_a_new_package_goes_out_as_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    write_package(&folder.path().join("scene"), "r1");
    let server = serve(folder).await;
    let first = server.get(TILE).await;
    assert!(first.text().starts_with("glTF tile of r1"));
    let tag = first.header("etag").unwrap().to_owned();

    import(&server, "r1");
    let again = server.get(TILE).await;
    assert_eq!((again.status(), again.text()), (200, first.text()), "the same is no other");
    assert_eq!(server.get("/readyz").await.status(), 200);

    import(&server, "r2");
    for path in FILES {
        for header in [("accept", "*/*"), ("accept-encoding", "br"), ("if-none-match", &tag)] {
            let answer = server.get_with(path, &[header]).await;
            assert_eq!(answer.status(), 503, "{path} {header:?}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            let error = &answer.json()["error"];
            assert_eq!(error["code"], "scene_replaced", "{path}");
            assert!(error["message"].as_str().unwrap().contains("restart the server"));
        }
    }
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status(), &ready.json()["ready"]), (503, &false.into()));
    assert_eq!(ready.json()["scene"]["problem"]["code"], "scene_replaced");
    assert!(ready.json()["reason"].as_str().unwrap().contains("was replaced"));

    // What is in memory is of one revision, and values are of no file.
    server.set("em1", "power", 3.5);
    assert_eq!(server.get("/api/v1/scene").await.json()["revision"], "r1");
    assert_eq!(server.get("/api/v1/scene/index").await.json()["revision"], "r1");
    assert_eq!(server.get("/api/v1/state").await.json()["points"][0]["v"], 3.5);

    // Nothing of the new one was kept, should the old one come back.
    let [scene, old] = ["scene", "old"].map(|name| server.dir.path().join(name));
    fs::remove_dir_all(&scene).unwrap();
    assert_eq!(server.get(TILE).await.status(), 503, "gone is not: no such tile");
    fs::rename(&old, &scene).unwrap();
    for offer in ["identity", "br"] {
        let back = server.get_with(TILE, &[("accept-encoding", offer)]).await;
        assert_eq!(back.status(), 200);
        assert!(back.header("cache-control").unwrap().contains("immutable"));
    }
    assert_eq!(server.get(TILE).await.text(), first.text());
    assert_eq!(server.get("/readyz").await.status(), 200);
}

#[tokio::test]
async fn missing_tiles_are_told_and_values_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene");
    write_package(&scene, "r1");
    fs::remove_file(scene.join("tiles/0/0.glb")).unwrap();
    let server = serve(folder).await;
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status(), 200, "the present is shown without them");
    let problem = &ready.json()["scene"]["problem"];
    assert_eq!(problem["code"], "tiles_missing");
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("0.glb is missing (1 of 1 files"), "{message}");
    server.set("em1", "power", 3.5);
    assert_eq!(server.get("/api/v1/state").await.json()["points"][0]["v"], 3.5);
    assert_eq!(server.get(TILE).await.status(), 404);
}
