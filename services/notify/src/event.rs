//! Who may hear of an event, and how it is written down.

use auth::{Caller, Info, Level, Place};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::{Envelope, Position};
use ids::{EventId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;

/// An event as clients see it: `CloudEvents` 1.0 in its JSON form.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CloudEvent {
    /// The version of `CloudEvents`.
    #[schema(example = "1.0")]
    specversion: &'static str,
    /// Its id: the same however often it is delivered.
    id: EventId,
    /// Where it comes from.
    #[schema(example = "/yunshu")]
    source: &'static str,
    /// What happened.
    #[schema(example = "vm.created")]
    r#type: String,
    /// To what.
    #[schema(example = "vm:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    subject: String,
    /// When.
    time: DateTime<Utc>,
    /// What `data` is.
    #[schema(example = "application/json")]
    datacontenttype: &'static str,
    /// What there is to know; for most types the object as it is read from its own path.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl CloudEvent {
    /// What happened to what, and when.
    pub fn new(id: EventId, (kind, subject): (String, String), time: DateTime<Utc>, data: serde_json::Value) -> Self {
        Self {
            specversion: "1.0",
            id,
            source: "/yunshu",
            r#type: kind,
            subject,
            time,
            datacontenttype: "application/json",
            data,
        }
    }
}

impl From<&Envelope> for CloudEvent {
    fn from(event: &Envelope) -> Self {
        let what = (event.kind.clone(), event.subject.clone());
        Self::new(event.id, what, event.time, event.data.clone())
    }
}

/// The event as a frame of an event stream (WHATWG HTML, server-sent events). JSON holds no line break, so one `data`
/// line is enough and nothing in it can end the frame.
pub fn frame(event: &Envelope) -> Bytes {
    let json = serde_json::to_string(&CloudEvent::from(event)).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {json}\n\n", event.position, event.kind).into()
}

/// A frame without an event: keeps the connection alive, and moves the client's place on past what was not for it.
pub fn heartbeat(at: Position) -> Bytes {
    format!(": alive\nid: {at}\n\n").into()
}

/// The first frame: how long to wait before coming back, and where the stream begins.
pub fn opening(at: Position) -> Bytes {
    format!("retry: 2000\nid: {at}\n\n").into()
}

/// Tells a client that was away for too long that it missed something.
pub fn reset(tenant: TenantId, at: Position, now: DateTime<Utc>) -> Bytes {
    frame(&Envelope {
        id: EventId::mint(),
        tenant,
        position: at,
        kind: "stream.reset".to_owned(),
        version: 1,
        subject: format!("tenant:{tenant}"),
        project: None,
        request: None,
        data: serde_json::json!({ "detail": "Events were removed since you were here; read again what you show." }),
        time: now,
    })
}

/// May the caller hear of it? Who may read the object may: `vm.created` is for those who may `vm.read` in its project. Of
/// a resource that has no such action nobody hears.
pub fn may_hear(caller: &Caller, event: &Envelope) -> bool {
    let Some(action) = reading(&event.kind) else {
        return false;
    };
    let place = match (action.level, event.project) {
        (Level::Platform, _) => Place::Platform,
        (_, Some(project)) => Place::Project(event.tenant, project),
        (_, None) => Place::Tenant(event.tenant),
    };
    event.tenant == caller.tenant() && caller.may(action, place)
}

fn reading(kind: &str) -> Option<&'static Info> {
    let (resource, _) = kind.split_once('.')?;
    let name = format!("{resource}.read");
    auth::action::ALL.iter().copied().find(|action| action.name == name)
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::{ProjectId, RequestId, UserId};

    use super::*;

    fn event(tenant: TenantId, project: Option<ProjectId>, kind: &str) -> Envelope {
        Envelope {
            id: EventId::mint(),
            tenant,
            position: Position { xact: 7, seq: 3 },
            kind: kind.to_owned(),
            version: 1,
            subject: "vm:1".to_owned(),
            project,
            request: None,
            data: serde_json::json!({"name": "a\n\ndata: forged\n\n"}),
            time: DateTime::UNIX_EPOCH,
        }
    }

    fn caller(tenant: TenantId, role: Role, project: Option<ProjectId>) -> Caller {
        Caller::newcomer(
            tenant,
            UserId::mint(),
            vec![Binding::role(role, project)],
            None,
            RequestId::mint(),
        )
    }

    #[test]
    fn who_may_read_it_may_hear_of_it() {
        let (tenant, project) = (TenantId::mint(), ProjectId::mint());
        let here = event(tenant, Some(project), "vm.created");
        let elsewhere = event(tenant, Some(ProjectId::mint()), "vm.created");
        let inside = caller(tenant, Role::Viewer, Some(project));
        assert!(may_hear(&inside, &here) && !may_hear(&inside, &elsewhere));
        let everywhere = caller(tenant, Role::Viewer, None);
        assert!(may_hear(&everywhere, &here) && may_hear(&everywhere, &elsewhere));
        let other = caller(TenantId::mint(), Role::Owner, None);
        assert!(!may_hear(&other, &here), "t01");
    }

    #[test]
    fn of_what_nobody_may_read_nobody_hears() {
        let tenant = TenantId::mint();
        let owner = caller(tenant, Role::Owner, None);
        for kind in ["host.enrolled", "session.created", "secret.leaked", "nonsense"] {
            assert!(!may_hear(&owner, &event(tenant, None, kind)), "{kind}");
        }
        assert!(may_hear(&owner, &event(tenant, None, "quota.changed")));
        assert!(may_hear(
            &caller(tenant, Role::PlatformOperator, None),
            &event(tenant, None, "host.enrolled")
        ));
    }

    #[test]
    fn t28_nothing_in_the_data_ends_the_frame() {
        let text = frame(&event(TenantId::mint(), None, "vm.created"));
        let text = std::str::from_utf8(&text).unwrap();
        assert_eq!(text.matches("\n\n").count(), 1);
        assert!(
            text.starts_with("id: 7-3\nevent: vm.created\ndata: {\"specversion\":\"1.0\""),
            "{text}"
        );
    }
}
