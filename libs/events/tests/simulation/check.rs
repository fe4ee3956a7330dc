//! What must be so when the faults are over and some time has passed.

use std::collections::BTreeMap;

use events::Envelope;
use ids::EventId;

use crate::broker::places;
use crate::mutant::Mutant;
use crate::store::State;
use crate::wiring::{NAME, POISON, World};

type Found = Result<(), String>;

fn says(good: bool, what: &dyn Fn() -> String) -> Found {
    if good { Ok(()) } else { Err(what()) }
}

/// The first thing that is wrong.
pub fn check(world: &World, broker: bool, loses: bool) -> Found {
    let state = world.store.state();
    let committed = state.outbox.values().map(|event| (event.id, event)).collect();
    changes(world, &state, &committed)?;
    effects(&state, &committed)?;
    if !loses {
        order(&state)?;
    }
    let old = state.led.windows(2).find(|pair| pair[1] < pair[0]);
    says(old.is_none(), &|| {
        format!("something was done under an old epoch: {old:?}")
    })?;
    queues(world, &state, broker, loses)
}

type Committed<'a> = BTreeMap<EventId, &'a Envelope>;

/// What was acknowledged is there, what was refused is not.
fn changes(world: &World, state: &State, committed: &Committed<'_>) -> Found {
    let oracle = world.oracle();
    says(committed.len() == state.outbox.len(), &|| {
        "a change was made twice".to_owned()
    })?;
    for event in &oracle.acknowledged {
        says(committed.contains_key(event), &|| {
            format!("{event} was acknowledged and is lost")
        })?;
    }
    for event in &oracle.refused {
        says(!committed.contains_key(event), &|| {
            format!("{event} was refused and is there")
        })?;
    }
    let changes: u64 = state.things.values().sum();
    says(changes == committed.len() as u64, &|| {
        "changes and events differ".to_owned()
    })?;
    Ok(())
}

/// What is there has its effect once, and nothing else has one.
fn effects(state: &State, committed: &Committed<'_>) -> Found {
    let mut effects: BTreeMap<EventId, usize> = BTreeMap::new();
    for effect in &state.effects {
        *effects.entry(effect.event).or_default() += 1;
        says(committed.contains_key(&effect.event), &|| {
            format!("{} was never committed and has an effect", effect.event)
        })?;
    }
    for (id, event) in committed {
        let poison = event.data[POISON] == true;
        let wanted = usize::from(event.kind == "thing.happened" && !poison);
        let found = effects.get(id).copied().unwrap_or_default();
        says(found == wanted, &|| {
            format!("{} has {found} effects, not {wanted}", event.data)
        })?;
        let buried = state.letters.contains_key(&(NAME.to_owned(), *id));
        let dead = poison && event.kind == "thing.happened";
        says(buried == dead, &|| {
            format!("{} among the dead letters: {buried}", event.data)
        })?;
    }
    for (_, id) in state.letters.keys() {
        says(committed.contains_key(id), &|| {
            format!("{id} is a letter about nothing")
        })?;
    }
    Ok(())
}

/// Effects on one thing come in the order of the feed. What the broker loses comes later than what follows it.
fn order(state: &State) -> Found {
    for thing in state.things.keys() {
        let ours = state.effects.iter().filter(|effect| effect.subject == *thing);
        let done: Vec<EventId> = ours.map(|effect| effect.event).collect();
        let feed = state.outbox.values().filter(|event| event.subject == *thing);
        let told: Vec<EventId> = feed.map(|event| event.id).filter(|id| done.contains(id)).collect();
        says(told == done, &|| format!("{thing} has its effects in another order"))?;
    }
    Ok(())
}

/// Nobody has anything left to do.
fn queues(world: &World, state: &State, broker: bool, loses: bool) -> Found {
    says(state.parked.is_empty(), &|| {
        "something waits for keys that are there".to_owned()
    })?;
    let last = state.outbox.keys().next_back().copied().unwrap_or_default();
    let cursor = |name: &str| state.cursors.get(name).copied().unwrap_or_default();
    if !broker || loses {
        says(cursor(NAME) == last, &|| {
            "the consumer has not read everything".to_owned()
        })?;
    }
    if broker {
        let relayed = !world.store.switch.is(Mutant::PublishBeforeCommit);
        says(!relayed || cursor("relay") == last, &|| {
            "not everything was told".to_owned()
        })?;
        let topics = world.broker.topics();
        for place in places() {
            let behind = topics.records[&place].iter().skip(topics.committed[&place]);
            // An offset may be lost with the answer of the broker: what is read again must have nothing left to do.
            for news in behind.filter_map(|record| record.news.as_ref()) {
                let done = state.inbox.contains(&(NAME.to_owned(), news.event));
                let wanted = news.kind == "thing.happened";
                says(done || !wanted, &|| format!("{} was not read in {place:?}", news.event))?;
            }
        }
    }
    Ok(())
}
