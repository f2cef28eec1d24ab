//! The HTTP side over real sockets: shapes, caching, limits, refusals.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use twin_server::http::Settings;

use crate::support::server::{Answer, Options, Server, reading};

#[tokio::test]
async fn the_scene_and_its_index() {
    let server = Server::start().await;
    let scene = server.get("/api/v1/scene").await.json();
    assert_eq!(scene["revision"], "r1");
    assert_eq!(scene["crs"], "EPSG:4547");
    assert_eq!(scene["tileset"], "/tiles/r1/tileset.json");
    assert_eq!(scene["counts"]["entities"], 8);
    assert_eq!(scene["counts"]["kinds"]["meter"], 2);

    let index = server.get("/api/v1/scene/index").await;
    let entities = index.json()["entities"].clone();
    let ids: Vec<_> =
        entities.as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["p", "t1", "t1f1", "r1", "em1", "t2", "em2"], "the wall is left out");
    assert_eq!(entities[1]["long_name"], "一号楼 Tower 1");
    assert_eq!(entities[3]["area_m2"], 30.5);
    assert_eq!(entities[4]["parent"], 3);
    assert_eq!(entities[4]["storey"], 2);

    let tag = index.header("etag").unwrap();
    let again = server.get_with("/api/v1/scene/index", &[("if-none-match", tag)]).await;
    assert_eq!(again.status(), 304);
    // A wall that is measured is worth listing.
    server.set("w1", "temperature", 20.0);
    let grown = server.get_with("/api/v1/scene/index", &[("if-none-match", tag)]).await;
    assert_eq!(grown.json()["entities"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn the_changes_of_the_last_revision() {
    let server = Server::start().await;
    let first = server.get("/api/v1/scene/changes").await;
    assert_eq!(first.status(), 200);
    assert_eq!((&first.json()["from"], &first.json()["to"]), (&Value::Null, &"r1".into()));
    assert_eq!(first.json()["added"], serde_json::json!([]));
    let changes = twin_model::changes::Changes {
        from: Some("r0".into()),
        to: "r1".into(),
        ..Default::default()
    };
    let text = serde_json::to_vec(&changes).unwrap();
    std::fs::write(server.dir.path().join("changes.json"), text).unwrap();
    let later = server.get("/api/v1/scene/changes").await;
    assert_eq!(later.json()["from"], "r0");
    assert!(later.header("etag").is_some());
}

#[tokio::test]
async fn the_health_page_may_run_its_own_script_and_ask_for_nothing() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v1/scene/report.html").await.status(), 404);
    std::fs::write(server.dir.path().join("report.html"), "<!doctype html>").unwrap();
    let page = server.get("/api/v1/scene/report.html?lang=zh").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert_eq!(policy, bim_import::report_policy());
    assert!(policy.contains("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(page.header("etag").is_some());
}

#[tokio::test]
async fn entities_are_listed_in_pages_and_searched() {
    let server = Server::start().await;
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = Vec::new();
    let mut path = "/api/v1/entities?limit=3".to_owned();
    loop {
        let page = server.get(&path).await;
        found.extend(ids(&page));
        match page.json()["next"].as_str() {
            Some(next) => path = format!("/api/v1/entities?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ["p", "t1", "t1f1", "r1", "em1", "w1", "t2", "em2"]);
    for (query, expected) in [
        ("kind=meter", vec!["em1", "em2"]),
        ("parent=t1f1", vec!["r1", "w1"]),
        ("parent=t1f1&kind=element", vec!["w1"]),
        ("within=t1&kind=meter", vec!["em1"]),
        ("q=%E4%B8%80%E5%8F%B7%E6%A5%BC", vec!["t1"]),
        ("q=IFCWALL", vec!["w1"]),
        ("q=meter%3At1", vec!["em1"]),
        ("q=01f+em1", vec!["em1", "em2"]),
        ("q=01f&kind=space", vec!["r1"]),
        ("q=nothing+like+it", vec![]),
    ] {
        let answer = server.get(&format!("/api/v1/entities?{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}");
    }
}

#[tokio::test]
async fn one_entity_with_properties_path_and_points() {
    let server = Server::start().await;
    server.set("em1", "power", 3.5);
    let entity = server.get("/api/v1/entities/em1").await.json();
    assert_eq!(entity["ifc_class"], "IfcFlowMeter");
    assert_eq!(entity["properties"]["Pset_Meter"]["Rated"], 5.5);
    let path: Vec<_> =
        entity["path"].as_array().unwrap().iter().map(|step| step["id"].clone()).collect();
    assert_eq!(path, ["p", "t1", "t1f1", "r1"]);
    let point = &entity["points"][0];
    assert_eq!((&point["point"], &point["v"]), (&"em1/power".into(), &3.5.into()));
    assert_eq!((&point["unit"], &point["q"]), (&"kW".into(), &"good".into()));

    let missing = server.get("/api/v1/entities/ghost").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.json()["error"]["code"], "not_found");
}

#[tokio::test]
async fn the_state_now_and_of_a_subtree() {
    let server = Server::start().await;
    server.set("em1", "power", 1.0);
    server.set("em2", "power", 2.0);
    let state = server.get("/api/v1/state").await.json();
    assert_eq!(state["points"].as_array().unwrap().len(), 2);
    assert_eq!(state["seq"], 2);
    assert!(state["t"].as_str().unwrap().ends_with('Z'));
    let below = server.get("/api/v1/state?entity=t2").await.json();
    assert_eq!(below["points"][0]["point"], "em2/power");
    assert_eq!(below["points"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/api/v1/state?at=2026-01-01T00:00:00Z").await.status(), 501);
    assert_eq!(server.get("/api/v1/bindings").await.json()["messages"], 0);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start().await;
    for (path, status, word) in [
        ("/api/v1/entities?limit=0", 400, "limit"),
        ("/api/v1/entities?limit=1001", 400, "limit"),
        ("/api/v1/entities?kind=castle", 400, "castle"),
        ("/api/v1/entities?knid=space", 400, "knid"),
        ("/api/v1/entities?cursor=5.other", 400, "cursor"),
        ("/api/v1/entities?cursor=x", 400, "cursor"),
        ("/api/v1/entities?parent=ghost", 404, "ghost"),
        ("/api/v1/nothing", 404, "docs"),
        ("/tiles/r0/tileset.json", 404, "r1"),
        ("/tiles/r1/ghost.glb", 404, "ghost.glb"),
        ("/tiles/r1/..%2Fscene.json", 404, "scene.json"),
        ("/tiles/r1/%2e%2e/scene.json", 404, "scene.json"),
        ("/api/v1/stream", 400, "WebSocket"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), status, "{path}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(word), "{path}: {message}");
    }
    let long = format!("/api/v1/entities?q={}", "x".repeat(201));
    assert_eq!(server.get(&long).await.status(), 400);
}

#[tokio::test]
async fn tiles_are_packed_tagged_and_kept_for_ever() {
    let server = Server::start().await;
    let path = "/tiles/r1/0/0.glb";
    let plain = server.get(path).await;
    assert_eq!(plain.header("content-type"), Some("model/gltf-binary"));
    assert_eq!(plain.header("content-encoding"), None);
    assert!(plain.header("cache-control").unwrap().contains("immutable"));
    for (offer, encoding) in [("gzip, deflate, br", "br"), ("gzip", "gzip")] {
        let packed = server.get_with(path, &[("accept-encoding", offer)]).await;
        assert_eq!(packed.header("content-encoding"), Some(encoding));
        assert_eq!(packed.header("vary"), Some("accept-encoding"));
        assert!(packed.0.body().len() * 10 < plain.0.body().len());
        let tag = packed.header("etag").unwrap();
        let known = [("accept-encoding", offer), ("if-none-match", tag)];
        let again = server.get_with(path, &known).await;
        assert_eq!((again.status(), again.0.body().len()), (304, 0));
    }
}

#[tokio::test]
async fn the_viewer_or_a_page_that_says_how_to_build_it() {
    let server = Server::start().await;
    let page = server.get("/?room=live&entity=em1").await;
    assert!(page.text().contains("<title>twin</title>"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("'wasm-unsafe-eval'") && !policy.contains("'unsafe-eval'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let packed = [("accept-encoding", "br")];
    let wasm = server.get_with("/twin_viewer_bg.wasm", &packed).await;
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));
    assert_eq!((wasm.header("content-encoding"), wasm.text()), (Some("br"), "packed wasm"));
    assert_eq!(server.get("/twin_viewer_bg.wasm").await.text(), "plain wasm");
    assert_eq!(server.get("/ghost.js").await.status(), 404);
    assert_eq!(server.get("/nope").await.json()["error"]["code"], "not_found");
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let lost = server.get_with("/nope", &browser).await;
    assert_eq!((lost.status(), lost.header("cache-control")), (404, Some("no-store")));
    assert_eq!(lost.header("content-type"), Some("text/html; charset=utf-8"));
    for said in ["Nothing is at this address", "此地址没有页面", "href=\"/\""] {
        assert!(lost.text().contains(said), "{said}");
    }
    assert_eq!(
        server.get_with("/api/v1/nope", &browser).await.json()["error"]["code"],
        "not_found"
    );
    std::fs::remove_file(server.dir.path().join("viewer/index.html")).unwrap();
    let missing = server.get("/").await;
    assert_eq!(missing.status(), 503);
    assert!(missing.text().contains("cargo xtask viewer"));
}

#[tokio::test]
async fn health_metrics_and_description() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.text(), "ok\n");
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.json()["scene"]["entities"], 8);
    drop(server.json().await);
    let accept = [("accept", "application/openmetrics-text; version=1.0.0")];
    let open = server.get_with("/metrics", &accept).await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(open.text().ends_with("# EOF\n"));
    assert!(open.text().contains("twin_stream_sessions{"), "{}", open.text());
    assert!(!server.get("/metrics").await.text().contains("# EOF"));
    let description = server.get("/api/v1/openapi.json").await.json();
    assert!(description["paths"]["/api/v1/entities/{id}"]["get"].is_object());
    let docs = server.get("/api/v1/docs").await;
    for asset in ["/api/v1/docs.js", "/api/v1/docs.css"] {
        assert!(docs.text().contains(asset));
        assert_eq!(server.get(asset).await.status(), 200);
    }
    assert!(!docs.text().contains("//cdn"), "works without internet");
}

#[tokio::test]
async fn a_foreign_host_name_is_refused_on_loopback() {
    let server = Server::start().await;
    let answer = server.get_with("/api/v1/scene", &[("host", "evil.example")]).await;
    assert_eq!(answer.status(), 403);
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("allowed_origins"));
    let http = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        allowed_origins: vec!["https://twin.example".into()],
        ..Settings::default()
    };
    let server = Server::start_with(Options { http, ..Options::default() }).await;
    let answer = server.get_with("/api/v1/scene", &[("host", "twin.example")]).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn other_methods_and_large_bodies_are_refused() {
    let server = Server::start().await;
    let host = server.address.to_string();
    let request = |method: &str, path: &str, length: &str| {
        let request = Request::builder().method(method).uri(path).header("host", &host);
        let request = if length.is_empty() { request } else { request.header("expect", "") };
        request.body(Full::<Bytes>::default()).unwrap()
    };
    let answer = server.request(request("DELETE", "/api/v1/scene", "")).await;
    assert_eq!(
        (answer.status(), &answer.json()["error"]["code"]),
        (405, &"method_not_allowed".into())
    );
    assert_eq!(server.request(request("POST", "/", "")).await.status(), 405);
    // A body that is only announced is refused before it is sent.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head =
        format!("POST /api/v1/scene HTTP/1.1\r\nhost: {host}\r\ncontent-length: 99999999\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_header_is_dropped() {
    let http = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        request_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let server = Server::start_with(Options { http, ..Options::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: local").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest))
        .await
        .expect("the server hangs up")
        .unwrap();
}

/// A server with a history: em1/power is 20, 21, … each minute from 08:00, em2/power once.
async fn with_history(dir: &std::path::Path) -> Server {
    use twin_server::history::{
        Store,
        embedded::{EmbeddedStore, Tuning},
        retention::Retention,
    };
    let store = EmbeddedStore::open(dir, Retention::forever(), Tuning::default()).unwrap();
    let start: jiff::Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
    let mut readings: Vec<_> = (0..600)
        .map(|n| {
            let value = twin_model::Value::Number(20.0 + f64::from(n));
            let mut reading = reading("em1", "power", value);
            let time = start + jiff::SignedDuration::from_mins(i64::from(n));
            (reading.sample.source_time, reading.sample.receive_time) = (time, time);
            reading
        })
        .collect();
    readings.push(readings[5].clone());
    readings[600].entity = "em2".into();
    readings[600].sample.value = twin_model::Value::Text("a, \"b\"".into());
    store.append(readings).await.unwrap();
    store.note_gap(start - jiff::SignedDuration::from_mins(9)..start).await.unwrap();
    let store: Option<std::sync::Arc<dyn Store>> = Some(std::sync::Arc::new(store));
    Server::start_with(Options { store, ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_by_either_name_whole_or_downsampled() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_history(dir.path()).await;
    let range = "from=2026-03-01T08:00:00Z&to=2026-03-01T18:00:00Z";
    for name in ["em1%2Fpower", "em1/power"] {
        let path = format!("/api/v1/points/{name}/history?{range}");
        let series = server.get(&path).await.json();
        assert_eq!(series["point"], "em1/power");
        assert_eq!(series["downsampled"], false);
        let items = series["items"].as_array().unwrap();
        assert_eq!(items.len(), 600);
        assert_eq!(
            (&items[1]["t"], &items[1]["v"]),
            (&"2026-03-01T08:01:00Z".into(), &21.0.into())
        );
        assert_eq!(items[1]["q"], "good");
        assert_eq!(series["gaps"][0]["to"], "2026-03-01T08:00:00Z");
        let less = server.get(&format!("{path}&max_points=30")).await.json();
        assert_eq!(less["downsampled"], true);
        let items = less["items"].as_array().unwrap();
        assert!(items.len() <= 30);
        assert_eq!((&items[0]["v"], &items.last().unwrap()["v"]), (&20.0.into(), &619.0.into()));
    }
    let csv = server.get("/api/v1/points/em2%2Fpower/history?from=2026-01-01T00:00:00Z&format=csv");
    let csv = csv.await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let time = "2026-03-01T08:05:00Z";
    assert_eq!(csv.text(), format!("t,v,q,received\n{time},\"a, \"\"b\"\"\",good,{time}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scene_at_a_past_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_history(dir.path()).await;
    let at = async |at: &str| server.get(&format!("/api/v1/state?at={at}")).await.json();
    assert_eq!(at("2026-03-01T07:59:59Z").await["points"], serde_json::json!([]));
    let state = at("2026-03-01T08:30:20Z").await;
    assert_eq!(state["t"], "2026-03-01T08:30:20Z");
    assert!(state["seq"].is_null());
    let points = state["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!((&points[0]["point"], &points[0]["v"]), (&"em1/power".into(), &50.0.into()));
    assert_eq!(points[0]["unit"], "kW");
    let below = at("2026-03-01T08:30:20Z&entity=t2").await;
    assert_eq!(below["points"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_the_past_that_make_no_sense_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_history(dir.path()).await;
    for (path, status, said) in [
        ("/api/v1/points/em1/history", 400, "ENTITY/METRIC"),
        ("/api/v1/points/em1%2Fnothing/history", 404, "/api/v1/state"),
        ("/api/v1/points/em1%2Fpower/history?max_points=3", 400, "4 to 100000"),
        ("/api/v1/points/em1%2Fpower/history?from=yesterday", 400, "RFC 3339"),
        ("/api/v1/points/em1%2Fpower/history?from=2026-03-02T00:00:00+08:00", 400, "%2B"),
        (
            "/api/v1/points/em1%2Fpower/history?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z",
            400,
            "before",
        ),
        ("/api/v1/state?at=noon", 400, "RFC 3339"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), status, "{path}: {}", answer.text());
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(said), "{path}");
    }
}
