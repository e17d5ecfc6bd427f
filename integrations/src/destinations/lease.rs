//! What is lent for a while, such as a token: fetched once for all who need it, and anew shortly before it ends.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::SendError;

/// It is fetched anew so long before it ends, or when a fifth of its time is left if that is later.
const BEFORE: Duration = Duration::from_mins(5);

/// What cannot be fetched is asked for again after so long, while the old one still lasts.
const PAUSE: Duration = Duration::from_secs(10);

/// Fetching it may take so long.
const FETCH_MAX: Duration = Duration::from_secs(5);

/// Something that lasts for a while; without a time, for ever.
pub(super) struct Lent<T> {
    pub(super) value: T,
    pub(super) lasts: Option<Duration>,
}

/// Who lends it.
pub(super) trait Lender<T>: Send + Sync {
    /// Lends a new one. The error shows no secret.
    fn lend(&self) -> BoxFuture<'_, Result<Lent<T>, SendError>>;
}

/// What a file vouches with: its text changes while the hub runs.
pub(super) async fn proof(file: &Path) -> Result<String, String> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| format!("reading {}: {error}", file.display()))?;
    Ok(text.trim().to_owned())
}

/// What is lent now.
pub(super) struct Lease<T> {
    lender: Box<dyn Lender<T>>,
    held: Mutex<Option<Held<T>>>,
}

struct Held<T> {
    value: Arc<T>,
    /// `None`: never.
    renew: Option<Instant>,
    ends: Option<Instant>,
}

impl<T> Held<T> {
    fn new(lent: Lent<T>) -> Self {
        let now = Instant::now();
        // What lasts longer than the clock can count lasts for ever.
        let ends = lent.lasts.and_then(|lasts| now.checked_add(lasts));
        let renew = lent.lasts.and_then(|lasts| now.checked_add(lasts.saturating_sub(BEFORE.min(lasts / 5))));
        Self { value: Arc::new(lent.value), renew, ends }
    }
}

impl<T> Lease<T> {
    pub(super) fn new(lender: impl Lender<T> + 'static) -> Self {
        Self { lender: Box::new(lender), held: Mutex::const_new(None) }
    }

    /// One that is good now. Others wait for the one that fetches it.
    pub(super) async fn get(&self) -> Result<Arc<T>, SendError> {
        let mut held = self.held.lock().await;
        let now = Instant::now();
        let lasts = |until: Option<Instant>| until.is_none_or(|until| now < until);
        let alive = held.as_mut().filter(|held| lasts(held.ends)).map(|held| {
            let value = Arc::clone(&held.value);
            let is_fresh = lasts(held.renew);
            if !is_fresh {
                // Now already: whoever asks may stop waiting in the middle of it.
                held.renew = now.checked_add(PAUSE);
            }
            (value, is_fresh)
        });
        if let Some((value, true)) = alive {
            return Ok(value);
        }
        let late = |_| {
            Err(SendError::Unreachable(format!(
                "who lends credentials has not answered within {FETCH_MAX:?}"
            )))
        };
        match timeout(FETCH_MAX, self.lender.lend()).await.unwrap_or_else(late) {
            Ok(lent) => Ok(Arc::clone(&held.insert(Held::new(lent)).value)),
            Err(error) => {
                let Some((value, _)) = alive else { return Err(error) };
                tracing::warn!(%error, "credentials are not renewed: those that there are still last");
                Ok(value)
            }
        }
    }

    /// This one is not accepted: it is not lent again.
    pub(super) async fn drop(&self, value: &Arc<T>) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.value, value)) {
            *held = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    #[derive(Clone, Default)]
    struct Numbers {
        lent: Arc<AtomicU64>,
        is_away: Arc<AtomicBool>,
        is_slow: Arc<AtomicBool>,
    }

    impl Lender<u64> for Numbers {
        fn lend(&self) -> BoxFuture<'_, Result<Lent<u64>, SendError>> {
            Box::pin(async {
                if self.is_slow.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                if self.is_away.load(Ordering::SeqCst) {
                    return Err(SendError::Unreachable("away".to_owned()));
                }
                let value = self.lent.fetch_add(1, Ordering::SeqCst) + 1;
                Ok(Lent { value, lasts: Some(Duration::from_hours(1)) })
            })
        }
    }

    async fn later(minutes: u64) {
        tokio::time::advance(Duration::from_mins(minutes)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_fetched_once_for_all_and_anew_before_it_ends() {
        let lease = Lease::new(Numbers::default());
        let all = futures_util::future::join_all((0..10).map(|_| lease.get())).await;
        assert!(all.iter().all(|found| **found.as_ref().unwrap() == 1));
        later(54).await;
        assert_eq!(*lease.get().await.unwrap(), 1);
        later(2).await;
        assert_eq!(*lease.get().await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_one_serves_until_it_ends_if_no_new_one_can_be_had() {
        let numbers = Numbers::default();
        let lease = Lease::new(numbers.clone());
        lease.get().await.unwrap();
        later(56).await;
        numbers.is_away.store(true, Ordering::SeqCst);
        assert_eq!(*lease.get().await.unwrap(), 1);
        // It is not asked for again at once.
        numbers.is_away.store(false, Ordering::SeqCst);
        assert_eq!(*lease.get().await.unwrap(), 1);
        later(1).await;
        numbers.is_slow.store(true, Ordering::SeqCst);
        assert_eq!(*lease.get().await.unwrap(), 1);
        later(4).await;
        assert!(lease.get().await.unwrap_err().to_string().contains("has not answered within 5s"));
        numbers.is_slow.store(false, Ordering::SeqCst);
        assert_eq!(*lease.get().await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_waiting_leaves_the_old_one_to_the_next() {
        let numbers = Numbers::default();
        let lease = Lease::new(numbers.clone());
        lease.get().await.unwrap();
        later(56).await;
        numbers.is_slow.store(true, Ordering::SeqCst);
        assert!(timeout(Duration::from_secs(1), lease.get()).await.is_err());
        assert_eq!(*lease.get().await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_not_accepted_is_dropped_once() {
        let lease = Lease::new(Numbers::default());
        let first = lease.get().await.unwrap();
        lease.drop(&first).await;
        let second = lease.get().await.unwrap();
        lease.drop(&first).await;
        assert_eq!((*second, *lease.get().await.unwrap()), (2, 2));
    }
}
