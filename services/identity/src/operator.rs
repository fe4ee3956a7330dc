//! The platform's operators: people of the platform's own tenant. They are made on the machine itself, never over the
//! network; the tenant's name cannot be signed up for.

use auth::{Caller, PLATFORM, Role};
use db::{AuditEvent, AuditOutcome, Db, Reason, SystemTx};
use fault::FieldError;
use ids::UserId;
use secrecy::SecretString;
use serde_json::json;

use crate::lookup;
use crate::password::{NewPassword, Verdict};
use crate::person::{DisplayName, Email};
use crate::settings::Settings;
use crate::store;
use crate::store::sessions::Why;

/// Operators run the platform and read the platform's own log.
const ROLES: [Role; 2] = [Role::PlatformOperator, Role::Auditor];

/// What became of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrapped {
    /// They are new.
    Made,
    /// They were there with another password; this one is theirs now, and their sessions are over.
    PasswordChanged,
    /// They were there as asked.
    Unchanged,
}

/// Makes the platform operator of this address, or sets their password if it is another one. Idempotent.
pub async fn bootstrap_operator(
    db: &Db,
    settings: &Settings,
    email: &str,
    password: &SecretString,
) -> Result<Bootstrapped, fault::Error> {
    let field = |error: FieldError| fault::Error::invalid_fields(vec![error]);
    let email = Email::check("/email", email).map_err(field)?;
    let password = NewPassword::check(password, &[email.as_str(), email.local_part(), "platform", "operator"])
        .map_err(|refused| fault::Error::invalid("/password", refused.to_string()))?;
    let hasher = settings.hasher().map_err(fault::Error::internal)?;

    let lookup = lookup::read(db).await?;
    let mut tx = db.system(Reason::Bootstrap).await?;
    let found = store::people::candidates(&mut tx, (&email, &lookup), Some(PLATFORM))
        .await?
        .pop();
    drop(tx);
    let kept = found.as_ref().map(|person| person.hash.as_str());
    let same = hasher.turn()?.compare(password.as_typed(), kept).await? != Verdict::Wrong;
    let hash = hasher.turn()?.hash(password).await?;

    db.keys(PLATFORM).await?;
    let mut tx = db.system(Reason::Bootstrap).await?;
    let (user, done) = match &found {
        None => {
            let user = UserId::mint();
            let name = DisplayName::check("/email", Some(email.local_part()), "").map_err(field)?;
            store::people::insert(&mut tx, (PLATFORM, user), (&email, &name), &hash, &lookup).await?;
            record(&mut tx, "user.create", user)?;
            (user, Bootstrapped::Made)
        }
        Some(person) if same => (person.user, Bootstrapped::Unchanged),
        Some(person) => {
            store::people::set_hash(&mut tx, PLATFORM, person.user, &hash).await?;
            store::sessions::revoke_all(&mut tx, PLATFORM, person.user, Why::Password).await?;
            record(&mut tx, "user.set_password", person.user)?;
            (person.user, Bootstrapped::PasswordChanged)
        }
    };
    for role in ROLES {
        if store::people::bind(&mut tx, PLATFORM, user, role).await? {
            record(&mut tx, "role_binding.create", user)?;
        }
    }
    tx.commit().await?;
    Ok(done)
}

fn record(tx: &mut SystemTx, action: &str, user: UserId) -> Result<(), fault::Error> {
    let worker = Caller::worker(PLATFORM, "bootstrap");
    let object = format!("user:{user}");
    let entry = AuditEvent::of(&worker, tx.now(), action, object, AuditOutcome::Success, json!({}));
    tx.record(PLATFORM, &entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Test, settings, start};

    const EMAIL: &str = "ops@platform.example";

    async fn bootstrap(test: &Test, password: &str) -> Result<Bootstrapped, fault::Error> {
        bootstrap_operator(
            &test.bench.db("identity"),
            &settings(),
            EMAIL,
            &SecretString::from(password),
        )
        .await
    }

    #[tokio::test]
    async fn an_operator_signs_in_and_carries_the_platforms_roles_alone() {
        let test = start().await;
        assert_eq!(
            bootstrap(&test, "tall ships and small boats").await.unwrap(),
            Bootstrapped::Made
        );
        let tokens = test.sign_in(EMAIL, "tall ships and small boats").await.expect(200).json;
        let me = test
            .enter(&tokens)
            .await
            .unwrap()
            .get("/api/v1/me")
            .await
            .expect(200)
            .json;
        let mut roles: Vec<_> = me["roles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role.as_str().unwrap())
            .collect();
        roles.sort_unstable();
        assert_eq!(
            (roles, &me["tenant"]["name"]),
            (vec!["auditor", "platform_operator"], &json!("platform"))
        );
    }

    #[tokio::test]
    async fn again_changes_nothing_and_another_password_ends_the_sessions() {
        let test = start().await;
        bootstrap(&test, "tall ships and small boats").await.unwrap();
        let tokens = test.sign_in(EMAIL, "tall ships and small boats").await.expect(200).json;
        let before = test.bench.audit(PLATFORM).await.len();
        assert_eq!(
            bootstrap(&test, "tall ships and small boats").await.unwrap(),
            Bootstrapped::Unchanged
        );
        assert_eq!(test.bench.audit(PLATFORM).await.len(), before);
        assert!(test.enter(&tokens).await.is_some());

        assert_eq!(
            bootstrap(&test, "seven lamps in the harbour").await.unwrap(),
            Bootstrapped::PasswordChanged
        );
        assert!(test.enter(&tokens).await.is_none());
        test.sign_in(EMAIL, "tall ships and small boats").await.expect(401);
        test.sign_in(EMAIL, "seven lamps in the harbour").await.expect(200);
        let changed = ("user.set_password".to_owned(), "success".to_owned());
        assert!(test.bench.audit(PLATFORM).await.contains(&changed));
    }

    #[tokio::test]
    async fn t18_no_other_tenant_can_have_a_platform_operator() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test
            .sign_in(&owner.email, crate::testing::PASSWORD)
            .await
            .expect(200)
            .json;
        let user = ids::UserId::from_uuid(test.check(&tokens).await.sub);
        let db = test.bench.db("identity");
        let mut tx = db.system(Reason::Bootstrap).await.unwrap();
        let refused = store::people::bind(&mut tx, owner.tenant, user, Role::PlatformOperator).await;
        assert!(matches!(refused, Err(db::Error::Check(name)) if name == "role_bindings_platform"));
    }

    #[tokio::test]
    async fn a_weak_password_is_refused_here_too() {
        let test = start().await;
        assert!(bootstrap(&test, "platformplatform").await.is_err());
        assert!(bootstrap(&test, "short").await.is_err());
    }
}
