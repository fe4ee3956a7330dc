//! Adding a mailbox or a telephone as a weaker factor: wire types and what both share.

pub mod confirm_email;
pub mod confirm_sms;
pub mod enrol_email;
pub mod enrol_sms;

use auth::Caller;
use auth::action::factor;
use db::{Changed, Created, Outcome, Status, Subject};
use ids::{FactorId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Change;

use super::webauthn::begin::room_for_one_more;
use super::{FactorView, codes_for_the_first, signed_in};
use crate::api::auth::budget;
use crate::api::codes::{self, SentCode, Way};
use crate::factor::recovery;
use crate::factor::sent::{Bound, For, LIVES, Phone};
use crate::factor::{Kind, Name};
use crate::guess::Destination;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;

/// A weaker factor that its holder has yet to confirm with the code that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolledSent {
    /// What there is to know of it later.
    pub factor: FactorView,
    /// Where the code goes, and until when it is good.
    #[serde(flatten)]
    pub code: SentCode,
}

impl Subject for EnrolledSent {
    fn object(&self) -> String {
        self.factor.object()
    }

    fn record(&self) -> serde_json::Value {
        self.factor.record()
    }
}

/// The code that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSent {
    /// Its eight digits.
    #[schema(value_type = String, example = "31415926", max_length = 64)]
    pub code: SecretString,
}

/// A weaker factor that counts, and the codes for the day it is lost. They are shown this once.
#[derive(Serialize, ToSchema)]
pub struct ConfirmedSent {
    /// The factor.
    pub factor: FactorView,
    /// Ten recovery codes, each good once, to be written down. Secrets. None if the caller has some from before.
    #[schema(example = json!(["7k3m-9qxd-0f2h-vw8c-1n5t-rj6b"]))]
    pub recovery_codes: Vec<String>,
}

impl Subject for ConfirmedSent {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.factor.object()
    }

    fn record(&self) -> serde_json::Value {
        self.factor.record()
    }
}

/// Makes the factor and has its first code sent: to this telephone, or to the account's own address.
async fn enrol<B>(
    ask: &Change<factor::Create, B>,
    identity: &Identity,
    user: UserId,
    (phone, name): (Option<Phone>, &Name),
) -> Outcome<EnrolledSent> {
    let (way, kind) = paid_for(ask.caller(), identity, (user, phone), ask.is_dry_run()).await?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    room_for_one_more(&store::factors::list(&mut tx, &tenant, user).await?)?;

    let id = FactorId::mint();
    let sealed = way.seal(tx.keys()?, tenant.id, id)?;
    let made = store::factors::insert(&mut tx, &tenant, user, (id, kind, name), &sealed)
        .await
        .map_err(|error| error.taken("factor"))?;
    let bound = bound(tenant.id, user, id);
    let (code, locked) = codes::made(tx.keys()?, &bound)?;
    store::sent_codes::keep_with(&mut tx, &bound, &locked).await?;
    store::errands::insert_with(&mut tx, &identity.kek, &way.errand(&code), LIVES).await?;

    let shown = EnrolledSent {
        factor: FactorView::from(&made),
        code: way.sent(tx.now()),
    };
    let answer = tx.finish(Status::Created, Created(shown)).await?;
    identity.errands.notify_one();
    Ok(answer)
}

/// Where the code goes, once it is paid for in a commit of its own. What would be refused costs nothing: who may have no such
/// factor spends nothing of what all share.
async fn paid_for(
    caller: &Caller,
    identity: &Identity,
    (user, phone): (UserId, Option<Phone>),
    dry_run: bool,
) -> Result<(Way, Kind), fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let (policy, factors, email) = codes::held(&mut tx, caller, user).await?;
    let way = phone.map_or(Way::Email(email), Way::Sms);
    let kind = way.kind();
    if !policy.allows(kind) {
        let detail = "Your tenant does not allow codes that are sent this way: they are weaker. Add a passkey instead.";
        return Err(fault::Error::conflict(detail));
    }
    if factors.iter().any(|factor| factor.kind == kind) {
        return Err(fault::Error::conflict(
            "You have one of this kind already; remove it first.",
        ));
    }
    if !dry_run {
        codes::pay(&mut tx, identity, (caller.tenant(), user), (&way, Destination::Named)).await?;
    }
    tx.commit().await?;
    Ok((way, kind))
}

const fn bound(tenant: ids::TenantId, user: UserId, factor: FactorId) -> Bound {
    Bound {
        tenant,
        user,
        to: For::Enrol(factor),
        factor,
    }
}

/// From now on the factor counts, if this is the code that was sent.
async fn confirm(
    ask: &Change<factor::Modify, ConfirmSent>,
    identity: &Identity,
    (id, kind): (FactorId, Kind),
) -> Outcome<ConfirmedSent> {
    let (user, session) = signed_in(ask.caller())?;
    let code = codes::typed("/code", &ask.body.code)?;
    let bound = bound(ask.caller().tenant(), user, id);
    let budgets = budget::pay(identity, ask.caller(), user).await?;
    identity.at_the_door(bound.tenant).await?;
    let mut paid = identity.begin_sign_in().await?;
    let hash = codes::looked_at(&mut paid, &bound, &code).await?;
    paid.commit().await?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let factors = store::factors::list(&mut tx, &tenant, user).await?;
    let factor = factors.iter().find(|factor| factor.id == id && factor.kind == kind);
    let factor = factor.ok_or_else(|| fault::Error::not_found("factor"))?;
    if factor.confirmed_at.is_some() {
        return Err(fault::Error::conflict("It is confirmed already.").into());
    }
    let spent = match hash {
        Some(hash) => store::sent_codes::spend(&mut tx, &bound, hash).await?,
        None => false,
    };
    if !spent {
        let detail = "is not the code that was sent last, or it was tried too often or too late: begin anew";
        return Err(fault::Error::invalid("/code", detail).into());
    }

    let confirmed = store::factors::confirm(&mut tx, &tenant, id).await?;
    let codes = codes_for_the_first(&mut tx, &tenant, user).await?;
    // Beside a stronger one it is nothing that the other sessions would have to show.
    let others = factors.iter().filter(|factor| factor.confirmed_at.is_some());
    if others.clone().all(|factor| factor.kind.is_weaker()) {
        store::sessions::show_anew(&mut tx, &tenant, user).await?;
        store::sessions::show(&mut tx, &tenant, session, Method::Factor(kind)).await?;
    }

    let shown = |factor, codes: &[recovery::Code]| ConfirmedSent {
        factor: FactorView::from(factor),
        recovery_codes: codes.iter().map(recovery::Code::expose).collect(),
    };
    let (before, after) = (shown(factor, &[]), shown(&confirmed, &codes));
    let answer = tx.finish(Status::Ok, Changed(before, after)).await?;
    budget::refund(identity, &budgets).await?;
    Ok(answer)
}
