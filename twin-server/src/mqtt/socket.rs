//! The receiving connection's socket: read in gulps, written in one go.
//!
//! While messages come quickly it is left alone for some milliseconds after it was emptied
//! (see [`Rhythm`]), and the reactor does not watch it meanwhile: a watched socket wakes the
//! process for every packet, whether anyone wants to read or not. Acknowledgements, which the
//! library writes one by one, go out together once there is nothing left to read.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::{
    rhythm::{Count, Rhythm},
    wire::Wire,
};

/// Bytes held back at most; more go out at once.
const HELD: usize = 16 * 1024;

/// What those who speak through the socket tell it.
#[derive(Debug, Default)]
pub(super) struct Talk {
    messages: AtomicU32,
    owed: AtomicU32,
    ends: AtomicBool,
}

impl Talk {
    /// A message came; whether the broker waits for its acknowledgement.
    pub(super) fn message(&self, owed: bool) {
        self.messages.fetch_add(1, Relaxed);
        self.owed.fetch_add(u32::from(owed), Relaxed);
    }

    /// From now on nothing is held back: what is written next is the last.
    pub(super) fn ends(&self) {
        self.ends.store(true, Relaxed);
    }

    fn take(&self) -> Count {
        let take = |count: &AtomicU32| count.swap(0, Relaxed);
        Count { messages: take(&self.messages), owed: take(&self.owed) }
    }
}

/// A socket of the receiving connection.
pub(super) struct Socket<W> {
    wire: W,
    rhythm: Rhythm,
    talk: Arc<Talk>,
    /// While it is left alone.
    pause: Option<Pin<Box<Sleep>>>,
    /// Written, and not sent yet.
    held: Vec<u8>,
}

impl<W: Wire> Socket<W> {
    pub(super) fn new(wire: W, rhythm: Rhythm, talk: Arc<Talk>) -> Self {
        Self { wire, rhythm, talk, pause: None, held: Vec::new() }
    }

    /// Sends what is held; whether that was anything.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let any = !self.held.is_empty();
        while !self.held.is_empty() {
            match self.wire.try_write(&self.held) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(sent) => drop(self.held.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.wire.poll_writable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(any))
    }

    /// Whether the pause is over, or there is none.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }

    /// There is nothing to read: sends what is held, and then leaves the socket alone or
    /// watches it. Ready when it may be read again.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (now, resting) = (Instant::now(), self.poll_pause(cx).is_pending());
        match self.poll_send(cx)? {
            // With what we sent comes TCP's acknowledgement, and most brokers let TCP hold
            // back small packets until then: more may be there already.
            Poll::Ready(true) => return Poll::Ready(Ok(())),
            Poll::Ready(false) if resting => return Poll::Pending,
            Poll::Ready(false) if self.rhythm.is_due(now) => {}
            // What could not be sent needs the socket watched.
            _ => return self.wire.poll_readable(cx),
        }
        if let Some(pause) = self.rhythm.decide(now, self.talk.take()) {
            self.wire.unwatch()?;
            let mut pause = Box::pin(tokio::time::sleep(pause));
            if pause.as_mut().poll(cx).is_pending() {
                self.pause = Some(pause);
                return Poll::Pending;
            }
        }
        self.wire.poll_readable(cx)
    }
}

impl<W: Wire> AsyncRead for Socket<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // While the socket is left alone only what we send makes it worth a look.
        if this.poll_pause(cx).is_pending() {
            ready!(this.poll_more(cx))?;
        }
        loop {
            match this.wire.try_read(buf.initialize_unfilled()) {
                Ok(bytes) => {
                    buf.advance(bytes);
                    this.rhythm.came(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(this.poll_more(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl<W: Wire> AsyncWrite for Socket<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held.len() + buf.len() > HELD {
            ready!(this.poll_send(cx))?;
        }
        this.held.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    /// Sends nothing while the connection goes on: it is read again in a moment, and what
    /// is held goes out then.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.talk.ends.load(Relaxed) {
            ready!(this.poll_send(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Poll::Ready(this.wire.shutdown())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, task::Waker, time::Duration};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Packets to be read one by one, and what is written as it is.
    #[derive(Debug, Default)]
    struct Script {
        packets: VecDeque<&'static [u8]>,
        writes: Vec<Vec<u8>>,
        watched: bool,
    }

    impl Wire for Script {
        fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let packet = self.packets.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
            buf[..packet.len()].copy_from_slice(packet);
            Ok(packet.len())
        }

        fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.writes.push(buf.to_vec());
            Ok(buf.len())
        }

        fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.watched = true;
            if self.packets.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn unwatch(&mut self) -> io::Result<()> {
            self.watched = false;
            Ok(())
        }

        fn shutdown(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// So long that a test does not see its end, and anything within it comes quickly.
    const HOUR: Duration = Duration::from_secs(3_600);

    fn socket(longest: Duration) -> Socket<Script> {
        let rhythm = Rhythm::new(longest, Instant::now());
        // Less is too little to decide on.
        std::thread::sleep(Duration::from_millis(1));
        Socket::new(Script::default(), rhythm, Arc::default())
    }

    /// What can be read without waiting, and whether anything was. A packet is a message.
    fn read(socket: &mut Socket<Script>) -> Option<Vec<u8>> {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut bytes, mut any) = (Vec::new(), false);
        loop {
            let mut space = [0; 64];
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *socket).poll_read(&mut cx, &mut buf) {
                Poll::Ready(Ok(())) => bytes.extend_from_slice(buf.filled()),
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => return any.then_some(bytes),
            }
            socket.talk.message(false);
            any = true;
        }
    }

    #[tokio::test]
    async fn what_comes_alone_is_read_at_once_and_the_socket_stays_watched() {
        let mut socket = socket(Duration::ZERO);
        for packet in [&b"one"[..], b"two"] {
            socket.wire.packets.push_back(packet);
            assert_eq!(read(&mut socket).as_deref(), Some(packet));
            assert!(socket.wire.watched && socket.pause.is_none());
        }
    }

    #[tokio::test]
    async fn what_comes_quickly_gathers_in_its_order() {
        let mut socket = socket(HOUR);
        socket.wire.packets.push_back(b"one ");
        assert_eq!(read(&mut socket).as_deref(), Some(&b"one "[..]), "the first waits for nobody");
        assert!(!socket.wire.watched, "nothing wakes us up");
        socket.wire.packets.extend([&b"two "[..], b"three "]);
        assert_eq!(read(&mut socket), None);
        socket.wire.packets.push_back(b"four");
        assert_eq!(read(&mut socket), None);
        // The hour is over.
        socket.pause = None;
        assert_eq!(read(&mut socket).as_deref(), Some(&b"two three four"[..]));
    }

    #[tokio::test]
    async fn a_pause_ends_by_itself() {
        let mut socket = socket(Duration::from_millis(100));
        socket.wire.packets.push_back(b"one ");
        assert!(read(&mut socket).is_some());
        socket.wire.packets.push_back(b"two");
        let mut bytes = [0; 3];
        socket.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"two");
    }

    #[tokio::test]
    async fn acknowledgements_go_out_together_when_there_is_nothing_to_read() {
        let mut socket = socket(HOUR);
        for ack in [b"a", b"b", b"c"] {
            socket.write_all(ack).await.unwrap();
            socket.flush().await.unwrap();
        }
        assert!(socket.wire.writes.is_empty());
        socket.wire.packets.push_back(b"one");
        assert!(read(&mut socket).is_some());
        assert_eq!(socket.wire.writes, [b"abc"]);
        // In the pause that has begun they do not wait for its end.
        socket.write_all(b"d").await.unwrap();
        assert_eq!(read(&mut socket), None);
        assert_eq!(socket.wire.writes.last().unwrap(), b"d");
    }

    #[tokio::test]
    async fn holds_little_and_nothing_at_the_end() {
        let mut socket = socket(HOUR);
        for _ in 0..3 {
            socket.write_all(&[0; HELD / 2]).await.unwrap();
        }
        assert_eq!(socket.wire.writes, [vec![0; HELD]]);
        socket.talk.ends();
        socket.write_all(b"bye").await.unwrap();
        socket.flush().await.unwrap();
        assert_eq!(socket.held.len(), 0);
        assert!(socket.wire.writes.concat().ends_with(b"bye"));
    }
}
