//! Folders served over HTTP, for pages that are not the product's own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    thread,
};

use anyhow::Result;

/// Serves files below some folders, each under a first name in the address; until the test
/// program ends, since it holds nothing that must be given back.
#[derive(Debug)]
pub struct Files {
    port: u16,
}

impl Files {
    /// Starts serving: `("tiles", folder)` is found under `/tiles/`.
    pub fn serve(folders: &[(&'static str, &Path)]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let folders: Vec<(&str, PathBuf)> =
            folders.iter().map(|(name, folder)| (*name, folder.to_path_buf())).collect();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let folders = folders.clone();
                // A browser that goes away in the middle of an answer is no trouble.
                thread::spawn(move || drop(answer(stream, &folders)));
            }
        });
        Ok(Self { port })
    }

    /// The address of a path without its leading slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

fn answer(mut stream: TcpStream, folders: &[(&str, PathBuf)]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let found = folders.iter().find_map(|(name, folder)| {
        let rest = path.strip_prefix(name)?.strip_prefix('/')?;
        (!rest.contains("..")).then(|| folder.join(rest))
    });
    let (status, body) = match found.map(fs::read) {
        Some(Ok(body)) => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content_type(path),
        body.len()
    )?;
    stream.write_all(&body)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
