//! The platform's operators: people of the platform's own tenant. They are made on the machine itself, never over the
//! network; the tenant's name cannot be signed up for.

use auth::{Caller, PLATFORM, Role};
use db::{AuditEvent, AuditOutcome, Db, Reason, SystemTx};
use fault::FieldError;
use ids::UserId;
use secrecy::SecretString;
use serde_json::json;

use crate::password::{Password, Verdict};
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
    let password = Password::chosen(password, &[email.as_str(), email.local_part()])
        .map_err(|refused| fault::Error::invalid("/password", format!("The password {refused}.")))?;
    let hasher = settings.hasher().map_err(fault::Error::internal)?;

    let mut tx = db.system(Reason::Bootstrap).await?;
    let found = store::people::candidates(&mut tx, &email, Some(PLATFORM), "").await?.pop();
    drop(tx);
    let kept = found.as_ref().map(|person| person.hash.as_str());
    let same = hasher.turn()?.compare(&password, kept).await? != Verdict::Wrong;
    let hash = hasher.turn()?.hash(&password).await?;

    let mut tx = db.system(Reason::Bootstrap).await?;
    let (user, done) = match &found {
        None => {
            let user = UserId::mint();
            let name = DisplayName::check("/email", Some(email.local_part()), "").map_err(field)?;
            store::people::insert(&mut tx, PLATFORM, user, (&email, &name), &hash).await?;
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
