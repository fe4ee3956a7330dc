//! Which groups a provider may put people into: nobody gives by it what they lack.

use auth::{Action, Caller};
use db::Change;
use fault::FieldError;
use ids::{GroupId, IdOrName, IdentityProviderId};

use super::NewGroupRule;
use crate::provider::{MOST_RULES, Rule};
use crate::store;
use crate::user::{must_cover, must_give};

/// The rules, their groups looked up and held: no role is bound to one between this look at its roles and the end.
pub async fn resolve<A: Action>(
    tx: &mut Change<A>,
    caller: &Caller,
    asked: &[NewGroupRule],
) -> Result<Vec<Rule>, fault::Error> {
    let wrong = |at: usize, field: &str, rule: &str| {
        fault::Error::invalid_fields(vec![FieldError::new(format!("/groups/{at}/{field}"), rule.to_owned())])
    };
    if asked.len() > MOST_RULES {
        return Err(fault::Error::invalid(
            "/groups",
            format!("must be {MOST_RULES} rules at most"),
        ));
    }
    let mut rules = Vec::with_capacity(asked.len());
    for (at, new) in asked.iter().enumerate() {
        let value = new.value.as_deref();
        let fits = |value: &str| (1..=200).contains(&value.chars().count()) && !value.chars().any(char::is_control);
        if !value.is_none_or(fits) {
            return Err(wrong(
                at,
                "value",
                "must have 1 to 200 characters, none of them control characters",
            ));
        }
        let name = IdOrName::<GroupId>::of(&new.group);
        let found = store::groups::lookup(tx, &name).await;
        let group = found.map_err(|_| wrong(at, "group", "is no group of this tenant"))?;
        rules.push(Rule {
            value: value.unwrap_or_default().to_owned(),
            group: group.id,
            group_name: group.name.clone(),
        });
    }
    rules.sort_by(|one, other| (&one.value, &one.group_name).cmp(&(&other.value, &other.group_name)));
    rules.dedup();
    must_give_all(tx, caller, &rules).await?;
    Ok(rules)
}

/// Whoever decides how people come in by a provider acts on all of them: it could be as one of them, past their second factor.
pub async fn must_cover_people<A: Action>(
    tx: &mut Change<A>,
    caller: &Caller,
    provider: IdentityProviderId,
) -> Result<(), fault::Error> {
    let carried = store::rights::bindings_by_provider(tx, provider).await?;
    must_cover(caller, &carried)
}

/// Whoever decides who comes by a provider gives whatever its rules give.
pub async fn must_give_all<A: Action>(tx: &mut Change<A>, caller: &Caller, rules: &[Rule]) -> Result<(), fault::Error> {
    let mut groups: Vec<GroupId> = rules.iter().map(|rule| rule.group).collect();
    // In one order, so that two who name the same groups do not wait for each other in a circle.
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let held = store::groups::hold(tx, &IdOrName::Id(group)).await?;
        let carried = store::rights::bindings_of_group(tx, held.id).await?;
        must_give(caller, &carried)?;
    }
    Ok(())
}
