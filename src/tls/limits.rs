//! How much the network may cost us.

use super::waiting::WaitingRoom;
use crate::limits::Gate;
use arc_swap::{ArcSwap, Guard};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Bounds of one listening socket. The process needs about `max_waiting + max_connections` file descriptors for it.
#[derive(Clone, Debug)]
pub struct ListenerLimits {
    /// Connections accepted but not yet in their handshake. One more cuts the oldest of them: a peer that never speaks
    /// costs a socket for a while and keeps nobody out.
    pub max_waiting: usize,
    /// Handshakes at the same time, those left out that their peers stall. The next ones wait, within their `handshake` time.
    pub max_handshakes: usize,
    /// Connections in their handshake or speaking HTTP. At the cap the next ones wait, within their `handshake` time.
    pub max_connections: usize,
    /// From the accepted connection to the end of its handshake; in the clear, to the first byte.
    pub handshake: Duration,
    /// HTTP/1.1: for a whole request head, the idle time before it included. HTTP/2: a connection on which nothing
    /// began or is under way ends after one to two of these.
    pub idle: Duration,
    /// Of a request's head, in bytes (HTTP/2: RFC 9113 s6.5.2 SETTINGS_MAX_HEADER_LIST_SIZE). Above: 431.
    pub max_header_bytes: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub max_streams: u32,
    /// After this a connection finishes what it is at and ends, so that balancers can spread peers again and no
    /// client certificate is shown once for ever.
    pub max_age: Duration,
    /// What requests under way get when the server stops or a connection comes of age. Then they are cut.
    pub drain: Duration,
    /// What one address may take of it. `None`: all.
    pub gate: Option<Gate>,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_waiting: 1024,
            max_handshakes: 256,
            max_connections: 4096,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(15),
            max_header_bytes: 32 << 10,
            max_streams: 64,
            max_age: Duration::from_secs(600),
            drain: Duration::from_secs(20),
            gate: None,
        }
    }
}

/// The limits of one socket, which may change while it is served: what is open lives on under those it began with.
#[derive(Clone)]
pub struct Bounds(Arc<Inner>);

struct Inner {
    limits: ArcSwap<ListenerLimits>,
    waiting: WaitingRoom,
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
}

impl Bounds {
    pub fn new(limits: ListenerLimits) -> Self {
        Self(Arc::new(Inner {
            waiting: WaitingRoom::new(limits.max_waiting),
            connections: Arc::new(Semaphore::new(limits.max_connections)),
            handshakes: Arc::new(Semaphore::new(limits.max_handshakes)),
            limits: ArcSwap::from_pointee(limits),
        }))
    }

    /// From the next connection on. With fewer allowed than there are, nobody is cut, and nobody is let in until enough have left.
    pub fn change(&self, limits: ListenerLimits) {
        let gate = self.limits().gate.as_ref().map(|gate| gate.of(limits.max_connections));
        let limits = ListenerLimits { gate, ..limits };
        let before = self.0.limits.swap(Arc::new(limits));
        let now = self.0.limits.load();
        self.0.waiting.resize(now.max_waiting);
        resize(&self.0.connections, before.max_connections, now.max_connections);
        resize(&self.0.handshakes, before.max_handshakes, now.max_handshakes);
    }

    pub(super) fn limits(&self) -> Guard<Arc<ListenerLimits>> {
        self.0.limits.load()
    }

    pub(super) fn waiting(&self) -> &WaitingRoom {
        &self.0.waiting
    }

    pub(super) fn connections(&self) -> &Arc<Semaphore> {
        &self.0.connections
    }

    pub(super) fn handshakes(&self) -> &Semaphore {
        &self.0.handshakes
    }
}

/// Permits that are in use are taken away as they come back, before anybody else gets them.
fn resize(semaphore: &Arc<Semaphore>, before: usize, now: usize) {
    semaphore.add_permits(now.saturating_sub(before));
    let fewer = u32::try_from(before.saturating_sub(now)).unwrap_or(u32::MAX);
    if fewer > 0 {
        let semaphore = semaphore.clone();
        tokio::spawn(async move {
            if let Ok(permits) = semaphore.acquire_many_owned(fewer).await {
                permits.forget();
            }
        });
    }
}

/// How a listener is told to end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Nobody new is let in, and requests under way end within `ListenerLimits::drain`.
    pub drain: CancellationToken,
    /// At once.
    pub cut: CancellationToken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fewer_connections_are_allowed_as_those_that_are_open_leave() {
        let limits = |max_connections| ListenerLimits { max_connections, ..ListenerLimits::default() };
        let bounds = Bounds::new(limits(3));
        let mut open: Vec<_> = (0..3).map(|_| bounds.connections().clone().try_acquire_owned().unwrap()).collect();
        bounds.change(limits(1));
        tokio::task::yield_now().await;
        for left in [2, 1] {
            open.pop();
            tokio::task::yield_now().await;
            assert!(bounds.connections().try_acquire().is_err(), "{left} are open, and one is allowed");
        }
        open.pop();
        tokio::task::yield_now().await;
        let one = bounds.connections().try_acquire().unwrap();
        assert!(bounds.connections().try_acquire().is_err());
        bounds.change(limits(2));
        assert!(bounds.connections().try_acquire().is_ok(), "and more at once");
        drop(one);
    }
}
