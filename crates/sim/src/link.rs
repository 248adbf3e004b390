//! What happens to a node: it dies, freezes, and its asks to the store go wrong.

use crate::random::Random;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How likely things go wrong, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Troubles {
    /// The store refuses.
    pub refused: u64,
    /// The store does it and the answer is lost.
    pub reply_lost: u64,
    /// The answer takes seconds.
    pub stalled: u64,
    /// The node dies before the store has done it.
    pub death_before: u64,
    /// The node dies after the store has done it, without having heard so.
    pub death_after: u64,
}

/// What becomes of one ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Fine,
    Refused,
    ReplyLost,
}

struct State {
    random: Random,
    troubles: Troubles,
    is_dead: bool,
    frozen_until: Option<Instant>,
    store_back_at: Option<Instant>,
}

/// A node's line to the world. What a dead node asks is never answered.
#[derive(Clone)]
pub struct Link(Arc<Mutex<State>>);

impl Link {
    #[must_use]
    pub fn new(random: Random, troubles: Troubles) -> Link {
        let state =
            State { random, troubles, is_dead: false, frozen_until: None, store_back_at: None };
        Link(Arc::new(Mutex::new(state)))
    }

    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.lock().is_dead
    }

    pub fn die(&self) {
        self.0.lock().is_dead = true;
    }

    /// The node does nothing for a while, and does not know.
    pub fn freeze(&self, lasts: Duration) {
        self.0.lock().frozen_until = Some(Instant::now() + lasts);
    }

    /// The store cannot be reached for a while.
    pub fn cut(&self, lasts: Duration) {
        self.0.lock().store_back_at = Some(Instant::now() + lasts);
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        let mut state = self.0.lock();
        state.troubles = Troubles::default();
        state.frozen_until = None;
        state.store_back_at = None;
    }

    /// Waits while the node is frozen, for ever when it is dead.
    pub async fn pass(&self) {
        loop {
            let (is_dead, until) = {
                let state = self.0.lock();
                (state.is_dead, state.frozen_until)
            };
            if is_dead {
                std::future::pending::<()>().await;
            }
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// On the way to the store: takes its time; says what becomes of it.
    pub async fn ask(&self) -> Fate {
        let (pause, fate) = {
            let mut state = self.0.lock();
            let Troubles { refused, reply_lost, stalled, .. } = state.troubles;
            let stalls = state.random.in_thousand(stalled);
            let millis =
                if stalls { 200 + state.random.below(9_000) } else { state.random.below(4) };
            let fate = match state.random.below(1_000) {
                at if at < refused => Fate::Refused,
                at if at < refused + reply_lost => Fate::ReplyLost,
                _ => Fate::Fine,
            };
            (Duration::from_millis(millis), fate)
        };
        tokio::time::sleep(pause).await;
        self.pass().await;
        let is_cut = self.0.lock().store_back_at.is_some_and(|at| at > Instant::now());
        self.perhaps_die(|troubles| troubles.death_before).await;
        if is_cut { Fate::Refused } else { fate }
    }

    /// On the way back.
    pub async fn answer(&self) {
        self.perhaps_die(|troubles| troubles.death_after).await;
        let pause = Duration::from_millis(self.0.lock().random.below(3));
        tokio::time::sleep(pause).await;
        self.pass().await;
    }

    async fn perhaps_die(&self, chance: impl Fn(&Troubles) -> u64) {
        {
            let mut state = self.0.lock();
            let chance = chance(&state.troubles);
            if chance > 0 && state.random.in_thousand(chance) {
                state.is_dead = true;
            }
        }
        self.pass().await;
    }
}
