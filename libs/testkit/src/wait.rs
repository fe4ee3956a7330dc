use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);

/// Asks until `probe` answers something; after half a minute the test fails, naming what it waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "still waiting after {DEADLINE:?} for: {what}"
        );
        tokio::time::sleep(STEP).await;
    }
}
