//! How far a member has come with each partition, and what of it the broker knows.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

/// A topic and a partition of it.
pub type Place = (String, i32);

/// Remembers what was taken away, for the poll path.
#[derive(Default)]
pub struct Watch(Mutex<Vec<Place>>);

impl Watch {
    /// What was taken away since this was asked last.
    pub fn revoked(&self) -> Vec<Place> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let elements = list.elements();
            revoked.extend(elements.iter().map(|one| (one.topic().to_owned(), one.partition())));
        }
    }
}

/// The next offset of each partition.
///
/// One commit is under way at a time, and somebody waits for its answer: of a commit that nobody waits for the client library
/// tells nothing, and where nothing happens any more nobody would make up for a lost one.
#[derive(Debug, Default)]
pub struct Offsets {
    /// Applied since.
    applied: HashMap<Place, i64>,
    /// On its way to the broker.
    under_way: HashMap<Place, i64>,
}

impl Offsets {
    /// Up to here it was applied.
    pub fn note(&mut self, place: Place, next: i64) {
        self.applied.insert(place, next);
    }

    /// It is another's: nothing of it is committed any more.
    pub fn forget(&mut self, place: &Place) {
        self.applied.remove(place);
        self.under_way.remove(place);
    }

    /// What is to be committed now, if there is anything; it is under way then.
    pub fn send(&mut self) -> Option<TopicPartitionList> {
        if self.applied.is_empty() {
            return None;
        }
        self.under_way = std::mem::take(&mut self.applied);
        Some(self.all())
    }

    /// What was under way has arrived, or is to be sent again where nothing has been applied since.
    pub fn sent(&mut self, arrived: bool) {
        let under_way = std::mem::take(&mut self.under_way);
        if !arrived {
            for (place, next) in under_way {
                self.applied.entry(place).or_insert(next);
            }
        }
    }

    /// All of which it is not known that it has arrived.
    pub fn all(&self) -> TopicPartitionList {
        let mut all = self.under_way.clone();
        all.extend(self.applied.clone());
        listed(all.iter().map(|(place, next)| (place, Some(*next))))
    }
}

pub fn listed<'a>(places: impl IntoIterator<Item = (&'a Place, Option<i64>)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in places {
        let mut one = list.add_partition(topic, *partition);
        if let Some(offset) = offset {
            // Every number from a broker is an offset.
            let _ = one.set_offset(Offset::Offset(offset));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
    use rdkafka::error::KafkaResult;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::Kafka;

    const TOPIC: &str = "yunshu.events";

    async fn committed(client: &Arc<StreamConsumer<Watch>>) -> Option<i64> {
        let client = client.clone();
        let ask = move || {
            let asked = listed([(&(TOPIC.to_owned(), 0), None)]);
            let known = client.committed_offsets(asked, Duration::from_secs(10)).unwrap();
            known.elements()[0].offset().to_raw().filter(|offset| *offset >= 0)
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    async fn commit(client: &Arc<StreamConsumer<Watch>>, list: TopicPartitionList) -> KafkaResult<()> {
        let client = client.clone();
        let commit = move || client.commit(&list, CommitMode::Sync);
        tokio::task::spawn_blocking(commit).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_offset_whose_commit_failed_is_committed_again_though_nothing_follows() {
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic(TOPIC, 1, 1).unwrap();
        let kafka = Kafka::new(broker.bootstrap_servers());
        let client = Arc::new(crate::kafka::group::join(&kafka, "test", &[TOPIC.to_owned()]).unwrap());
        while client.assignment().unwrap().count() == 0 {
            // It joins while it is read, and there is nothing to be read.
            let heard = tokio::time::timeout(Duration::from_millis(20), client.recv()).await;
            assert!(!matches!(heard, Ok(Ok(_))));
        }

        let mut offsets = Offsets::default();
        offsets.note((TOPIC.to_owned(), 0), 7);
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE;
        broker.request_errors(RDKafkaApiKey::OffsetCommit, &[refused]);
        let ended = commit(&client, offsets.send().unwrap()).await;
        assert!(ended.is_err(), "the fault was reached");
        assert_eq!(committed(&client).await, None);

        offsets.sent(false);
        let ended = commit(&client, offsets.send().unwrap()).await;
        offsets.sent(ended.is_ok());
        assert_eq!(committed(&client).await, Some(7));
        assert!(offsets.send().is_none(), "it has arrived");
    }

    #[test]
    fn what_has_gone_on_or_is_anothers_is_not_sent_again() {
        let (here, there) = (("t".to_owned(), 0), ("t".to_owned(), 1));
        let mut offsets = Offsets::default();
        offsets.note(here.clone(), 5);
        offsets.note(there.clone(), 5);
        assert_eq!(offsets.send().unwrap().count(), 2);
        offsets.note(here.clone(), 9);
        offsets.forget(&there);
        assert_eq!(offsets.all().count(), 1);
        offsets.sent(false);
        assert_eq!(offsets.applied, HashMap::from([(here, 9)]));
    }
}
