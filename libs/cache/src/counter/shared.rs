//! Sliding windows in Redis: what was let through in this window, and of the last one as much as still reaches into a window
//! that ends now. A window has a key of its own and ends by itself; it is counted with `INCR` in a transaction, which is
//! all that is needed to be exact among processes, and what was refused is given back.
//!
//! A number has no room for its owner's name. One that no fleet can have counted is not ours: it is removed, and the process
//! counts alone. One that could be true is believed, and costs its owner two windows at most.

use std::time::Duration;

use clock::Clock;
use redis::Pipeline;

use super::{Rate, Taken};
use crate::Key;
use crate::remote::{Miss, Remote};

/// Each process lets through what it may alone, so a count in a window cannot be so many times as large.
const MOST_PROCESSES: i64 = 1_024;

pub struct Shared {
    remote: Remote,
    window: Window,
    clock: Clock,
}

/// So many in so much time.
#[derive(Debug, Clone, Copy)]
struct Window {
    most: u32,
    length: Duration,
}

/// What was counted, and how much of the window is over, from 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Count {
    this: i64,
    last: i64,
    over: f64,
}

impl Shared {
    pub fn new(remote: Remote, rate: Rate, clock: Clock) -> Self {
        let window = Window::of(rate);
        Self { remote, window, clock }
    }

    /// None: it is not known.
    pub async fn take(&self, key: &Key) -> Option<Taken> {
        let length = i64::try_from(self.window.length.as_millis()).ok()?;
        let now = self.clock.now().timestamp_millis();
        let number = now.div_euclid(length);
        let name = |number| format!("{}:{number}", key.text());
        let (this, last) = (name(number), name(number - 1));
        let mut count = redis::pipe();
        count
            .atomic()
            .cmd("INCR")
            .arg(&this)
            .cmd("PEXPIRE")
            .arg(&this)
            .arg(2 * length)
            .ignore()
            .cmd("GET")
            .arg(&last);
        let counted: Result<(i64, Option<i64>), Miss> = self.remote.ask(&count).await;
        let (counted, last_counted) = match counted {
            Ok((counted, last)) => (counted, last.unwrap_or_default()),
            Err(Miss::Away) => return None,
            Err(Miss::Wrong) => {
                self.forget(&[&this, &last]).await;
                return None;
            }
        };
        let possible = 0..=i64::from(self.window.most) * MOST_PROCESSES;
        if counted < 1 || !possible.contains(&counted) || !possible.contains(&last_counted) {
            self.remote
                .complain("a counter in Redis is beyond what can have been counted");
            self.forget(&[&this, &last]).await;
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a window")]
        let over = now.rem_euclid(length) as f64 / length as f64;
        let taken = self.window.judge(Count {
            this: counted - 1,
            last: last_counted,
            over,
        });
        if !taken.granted {
            let mut back = redis::pipe();
            back.cmd("DECR").arg(&this).ignore();
            self.tell(&back).await;
        }
        Some(taken)
    }

    async fn forget(&self, keys: &[&str]) {
        let mut forget = redis::pipe();
        forget.cmd("DEL").arg(keys).ignore();
        self.tell(&forget).await;
    }

    /// What does not arrive ends with its window.
    async fn tell(&self, commands: &Pipeline) {
        let _: Result<(), Miss> = self.remote.ask(commands).await;
    }
}

impl Window {
    /// As long as the bucket takes to fill, in whole seconds: clocks of machines are apart by less than that.
    fn of(rate: Rate) -> Self {
        let per_second = rate.per_second.max(1);
        let seconds = rate.burst.div_ceil(per_second).max(1);
        Self {
            most: per_second.saturating_mul(seconds),
            length: Duration::from_secs(u64::from(seconds)),
        }
    }

    /// May one more be added?
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are below 2^42, and what is left is within 0 and most"
    )]
    fn judge(self, count: Count) -> Taken {
        let (this, last, most) = (count.this as f64, count.last as f64, f64::from(self.most));
        let used = this + last * (1.0 - count.over);
        let left = most - used - 1.0;
        let windows = if left >= 0.0 {
            // The last one's part is gone at the end of this one, this one's at the end of the next.
            if count.this > 0 {
                2.0 - count.over
            } else {
                1.0 - count.over
            }
        } else if this + 1.0 <= most {
            // Within this window, as the last one slides out of it.
            (1.0 - (most - 1.0 - this) / last - count.over).max(0.0)
        } else {
            (1.0 - count.over) + (1.0 - (most - 1.0) / this).max(0.0)
        };
        Taken {
            granted: left >= 0.0,
            left: left.max(0.0).floor() as u32,
            reset: self.length.mul_f64(windows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        most: 10,
        length: Duration::from_secs(5),
    };

    fn judge(this: i64, last: i64, over: f64) -> Taken {
        WINDOW.judge(Count { this, last, over })
    }

    #[test]
    fn a_window_is_as_long_as_the_bucket_takes_to_fill() {
        for (per_second, burst, most, seconds) in [(2, 10, 10, 5), (1, 5, 5, 5), (500, 10, 500, 1), (3, 5, 6, 2)] {
            let window = Window::of(Rate { per_second, burst });
            assert_eq!(
                (window.most, window.length.as_secs()),
                (most, seconds),
                "{per_second} {burst}"
            );
        }
    }

    #[test]
    fn t10_the_last_window_counts_as_far_as_it_reaches() {
        assert_eq!((judge(0, 0, 0.0).granted, judge(0, 0, 0.0).left), (true, 9));
        assert!(judge(9, 0, 0.9).granted && !judge(10, 0, 0.9).granted);
        assert!(!judge(0, 10, 0.0).granted, "a new window is not a new burst");
        assert!(judge(0, 10, 0.1).granted && !judge(1, 10, 0.1).granted);
        assert!(judge(4, 10, 0.5).granted && !judge(5, 10, 0.5).granted);
    }

    #[test]
    fn who_waits_as_long_as_told_is_served() {
        for this in 0..15 {
            for last in 0..15 {
                for tenth in 0..10 {
                    let over = f64::from(tenth) / 10.0;
                    let taken = judge(this, last, over);
                    if taken.granted {
                        continue;
                    }
                    let later = over + taken.reset.as_secs_f64() / 5.0 + 1e-6;
                    let then = match later {
                        later if later < 1.0 => judge(this, last, later),
                        later if later < 2.0 => judge(0, this, later - 1.0),
                        _ => judge(0, 0, later - 2.0),
                    };
                    assert!(then.granted, "{this} {last} {over} {later}");
                }
            }
        }
    }
}
