use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use futures::future::{BoxFuture, join_all};
use zeroize::Zeroizing;

use super::*;
use crate::{KekError, KekProvider, Place, StoreError, random};

/// Keys in memory, by the rules of the real store.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<TenantId, WrappedKeys>>);

impl Memory {
    fn now(&self, tenant: TenantId) -> WrappedKeys {
        self.0.lock().unwrap()[&tenant].clone()
    }

    fn change(&self, tenant: TenantId, change: impl FnOnce(&mut WrappedKeys)) {
        change(self.0.lock().unwrap().get_mut(&tenant).unwrap());
    }
}

impl KeyStore for Memory {
    async fn load(&self, tenant: TenantId) -> Result<Option<WrappedKeys>, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.0.lock().unwrap().get(&tenant).cloned())
    }

    async fn make(&self, keys: &WrappedKeys) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut all = self.0.lock().unwrap();
        all.entry(keys.tenant.tenant).or_insert_with(|| keys.clone());
        Ok(())
    }

    async fn add(&self, tenant: TenantId, version: u32, keys: &[WrappedDataKey]) -> Result<(), StoreError> {
        self.change(tenant, |kept| {
            for key in keys {
                let taken = |one: &WrappedDataKey| (one.purpose, one.epoch) == (key.purpose, key.epoch);
                if kept.tenant.version == version && !kept.data.iter().any(taken) {
                    kept.data.push(key.clone());
                }
            }
        });
        Ok(())
    }

    async fn reserve(&self, tenant: TenantId, keys: &[Asked], limit: u64) -> Result<Vec<KeyName>, StoreError> {
        let mut given = Vec::new();
        self.change(tenant, |kept| {
            for asked in keys {
                let named = |one: &&mut WrappedDataKey| (one.purpose, one.epoch) == (asked.purpose, asked.epoch);
                let key = kept.data.iter_mut().find(named).unwrap();
                if key.messages + asked.messages <= limit {
                    key.messages += asked.messages;
                    given.push((asked.purpose, asked.epoch));
                }
            }
        });
        Ok(given)
    }
}

/// A provider that can be cut off.
#[derive(Debug)]
struct Far {
    kek: Kek,
    away: AtomicBool,
    asked: AtomicU64,
}

impl Far {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            kek: Kek::new(random()),
            away: AtomicBool::new(false),
            asked: AtomicU64::new(0),
        })
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), KekError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            let (provider, cause) = (self.name().to_owned(), "no route".to_owned());
            return Err(KekError::Unavailable { provider, cause });
        }
        Ok(())
    }
}

impl KekProvider for Far {
    fn name(&self) -> &str {
        self.kek.name()
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KekError>> {
        Box::pin(async move {
            self.check()?;
            KekProvider::wrap(&self.kek, key, context).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<[u8; 32]>, KekError>> {
        Box::pin(async move {
            self.check()?;
            KekProvider::unwrap(&self.kek, wrapped, context).await
        })
    }
}

struct World {
    store: Memory,
    provider: Arc<Far>,
    platform: Kek,
    clock: Clock,
    tenant: TenantId,
}

impl World {
    fn new() -> Self {
        Self {
            store: Memory::default(),
            provider: Far::new(),
            platform: Kek::new(random()),
            clock: Clock::held_at(DateTime::UNIX_EPOCH),
            tenant: TenantId::mint(),
        }
    }

    /// The ring of another process.
    fn ring_by(&self, rules: Rules) -> Keyring {
        let provider: Arc<dyn KekProvider> = Arc::<Far>::clone(&self.provider);
        let (platform, clock) = (Some(self.platform.clone()), self.clock.clone());
        Keyring::with_rules(Providers::of(provider), platform, Destroyed::unlisted(), clock, rules)
    }

    fn ring(&self) -> Keyring {
        self.ring_by(Rules::default())
    }

    async fn keys(&self, ring: &Keyring) -> Result<TenantKeys, KeyError> {
        ring.keys(&self.store, self.tenant).await
    }

    fn place(&self) -> Place<'static> {
        Place {
            tenant: self.tenant,
            table: "consoles",
            column: "content",
            row: "r1",
        }
    }

    fn pass(&self, time: TimeDelta) {
        self.clock.advance(time.to_std().unwrap());
    }
}

/// Few messages for each key.
fn small() -> Rules {
    Rules {
        messages: 1_000,
        ..Rules::default()
    }
}

#[tokio::test]
async fn fifty_who_come_first_in_two_processes_get_one_key() {
    let world = World::new();
    let rings = [world.ring(), world.ring()];
    let all = join_all((0..50).map(|at| world.keys(&rings[at % 2]))).await;
    let sealed: Vec<_> = all
        .iter()
        .map(|keys| {
            keys.as_ref()
                .unwrap()
                .seal(Purpose::Console, &world.place(), b"x")
                .unwrap()
        })
        .collect();
    for (keys, at) in all.iter().zip(1..) {
        let sealed = &sealed[at % sealed.len()];
        assert_eq!(
            keys.as_ref().unwrap().open(&world.place(), sealed).unwrap().as_slice(),
            b"x"
        );
    }
    let kept = world.store.now(world.tenant);
    assert_eq!((kept.tenant.version, kept.data.len()), (1, Purpose::ALL.len()));
    assert!(
        world.provider.asked.load(Ordering::SeqCst) <= 4,
        "one flight per process"
    );
}

#[tokio::test]
async fn t20_a_value_opens_in_its_place_for_its_purpose_and_epoch_only() {
    let world = World::new();
    let ring = world.ring_by(small());
    let first = world.keys(&ring).await.unwrap();
    let sealed = first.seal(Purpose::Console, &world.place(), b"hello").unwrap();
    assert_eq!(first.open(&world.place(), &sealed).unwrap().as_slice(), b"hello");
    let place = world.place();
    let other = TenantId::mint();
    for elsewhere in [
        Place { tenant: other, ..place },
        Place {
            table: "others",
            ..place
        },
        Place {
            column: "other",
            ..place
        },
        Place { row: "r2", ..place },
    ] {
        assert_eq!(
            first.open(&elsewhere, &sealed),
            Err(KeyError::Unreadable),
            "{elsewhere:?}"
        );
    }
    let theirs = ring.keys(&world.store, other).await.unwrap();
    assert_eq!(
        theirs.open(&Place { tenant: other, ..place }, &sealed),
        Err(KeyError::Unreadable)
    );
    // Another purpose and another epoch, of which there is a key.
    world.store.change(world.tenant, |kept| {
        kept.data.iter_mut().for_each(|key| key.messages = 1_000);
    });
    world.pass(TimeDelta::minutes(2));
    let keys = world.keys(&ring).await.unwrap();
    for (at, value) in [(2, Purpose::Audit.number()), (6, 2)] {
        let mut bad = sealed.clone();
        bad[at] = value;
        assert_eq!(keys.open(&place, &bad), Err(KeyError::Unreadable), "byte {at}");
    }
    assert_eq!(keys.open(&place, &sealed).unwrap().as_slice(), b"hello");
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1;
        assert!(keys.open(&place, &bad).is_err(), "byte {at}");
        assert!(keys.open(&place, &sealed[..at]).is_err(), "cut at {at}");
    }
}

#[tokio::test]
async fn values_of_the_older_format_open_beside_the_new_ones_while_the_platforms_key_is_there() {
    let world = World::new();
    let (old, keys) = (
        world.platform.seal(&world.place(), b"old").unwrap(),
        world.keys(&world.ring()).await.unwrap(),
    );
    let new = keys.seal(Purpose::Console, &world.place(), b"new").unwrap();
    assert_eq!(keys.open(&world.place(), &old).unwrap().as_slice(), b"old");
    assert_eq!(keys.open(&world.place(), &new).unwrap().as_slice(), b"new");
    let provider: Arc<dyn KekProvider> = Arc::<Far>::clone(&world.provider);
    let without = Keyring::new(
        Providers::of(provider),
        None,
        Destroyed::unlisted(),
        world.clock.clone(),
    );
    let keys = world.keys(&without).await.unwrap();
    assert_eq!(keys.open(&world.place(), &old), Err(KeyError::Unreadable));
    assert_eq!(keys.open(&world.place(), &new).unwrap().as_slice(), b"new");
}

#[tokio::test]
async fn t21_two_processes_on_one_key_repeat_no_nonce() {
    let world = World::new();
    let rings = [world.ring(), world.ring()];
    let mut seen = HashSet::new();
    for turn in 0..200 {
        let keys = world.keys(&rings[turn % 2]).await.unwrap();
        for _ in 0..500 {
            let sealed = keys.seal(Purpose::Audit, &world.place(), b"").unwrap();
            assert_eq!(sealed[3..7], [0, 0, 0, 1], "one key");
            assert!(
                seen.insert(<[u8; 12]>::try_from(&sealed[39..51]).unwrap()),
                "a nonce came twice"
            );
        }
    }
    assert_eq!(seen.len(), 100_000);
    let kept = world.store.now(world.tenant);
    let audit = kept.data.iter().find(|key| key.purpose == Purpose::Audit).unwrap();
    assert!(audit.messages >= 100_000, "each message was counted");
}

#[tokio::test]
async fn t21_past_its_limit_or_age_a_key_seals_no_more_and_opens_for_ever() {
    let world = World::new();
    let rings = [world.ring_by(small()), world.ring_by(small())];
    let (mut sealed, mut by_epoch) = (Vec::new(), BTreeMap::<u32, u64>::new());
    for turn in 0..350_u32 {
        let keys = world.keys(&rings[turn as usize % 2]).await.unwrap();
        for _ in 0..10 {
            let one = keys
                .seal(Purpose::Console, &world.place(), &turn.to_be_bytes())
                .unwrap();
            *by_epoch
                .entry(u32::from_be_bytes(one[3..7].try_into().unwrap()))
                .or_default() += 1;
            sealed.push((turn, one));
        }
    }
    assert!(by_epoch.len() >= 4, "{by_epoch:?}");
    assert!(by_epoch.values().all(|messages| *messages <= 1_000), "{by_epoch:?}");
    let aged = by_epoch.keys().max().unwrap() + 1;
    world.pass(TimeDelta::days(91));
    let keys = world.keys(&rings[0]).await.unwrap();
    let one = keys.seal(Purpose::Console, &world.place(), b"late").unwrap();
    assert!(
        u32::from_be_bytes(one[3..7].try_into().unwrap()) >= aged,
        "a key of 91 days seals no more"
    );
    for (turn, sealed) in sealed {
        assert_eq!(
            keys.open(&world.place(), &sealed).unwrap().as_slice(),
            turn.to_be_bytes()
        );
    }
}

#[tokio::test]
async fn a_key_that_follows_is_there_before_it_seals_and_who_is_late_looks_again() {
    let world = World::new();
    let (writer, reader) = (world.ring(), world.ring());
    world.keys(&writer).await.unwrap();
    let early = world.keys(&reader).await.unwrap();
    // Nearly of age: the next key is made, and does not seal yet.
    world.pass(TimeDelta::days(90) - TimeDelta::minutes(3));
    let keys = world.keys(&writer).await.unwrap();
    let epoch = |keys: &TenantKeys| keys.seal(Purpose::Audit, &world.place(), b"x").unwrap()[6];
    assert_eq!(epoch(&keys), 1);
    // What marks values has one key for good.
    assert_eq!(world.store.now(world.tenant).data.len(), 2 * Purpose::ALL.len() - 1);
    world.pass(TimeDelta::minutes(2));
    let keys = world.keys(&writer).await.unwrap();
    assert_eq!(epoch(&keys), 2);
    // Keys that were kept for too long say so once; looked for again, what opens is told from what is forged.
    let sealed = keys.seal(Purpose::Audit, &world.place(), b"x").unwrap();
    assert_eq!(early.open(&world.place(), &sealed), Err(KeyError::Outdated));
    let mut forged = sealed.clone();
    forged[6] = 9;
    let late = world.keys(&reader).await.unwrap();
    assert_eq!(late.open(&world.place(), &sealed).unwrap().as_slice(), b"x");
    assert_eq!(late.open(&world.place(), &forged), Err(KeyError::Outdated));
    let looked = world.keys(&reader).await.unwrap();
    assert_eq!(looked.open(&world.place(), &forged), Err(KeyError::Unreadable));
}

#[tokio::test]
async fn t22_while_the_provider_is_away_keys_live_five_minutes_and_no_new_tenant_gets_any() {
    let world = World::new();
    let ring = world.ring_by(small());
    let sealed = world
        .keys(&ring)
        .await
        .unwrap()
        .seal(Purpose::Console, &world.place(), b"x")
        .unwrap();
    world.provider.set_away(true);
    let stranger = ring.keys(&world.store, TenantId::mint()).await;
    assert!(matches!(stranger, Err(KeyError::Unavailable(_))), "{stranger:?}");

    world.pass(TimeDelta::minutes(4));
    let asked = world.provider.asked.load(Ordering::SeqCst);
    for _ in 0..100 {
        let keys = world.keys(&ring).await.unwrap();
        assert_eq!(keys.open(&world.place(), &sealed).unwrap().as_slice(), b"x");
    }
    assert_eq!(
        world.provider.asked.load(Ordering::SeqCst),
        asked + 1,
        "asked once in a while"
    );
    // What was taken may still be sealed, and no more than that.
    let keys = world.keys(&ring).await.unwrap();
    let still = (0..1_000).take_while(|_| keys.seal(Purpose::Console, &world.place(), b"x").is_ok());
    assert_eq!(still.count(), 249);
    assert_eq!(
        keys.seal(Purpose::Console, &world.place(), b"x"),
        Err(KeyError::Exhausted)
    );

    world.pass(TimeDelta::minutes(1));
    assert!(matches!(world.keys(&ring).await, Err(KeyError::Unavailable(_))));
    assert!(matches!(ring.held(world.tenant), Err(KeyError::Unavailable(_))));
    world.provider.set_away(false);
    world.pass(TimeDelta::seconds(1));
    let keys = world.keys(&ring).await.unwrap();
    assert_eq!(keys.open(&world.place(), &sealed).unwrap().as_slice(), b"x");
    keys.seal(Purpose::Console, &world.place(), b"x").unwrap();
}

#[tokio::test]
async fn t22_while_one_asks_a_provider_that_was_away_nobody_else_waits() {
    let world = World::new();
    let ring = world.ring();
    world.provider.set_away(true);
    assert!(matches!(world.keys(&ring).await, Err(KeyError::Unavailable(_))));
    world.pass(TimeDelta::seconds(2));
    world.provider.set_away(false);
    let slot = ring.slot(world.tenant);
    let asking = slot.flight.lock().await;
    assert!(matches!(world.keys(&ring).await, Err(KeyError::Unavailable(_))));
    drop(asking);
    world.keys(&ring).await.unwrap();
}

#[tokio::test]
async fn t22_whoever_gives_up_leaves_what_is_held_and_asks_no_more_for_a_while() {
    let world = World::new();
    let ring = world.ring();
    world.keys(&ring).await.unwrap();
    world.pass(TimeDelta::seconds(70));
    assert!(!ring.holds(world.tenant));
    let asked = world.provider.asked.load(Ordering::SeqCst);
    ring.give_up(world.tenant);
    assert!(!ring.holds(world.tenant), "a provider of the platform is everybody's");
    ring.slot(world.tenant).external.store(true, Ordering::SeqCst);
    ring.give_up(world.tenant);
    assert!(ring.holds(world.tenant) && world.keys(&ring).await.is_ok());
    assert_eq!(world.provider.asked.load(Ordering::SeqCst), asked);
    world.pass(TimeDelta::minutes(4));
    assert!(!ring.holds(world.tenant), "and its time is not lengthened");
}

#[test]
fn a_key_of_a_tenants_own_that_stays_away_is_asked_ever_less_often() {
    let rules = Rules::default();
    let external = KeyError::External(String::new());
    let pauses: Vec<i64> = (1..40)
        .map(|failures| rules.pause_after(&external, failures).num_seconds())
        .collect();
    assert!(pauses.starts_with(&[1, 2, 4, 8, 16, 30, 30]) && pauses.ends_with(&[30]));
    let ours = KeyError::Unavailable(String::new());
    assert!((1..40).all(|failures| rules.pause_after(&ours, failures) == rules.pause));
}

#[tokio::test]
async fn t22_a_changed_kek_and_a_changed_tenant_key_leave_every_value_readable() {
    let world = World::new();
    let sealed = world
        .keys(&world.ring())
        .await
        .unwrap()
        .seal(Purpose::Console, &world.place(), b"x")
        .unwrap();
    let new: Arc<dyn KekProvider> = Arc::new(Kek::new(random()));
    let old: Arc<dyn KekProvider> = Arc::<Far>::clone(&world.provider);
    let providers = Providers::of(Arc::clone(&new)).with_previous(old);
    let both = || Keyring::new(providers.clone(), None, Destroyed::unlisted(), world.clock.clone());
    let readable = async |ring: Keyring| {
        let keys = world.keys(&ring).await.unwrap();
        assert_eq!(keys.open(&world.place(), &sealed).unwrap().as_slice(), b"x");
    };
    readable(both()).await;
    let kept = world.store.now(world.tenant);
    let rewrapped = both().rewrapped(&kept.tenant).await.unwrap();
    assert_eq!((rewrapped.version, rewrapped.provider.as_str()), (1, new.name()));
    readable(both()).await;
    world.store.change(world.tenant, |kept| kept.tenant = rewrapped);
    readable(both()).await;
    let rotated = both().rotated(&world.store.now(world.tenant)).await.unwrap();
    assert_eq!(rotated.tenant.version, 2);
    readable(both()).await;
    world.store.change(world.tenant, |kept| *kept = rotated);
    readable(both()).await;
    // The old provider is no longer needed.
    readable(Keyring::new(
        Providers::of(new),
        None,
        Destroyed::unlisted(),
        world.clock.clone(),
    ))
    .await;
}

#[tokio::test]
async fn t23_a_destroyed_key_is_gone_for_all_within_a_minute_and_never_made_again() {
    let world = World::new();
    let (ring, fresh) = (world.ring(), world.ring());
    world.keys(&ring).await.unwrap();
    world.store.change(world.tenant, |kept| kept.tenant.wrapped = None);
    assert_eq!(world.keys(&fresh).await.err(), Some(KeyError::Destroyed));
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.keys(&ring).await.err(), Some(KeyError::Destroyed));
    assert_eq!(ring.held(world.tenant).err(), Some(KeyError::Destroyed));
    assert_eq!(world.store.now(world.tenant).tenant.version, 1);
}

#[tokio::test]
async fn a_ring_holds_no_more_tenants_than_it_may_and_forgets_the_idle() {
    let world = World::new();
    let ring = world.ring_by(Rules {
        tenants: 8,
        ..Rules::default()
    });
    for _ in 0..100 {
        ring.keys(&world.store, TenantId::mint()).await.unwrap();
        world.pass(TimeDelta::milliseconds(1));
        assert!(ring.slots().len() <= 8);
    }
    world.pass(TimeDelta::minutes(6));
    world.keys(&ring).await.unwrap();
    assert_eq!(ring.slots().len(), 1);
}

#[tokio::test]
async fn t22_marks_outlast_every_rotation_and_end_with_the_tenants_key() {
    const FROM: crate::BlindIndex = crate::BlindIndex::new("t", "c", 15);
    let world = World::new();
    let ring = world.ring();
    let address: std::net::IpAddr = "192.0.2.7".parse().unwrap();
    let mark = FROM.mark(&world.keys(&ring).await.unwrap(), &address).unwrap();
    // Of age and announced, whatever seals: two more of each, and still one that marks.
    for _ in 0..2 {
        world.pass(TimeDelta::days(91));
        assert_eq!(FROM.mark(&world.keys(&ring).await.unwrap(), &address), Ok(mark));
    }
    // The tenant's own key follows too.
    let rotated = ring.rotated(&world.store.now(world.tenant)).await.unwrap();
    world.store.change(world.tenant, |kept| *kept = rotated);
    let other = world.ring();
    assert_eq!(FROM.mark(&world.keys(&other).await.unwrap(), &address), Ok(mark));
    // A tenant from before there was one is given one.
    world.store.change(world.tenant, |kept| {
        kept.data.retain(|key| key.purpose != Purpose::Index);
    });
    let keys = world.keys(&world.ring()).await.unwrap();
    assert!(FROM.mark(&keys, &address).is_ok());
    world.store.change(world.tenant, |kept| kept.tenant.wrapped = None);
    assert_eq!(world.keys(&world.ring()).await.unwrap_err(), KeyError::Destroyed);
}
