use auth::{Caller, Credential, PLATFORM, Principal};
use chrono::{DateTime, Utc};
use ids::{EventId, RequestId, TenantId};
use serde::{Deserialize, Serialize};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// The caller may not.
    Denied,
    /// It could not be done.
    Failed,
}

/// One entry of the audit log, as the service that acted wrote it in the commit of the act itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The entry's id.
    pub id: EventId,
    /// When.
    pub time: DateTime<Utc>,
    /// Who, e.g. `user:0192…` or `system:placer`.
    pub actor: String,
    /// With which credential, e.g. `api_key:0192…`; none for workers and whoever is not signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// What, e.g. `vm.create`.
    pub action: String,
    /// On what, e.g. `vm:0192…`.
    pub object: String,
    /// How it ended.
    pub outcome: Outcome,
    /// From where.
    pub ip: Option<std::net::IpAddr>,
    /// In which request.
    pub request_id: RequestId,
    /// What changed: `{field: {before, after}}`. Never a secret. Where a platform operator acts by an access,
    /// `operator_access` says which, of what kind and why.
    pub changes: serde_json::Value,
}

impl AuditEvent {
    /// An entry for what `caller` did or tried.
    pub fn of(
        caller: &Caller,
        time: DateTime<Utc>,
        action: &str,
        object: String,
        outcome: Outcome,
        changes: serde_json::Value,
    ) -> Self {
        Self {
            id: EventId::mint(),
            time,
            actor: caller.principal().to_string(),
            credential: Some(caller.credential())
                .filter(|credential| *credential != Credential::None)
                .map(|credential| credential.to_string()),
            action: action.to_owned(),
            object,
            outcome,
            ip: caller.address(),
            request_id: caller.request(),
            changes: marked(caller, changes),
        }
    }

    /// The same entry for the log of another tenant: there nobody of the platform is a person, and no session of theirs
    /// means anything.
    pub(crate) fn seen_by(&self, caller: &Caller, tenant: TenantId) -> Self {
        let mut entry = self.clone();
        entry.id = EventId::mint();
        entry.credential = None;
        entry.actor = match (caller.tenant() == PLATFORM && tenant != PLATFORM, caller.user()) {
            (true, Some(user)) => Principal::Operator(user).to_string(),
            _ => entry.actor,
        };
        entry
    }
}

/// What an operator does by an access says so in every entry, whoever wrote it.
fn marked(caller: &Caller, mut changes: serde_json::Value) -> serde_json::Value {
    let Some(access) = caller.access() else { return changes };
    if !changes.is_object() {
        changes = serde_json::json!({});
    }
    if let Some(fields) = changes.as_object_mut() {
        let mark = serde_json::to_value(access).unwrap_or_default();
        fields.insert("operator_access".to_owned(), mark);
    }
    changes
}

/// The fields in which two records differ, as `{field: {before, after}}`.
pub fn difference(before: Option<&serde_json::Value>, after: Option<&serde_json::Value>) -> serde_json::Value {
    let empty = serde_json::Map::new();
    let fields =
        |value: Option<&serde_json::Value>| value.and_then(|v| v.as_object().cloned()).unwrap_or(empty.clone());
    let (before, after) = (fields(before), fields(after));
    let mut changes = serde_json::Map::new();
    for name in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            changes.insert(name.clone(), serde_json::json!({"before": old, "after": new}));
        }
    }
    serde_json::Value::Object(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_recorded() {
        let changes = difference(Some(&json!({"a": 1, "b": 2})), Some(&json!({"a": 1, "b": 3, "c": 4})));
        let expected = json!({"b": {"before": 2, "after": 3}, "c": {"before": null, "after": 4}});
        assert_eq!(changes, expected);
    }
}
