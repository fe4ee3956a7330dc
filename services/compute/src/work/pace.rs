use serde::Deserialize;

/// How patient the reconcilers are. Seconds, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// How often each reconciler looks when nothing wakes it.
    pub look_every_s: f64,
    /// How many placers run side by side in this process.
    pub placers: usize,
    /// How many machines one round takes at most.
    pub batch: u16,
    /// How long a placer holds a machine; after that another one takes it.
    pub claim_s: f64,
    /// The first delay after there was no room; doubles each time.
    pub retry_base_s: f64,
    /// The longest delay after there was no room.
    pub retry_cap_s: f64,
    /// How long a machine waits for room before it is given up.
    pub placement_timeout_s: f64,
    /// How long a host has to carry out an intent before it is given up.
    pub operation_timeout_s: f64,
    /// How long one process alone looks for silent hosts.
    pub lease_s: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look_every_s: 2.0,
            placers: 2,
            batch: 16,
            claim_s: 10.0,
            retry_base_s: 1.0,
            retry_cap_s: 30.0,
            placement_timeout_s: 15.0 * 60.0,
            operation_timeout_s: 10.0 * 60.0,
            lease_s: 15.0,
        }
    }
}

impl Pace {
    /// Says in one line what cannot work.
    pub fn validate(&self) -> Result<(), String> {
        let waits = [
            self.look_every_s,
            self.claim_s,
            self.retry_base_s,
            self.retry_cap_s,
            self.placement_timeout_s,
            self.operation_timeout_s,
            self.lease_s,
        ];
        // The database counts in intervals; a century is more than anyone waits.
        if waits.iter().any(|wait| !(*wait > 0.0 && *wait < 3.2e9)) {
            return Err("compute.work: every time must be a positive number of seconds".to_owned());
        }
        if self.placers == 0 || self.batch == 0 {
            return Err("compute.work.placers and batch must be at least 1".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said() {
        assert!(Pace::default().validate().is_ok());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                Pace {
                    claim_s: bad,
                    ..Pace::default()
                }
                .validate()
                .is_err(),
                "{bad}"
            );
        }
        assert!(
            Pace {
                placers: 0,
                ..Pace::default()
            }
            .validate()
            .is_err()
        );
    }
}
