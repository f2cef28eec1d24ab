//! Accepting connections: bounded in number, in header time, and ended in order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{App, router};

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;
/// Kernel buffer of each connection, bytes. Small: what lies in it is old before a slow
/// client reads it, and what does not fit is conflated instead.
const SEND_BUFFER: u32 = 256 * 1024;
/// How long a client may take nothing of what is sent to it. Sessions notice sooner; this ends
/// what only streams, such as server-sent events, and downloads that nobody reads.
const STALLED: Duration = Duration::from_secs(60);
/// How long sessions and requests under way may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Binds the address; port 0 takes a free one.
///
/// # Errors
/// Where the address is taken, or not one of this machine's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Restarting must not wait for connections of the last run to time out.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, then ends sessions and requests in order.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.settings.max_connections));
    let connections = TaskTracker::new();
    let header_timeout = app.settings.request_timeout;
    let routes = router(Arc::clone(&app));
    loop {
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&slots).acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (routes, stop) = (routes.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, routes, header_timeout, STALLED, stop).await;
                    drop(permit);
                });
            }
            // Out of file handles, most likely: others must close first.
            Err(error) => {
                tracing::warn!("accepting a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    app.hub.close(DRAIN).await;
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "stopping with requests under way");
    }
}

async fn connection(
    stream: TcpStream,
    routes: Router,
    header_timeout: Duration,
    stalled: Duration,
    stop: CancellationToken,
) {
    // A frame is written whole; holding it back for more only adds delay.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(stalled));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(routes))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection ended: {error}");
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, Bytes},
        routing::get,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// An answer without end.
    async fn endless() -> Body {
        let piece = || async { Some((Ok::<_, io::Error>(Bytes::from(vec![b'.'; 65_536])), ())) };
        Body::from_stream(futures_util::stream::unfold((), move |()| piece()))
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_let_go_and_a_slow_one_is_not() {
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Duration::from_millis(300);
        let mut ends = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let routes = Router::new().route("/", get(endless));
            let long = Duration::from_secs(60);
            let stop = CancellationToken::new();
            ends.push(tokio::spawn(connection(stream, routes, long, limit, stop)));
            clients.push(client);
        }
        let slow_end = ends.pop().unwrap();
        let mut slow = clients.pop().unwrap();
        let reading = tokio::spawn(async move {
            let mut piece = vec![0; 1 << 20];
            loop {
                slow.read_exact(&mut piece).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let stalled = ends.pop().unwrap();
        tokio::time::timeout(Duration::from_secs(30), stalled).await.unwrap().unwrap();
        assert!(!slow_end.is_finished(), "whoever reads goes on");
        reading.abort();
    }
}
