//! Entries as other systems collect them: OCSF API Activity in `CloudEvents` 1.0, a line each. The table of what becomes what
//! stands in the README.

use ids::TenantId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::events::AuditEventView;

/// Of the Open Cybersecurity Schema Framework.
const VERSION: &str = "1.5.0";
const CATEGORY: u32 = 6;
const CLASS: u32 = 6003;

/// A line: the envelope, and the event in it.
#[derive(Debug, Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    /// Texts of the envelope have no control characters; where the object has, it stands in the event alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: String,
    datacontenttype: &'static str,
    dataschema: String,
    data: Value,
}

/// What was done, in the words of the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Create,
    Read,
    Update,
    Delete,
    Other,
}

impl Activity {
    fn of(verb: &str) -> Self {
        match verb {
            "create" => Self::Create,
            "read" | "list" | "export" | "stream" | "explain" => Self::Read,
            "modify" => Self::Update,
            "delete" => Self::Delete,
            _ => Self::Other,
        }
    }

    const fn id(self) -> u32 {
        match self {
            Self::Create => 1,
            Self::Read => 2,
            Self::Update => 3,
            Self::Delete => 4,
            Self::Other => 99,
        }
    }

    /// Of what the class has no word for, ours.
    const fn name(self, verb: &str) -> &str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Other => verb,
        }
    }
}

/// The line of an entry, newline included.
pub fn line(tenant: TenantId, view: &AuditEventView) -> Result<String, serde_json::Error> {
    let envelope = Envelope {
        specversion: "1.0",
        id: view.id.to_string(),
        source: format!("/tenants/{tenant}/audit"),
        r#type: format!("audit.{}", view.action),
        subject: Some(view.object.as_str()).filter(|object| !object.chars().any(char::is_control)),
        time: view.time.to_rfc3339(),
        datacontenttype: "application/json",
        dataschema: format!("https://schema.ocsf.io/{VERSION}/classes/api_activity"),
        data: event(tenant, view),
    };
    Ok(serde_json::to_string(&envelope)? + "\n")
}

fn event(tenant: TenantId, view: &AuditEventView) -> Value {
    let (service, verb) = view.action.rsplit_once('.').unwrap_or(("", &view.action));
    let activity = Activity::of(verb);
    let (status_id, status, severity_id, severity) = match view.outcome.as_str() {
        "success" => (1, "Success", 1, "Informational"),
        // What was refused may be an attempt at what nobody should do.
        "denied" => (2, "Failure", 3, "Medium"),
        _ => (2, "Failure", 2, "Low"),
    };
    json!({
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": activity.id(),
        "activity_name": activity.name(verb),
        "type_uid": CLASS * 100 + activity.id(),
        "type_name": format!("API Activity: {}", if activity == Activity::Other { "Other" } else { activity.name(verb) }),
        "time": view.time.timestamp_millis(),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": view.outcome,
        "metadata": {
            "version": VERSION,
            "product": { "name": "Yunshu", "vendor_name": "Yunshu" },
            "log_name": "audit",
            "uid": view.id,
            "sequence": view.seq,
            "tenant_uid": tenant,
            "correlation_uid": view.request_id,
            "original_time": view.time.to_rfc3339(),
        },
        "actor": actor(view),
        "api": {
            "operation": view.action,
            "service": { "name": if service.is_empty() { "yunshu" } else { service } },
            "request": { "uid": view.request_id },
        },
        "src_endpoint": source(view),
        "resources": [resource(&view.object)],
        "unmapped": { "changes": view.changes, "credential": view.credential },
    })
}

fn actor(view: &AuditEventView) -> Value {
    let (kind, uid) = view.actor.split_once(':').unwrap_or(("", &view.actor));
    let (type_id, named) = match kind {
        "user" => (1, "User"),
        "operator" => (2, "Admin"),
        "system" => (3, "System"),
        "service_account" => (99, "Service account"),
        _ => (0, "Unknown"),
    };
    let (session, credential) = match view
        .credential
        .as_deref()
        .and_then(|credential| credential.split_once(':'))
    {
        Some(("session", session)) => (Some(session), None),
        Some((_, credential)) => (None, Some(credential)),
        None => (None, None),
    };
    let mut user = Map::from_iter([
        ("uid".to_owned(), json!(uid)),
        ("type_id".to_owned(), json!(type_id)),
        ("type".to_owned(), json!(named)),
    ]);
    user.extend(credential.map(|uid| ("credential_uid".to_owned(), json!(uid))));
    let mut actor = Map::from_iter([("user".to_owned(), Value::Object(user))]);
    actor.extend(session.map(|uid| ("session".to_owned(), json!({ "uid": uid }))));
    Value::Object(actor)
}

/// From where. What the platform does by itself comes from the platform.
fn source(view: &AuditEventView) -> Value {
    match &view.ip {
        Some(ip) => json!({ "ip": ip }),
        None => json!({ "svc_name": "yunshu" }),
    }
}

/// On what. A refusal names the path that was asked for, which has no kind.
fn resource(object: &str) -> Value {
    let is_kind = |kind: &str| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match object.split_once(':').filter(|(kind, _)| is_kind(kind)) {
        Some((kind, uid)) => json!({ "type": kind, "uid": uid }),
        None => json!({ "uid": object }),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use ids::{EventId, RequestId};

    use super::*;

    fn view(action: &str, outcome: &str) -> AuditEventView {
        let time: DateTime<Utc> = "2026-11-21T09:30:00.123456Z".parse().unwrap();
        AuditEventView {
            id: EventId::mint(),
            seq: 17,
            time,
            actor: "user:ann".to_owned(),
            credential: Some("session:one".to_owned()),
            action: action.to_owned(),
            object: "vm:web".to_owned(),
            outcome: outcome.to_owned(),
            ip: Some("192.0.2.7".to_owned()),
            request_id: RequestId::mint(),
            changes: Some(json!({"name": {"before": null, "after": "web"}})),
            erased: false,
            created_at: time,
            updated_at: time,
        }
    }

    fn read(view: &AuditEventView) -> Value {
        let tenant = TenantId::mint();
        let text = line(tenant, view).unwrap();
        assert_eq!(text, line(tenant, view).unwrap(), "the same entry is the same line");
        assert!(text.ends_with('\n') && text.lines().count() == 1);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn it_has_what_the_class_and_the_envelope_require() {
        let odd = AuditEventView {
            actor: "nobody".to_owned(),
            credential: None,
            action: "odd".to_owned(),
            object: "/api/v1/vms/a:b".to_owned(),
            ip: None,
            changes: None,
            ..view("x.y", "failed")
        };
        for view in [view("vm.create", "success"), view("vm.operate", "denied"), odd] {
            let envelope = read(&view);
            for name in ["id", "source", "type"] {
                assert!(envelope[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            }
            assert_eq!(envelope["specversion"], "1.0");
            let event = &envelope["data"];
            for name in [
                "activity_id",
                "category_uid",
                "class_uid",
                "severity_id",
                "status_id",
                "time",
                "type_uid",
            ] {
                assert!(event[name].is_u64(), "{name}");
            }
            for path in [
                "/metadata/version",
                "/metadata/product/name",
                "/api/operation",
                "/api/request/uid",
                "/api/service/name",
            ] {
                assert!(event.pointer(path).is_some_and(Value::is_string), "{path}");
            }
            assert!(event["actor"]["user"]["uid"].is_string());
            let from = &event["src_endpoint"];
            assert!(from["ip"].is_string() || from["svc_name"].is_string());
            let (class, activity) = (
                event["class_uid"].as_u64().unwrap(),
                event["activity_id"].as_u64().unwrap(),
            );
            assert_eq!(event["type_uid"].as_u64(), Some(class * 100 + activity));
            assert_eq!((class, event["category_uid"].as_u64()), (6003, Some(6)));
        }
    }

    #[test]
    fn each_verb_and_end_has_its_number() {
        for (action, activity, named) in [
            ("vm.create", 1, "Create"),
            ("audit.list", 2, "Read"),
            ("me.export", 2, "Read"),
            ("vm.modify", 3, "Update"),
            ("vm.delete", 4, "Delete"),
            ("vm.operate", 99, "operate"),
        ] {
            let event = read(&view(action, "success"))["data"].take();
            assert_eq!(
                (event["activity_id"].as_u64(), event["activity_name"].as_str()),
                (Some(activity), Some(named))
            );
        }
        for (outcome, status, severity) in [("success", 1, 1), ("failed", 2, 2), ("denied", 2, 3)] {
            let event = read(&view("vm.create", outcome))["data"].take();
            assert_eq!(
                (event["status_id"].as_u64(), event["severity_id"].as_u64()),
                (Some(status), Some(severity))
            );
            assert_eq!(event["status_detail"], outcome);
        }
    }

    #[test]
    fn who_and_what_keep_their_ids() {
        for (actor, kind) in [
            ("user:a", 1),
            ("operator:a", 2),
            ("system:a", 3),
            ("service_account:a", 99),
            ("a", 0),
        ] {
            let who = AuditEventView {
                actor: actor.to_owned(),
                credential: Some("api_key:k".to_owned()),
                ..view("vm.read", "success")
            };
            let event = read(&who)["data"].take();
            let user = &event["actor"]["user"];
            assert_eq!(
                (user["uid"].as_str(), user["type_id"].as_u64()),
                (Some("a"), Some(kind))
            );
            assert_eq!(user["credential_uid"], "k");
        }
        let event = read(&view("vm.read", "success"))["data"].take();
        assert_eq!(event["actor"]["session"]["uid"], "one");
        assert_eq!(event["resources"], json!([{"type": "vm", "uid": "web"}]));
        assert_eq!(event["time"], 1_795_253_400_123_i64);
        assert_eq!(resource("/api/v1/x:y"), json!({"uid": "/api/v1/x:y"}));
    }
}
