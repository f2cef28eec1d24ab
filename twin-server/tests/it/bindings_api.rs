//! The API that changes bindings: reload, suggestions and accepting them, on a whole
//! server. The broker may be away: bindings are of no broker.

use std::path::Path;

use serde_json::Value as Json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use twin_server::{config::Config, serve::Server};

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A site: a scene of two meters, and a configuration with some bindings.
fn site(bindings: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let scene = r#"{"revision":"r1","crs":"EPSG:4547","origin":{"wgs84":[114.0,22.5,10.0]},
        "unit":"metre","sources":[]}"#;
    write(dir.path(), "scene/scene.json", scene);
    let entities = concat!(
        r#"{"id":"p","kind":"project","name":"Campus"}"#,
        "\n",
        r#"{"id":"m1","parent":"p","kind":"meter","name":"M1","tags":["meter:M1"]}"#,
        "\n"
    );
    write(dir.path(), "scene/entities.ndjson", entities);
    write(dir.path(), "scene/graph.json", r#"{"spaces":[],"links":[]}"#);
    write(dir.path(), "scene/report.json", r#"{"sources":[]}"#);
    write(dir.path(), "scene/tiles/tileset.json", r#"{"asset":{"version":"1.1"},"root":{}}"#);
    edit(dir.path(), bindings);
    dir
}

fn edit(dir: &Path, bindings: &str) {
    let head = "[scene]\npackage = \"scene\"\n[http]\nlisten = \"127.0.0.1:0\"\n[mqtt]\n\
                url = \"mqtt://127.0.0.1:9\"\n[bindings]\nwatch = \"0s\"\n";
    write(dir, "twin.toml", &format!("{head}{bindings}"));
}

fn binding(value: &str) -> String {
    format!(
        "[[binding]]\nname = \"meters\"\ntopic = \"m/{{m}}\"\nentity = {{ tag = \"meter:{{m}}\" }}\n\
         [[binding.point]]\nmetric = \"power\"\nvalue = {value:?}\n"
    )
}

/// Status and body of an answer.
async fn ask(server: &Server, request: &str, headers: &str, body: &str) -> (u16, Json) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}",
        server.address()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    // Short answers come in one piece, with or without its length before it.
    let start = body.find(['{', '[']).unwrap_or(0);
    let end = body.rfind(['}', ']']).map_or(body.len(), |end| end + 1);
    (status, serde_json::from_str(&body[start..end]).unwrap_or(Json::Null))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_answers_what_changed_or_what_is_wrong() {
    let dir = site("");
    let server = Server::start(Config::load(&dir.path().join("twin.toml")).unwrap()).await.unwrap();
    edit(dir.path(), &binding("$.p"));
    let (status, answer) = ask(&server, "POST /api/v1/bindings/reload", "", "").await;
    assert_eq!((status, &answer["added"][0]), (200, &Json::from("meters")), "{answer}");
    assert_eq!(answer["needs_restart"], serde_json::json!([]));

    edit(dir.path(), &binding("p"));
    let (status, answer) = ask(&server, "POST /api/v1/bindings/reload", "", "").await;
    assert_eq!((status, answer["error"]["code"].as_str()), (422, Some("invalid_configuration")));
    let fault = &answer["faults"][0];
    assert!(fault["file"].as_str().unwrap().ends_with("twin.toml"), "{answer}");
    assert_eq!(
        (fault["line"].as_u64(), fault["key"].as_str()),
        (Some(15), Some("binding[0].point[0].value"))
    );

    // It is told wherever one may look, and the set before is at work.
    let (_, board) = ask(&server, "GET /api/v1/bindings", "", "").await;
    assert_eq!(board["bindings"][0]["name"], "meters");
    assert!(board["set"]["failure"]["message"].as_str().unwrap().contains("twin.toml:15"));
    let (_, ready) = ask(&server, "GET /readyz", "", "").await;
    assert_eq!(ready["bindings"]["bindings"], 1, "{ready}");
    assert!(ready["bindings"]["failure"].is_object());

    let foreign = "origin: https://evil.example\r\n";
    let (status, _) = ask(&server, "POST /api/v1/bindings/reload", foreign, "").await;
    assert_eq!(status, 403);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suggestions_and_profiles_are_answered() {
    let dir = site("");
    let server = Server::start(Config::load(&dir.path().join("twin.toml")).unwrap()).await.unwrap();
    let (status, found) = ask(&server, "GET /api/v1/bindings/suggestions", "", "").await;
    assert_eq!((status, &found["topics"]), (200, &Json::from(0)), "{found}");
    let accept = "POST /api/v1/bindings/suggestions/accept";
    let (status, answer) = ask(&server, accept, "", r#"{"all":true}"#).await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("no suggestion is meant"));
    let (status, _) = ask(&server, accept, "", r#"{"some":1}"#).await;
    assert_eq!(status, 400);
    let (status, profiles) = ask(&server, "GET /api/v1/bindings/profiles", "", "").await;
    assert_eq!(status, 200);
    assert!(profiles.as_array().unwrap().len() >= 10, "{profiles}");
    server.stop().await;
}
