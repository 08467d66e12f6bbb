//! The room where accepted connections wait for their handshake. When it is full, whoever waited longest leaves.

use metrics::gauge;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// A peer that means it speaks within a round trip; one that waited longest most likely never will. So a flood of
/// silent connections pushes out its own, not the newcomers.
#[derive(Clone, Debug)]
pub(super) struct WaitingRoom {
    seats: Arc<Mutex<Seats>>,
}

#[derive(Debug, Default)]
struct Seats {
    max: usize,
    next: u64,
    taken: BTreeMap<u64, CancellationToken>,
}

/// A place in the room, left by dropping it.
#[derive(Debug)]
pub(super) struct Seat {
    room: WaitingRoom,
    number: u64,
    lost: CancellationToken,
}

impl WaitingRoom {
    pub(super) fn new(max: usize) -> Self {
        let room = Self { seats: Arc::default() };
        room.resize(max);
        room
    }

    /// Whoever waits already is pushed out by the next who comes.
    pub(super) fn resize(&self, max: usize) {
        self.lock().max = max.max(1);
    }

    pub(super) fn enter(&self) -> Seat {
        let lost = CancellationToken::new();
        let mut seats = self.lock();
        while seats.taken.len() >= seats.max {
            evict_first(&mut seats);
        }
        let number = seats.next;
        seats.next += 1;
        seats.taken.insert(number, lost.clone());
        drop(seats);
        gauge!("guichet_connections_waiting").increment(1);
        Seat { room: self.clone(), number, lost }
    }

    /// Cuts the longest-waiting `count`: the process ran out of sockets.
    pub(super) fn evict(&self, count: usize) {
        let mut seats = self.lock();
        for _ in 0..count {
            evict_first(&mut seats);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Resolves when the seat was given to somebody else.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.lock().taken.remove(&self.number);
        gauge!("guichet_connections_waiting").decrement(1);
    }
}

fn evict_first(seats: &mut Seats) {
    if let Some((_, lost)) = seats.taken.pop_first() {
        lost.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_loses_its_oldest() {
        let room = WaitingRoom::new(2);
        let (first, second) = (room.enter(), room.enter());
        assert!(!first.lost.is_cancelled() && !second.lost.is_cancelled());
        let third = room.enter();
        assert!(first.lost.is_cancelled() && !second.lost.is_cancelled() && !third.lost.is_cancelled());
        drop(second);
        let fourth = room.enter();
        assert!(!third.lost.is_cancelled() && !fourth.lost.is_cancelled(), "a seat was free");
        room.evict(8);
        assert!(third.lost.is_cancelled() && fourth.lost.is_cancelled());
    }
}
