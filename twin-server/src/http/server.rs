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
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{App, router};

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;
/// Kernel buffer of each connection, bytes. Small: what lies in it is old before a slow
/// client reads it, and what does not fit is conflated instead.
const SEND_BUFFER: u32 = 256 * 1024;
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
                    connection(stream, routes, header_timeout, stop).await;
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
    stop: CancellationToken,
) {
    // A frame is written whole; holding it back for more only adds delay.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
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
