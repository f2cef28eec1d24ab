//! TCP that can be left alone: not watched by the reactor, and still read and written.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rumqttc::NetworkOptions;
use tokio::net::TcpStream;

use super::{
    rhythm::{LONGEST, Rhythm},
    socket::{Socket, Talk},
};

/// What a [`Socket`] needs of what is under it. Nothing here blocks.
pub(super) trait Wire: Send + Sync + Unpin {
    /// Reads what has come, or `WouldBlock`.
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes what there is room for, or `WouldBlock`.
    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize>;
    /// Watches until there may be something to read.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Watches until there may be room to write.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Wakes nobody up any more until it is to be watched again.
    fn unwatch(&mut self) -> io::Result<()>;
    /// Nothing more will be written.
    fn shutdown(&mut self) -> io::Result<()>;
}

/// A TCP connection.
#[derive(Debug)]
pub(super) enum Tcp {
    /// By the reactor.
    Watched(TcpStream),
    /// By nobody; it blocks no more than the other.
    Alone(std::net::TcpStream),
    /// Lost on the way from one to the other.
    Gone,
}

impl Tcp {
    fn watched(&mut self) -> io::Result<&mut TcpStream> {
        if let Self::Alone(_) = self
            && let Self::Alone(alone) = std::mem::replace(self, Self::Gone)
        {
            *self = Self::Watched(TcpStream::from_std(alone)?);
        }
        match self {
            Self::Watched(stream) => Ok(stream),
            Self::Alone(_) | Self::Gone => Err(gone()),
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Wire for Tcp {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Watched(stream) => stream.try_read(buf),
            Self::Alone(stream) => stream.read(buf),
            Self::Gone => Err(gone()),
        }
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Watched(stream) => stream.try_write(buf),
            Self::Alone(stream) => stream.write(buf),
            Self::Gone => Err(gone()),
        }
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_read_ready(cx)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_write_ready(cx)
    }

    fn unwatch(&mut self) -> io::Result<()> {
        if let Self::Watched(_) = self
            && let Self::Watched(stream) = std::mem::replace(self, Self::Gone)
        {
            *self = Self::Alone(stream.into_std()?);
        }
        Ok(())
    }

    fn shutdown(&mut self) -> io::Result<()> {
        self.unwatch()?;
        match self {
            Self::Alone(stream) => stream.shutdown(Shutdown::Write),
            Self::Watched(_) | Self::Gone => Ok(()),
        }
    }
}

/// Dials a broker. Each address of its name gets its share of the time there is.
///
/// # Errors
/// Where no address answers; of the last one.
pub(super) async fn dial(
    host: String,
    network: NetworkOptions,
    within: Duration,
    talk: Arc<Talk>,
) -> io::Result<Socket<Tcp>> {
    let addresses: Vec<_> = tokio::net::lookup_host(host).await?.collect();
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut failed = io::Error::other("the broker's name has no address");
    for address in addresses {
        let attempt = rumqttc::default_socket_connect(address.to_string(), network.clone());
        match tokio::time::timeout(share, attempt).await {
            Ok(Ok(stream)) => {
                let rhythm = Rhythm::new(LONGEST, Instant::now());
                return Ok(Socket::new(Tcp::Watched(stream), rhythm, talk));
            }
            Ok(Err(error)) => failed = error,
            Err(elapsed) => failed = elapsed.into(),
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn is_read_and_written_while_alone_and_watched_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let (mut tcp, mut bytes) = (Tcp::Watched(stream), [0; 8]);
        tcp.unwatch().unwrap();
        let empty = tcp.try_read(&mut bytes).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        // What comes while it is alone is noticed once it is watched.
        peer.write_all(b"one").unwrap();
        poll_fn(|cx| tcp.poll_readable(cx)).await.unwrap();
        assert!(matches!(tcp, Tcp::Watched(_)));
        assert_eq!(tcp.try_read(&mut bytes).unwrap(), 3);
        tcp.unwatch().unwrap();
        assert_eq!(tcp.try_write(b"two").unwrap(), 3);
        poll_fn(|cx| tcp.poll_writable(cx)).await.unwrap();
        tcp.shutdown().unwrap();
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"two");
    }
}
