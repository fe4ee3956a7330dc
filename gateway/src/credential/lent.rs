//! A platform operator comes into a tenant: their own token says who they are, and the access they name says where to.

use actix_http::header::{HeaderMap, HeaderValue};
use auth::access::{HEADER, NOT_IN_FORCE};
use auth::action::{Action, tenant_access};
use auth::passport::Bearer;
use auth::{Caller, Credential, Moment, PLATFORM, Principal};
use fault::{Error, Kind};
use ids::OperatorAccessId;

use super::Credentials;
use crate::conn::Conn;
use crate::proxy::Proxy;

impl Credentials {
    /// Whom a service shall take this caller for. Whatever is wrong with the access that they name is answered alike. An
    /// operator's attempt goes on as [`Bearer::Barred`], since only a service can write it into the log.
    pub(super) async fn lend(
        &self,
        own: Caller,
        headers: &HeaderMap,
        conn: &Conn,
        proxy: &Proxy,
    ) -> Result<Bearer, Error> {
        let mut named = headers.get_all(HEADER);
        let Some(first) = named.next() else {
            return Ok(Bearer::Caller(own));
        };
        let access = if named.next().is_none() { id(first) } else { None };
        let lent = match access {
            Some(access) => self.lent(&own, access, conn, proxy).await?,
            None => None,
        };
        match lent {
            Some(caller) => Ok(Bearer::Caller(caller)),
            None if own.tenant() == PLATFORM => Ok(Bearer::Barred(own)),
            None => Err(Error::new(Kind::Forbidden, NOT_IN_FORCE)),
        }
    }

    /// The operator as a caller of the tenant, if the access is theirs and in force. They come signed in, as a person: a key
    /// that somebody found, or a program that they let act for them, opens no tenant, whatever it is let in for. Our own command
    /// line does, whose session is not narrowed.
    async fn lent(
        &self,
        own: &Caller,
        access: OperatorAccessId,
        conn: &Conn,
        proxy: &Proxy,
    ) -> Result<Option<Caller>, Error> {
        let (Some(operator), Some(_)) = (own.user(), own.session()) else {
            return Ok(None);
        };
        if own.tenant() != PLATFORM || own.scope().is_some() || own.admit(tenant_access::Use::INFO).is_err() {
            return Ok(None);
        }
        let credential = Credential::OperatorAccess(access);
        let standing = self.standing(credential, proxy).await?;
        // Standings are remembered by their access, so whose it is must be asked each time.
        let Some(standing) = standing.filter(|found| found.principal == Principal::Operator(operator)) else {
            return Ok(None);
        };
        let moment = Moment {
            now: self.clock.now(),
            address: Some(conn.address),
            factor_at: None,
        };
        Ok(standing.caller(credential, &moment, own.request()))
    }
}

fn id(value: &HeaderValue) -> Option<OperatorAccessId> {
    value.to_str().ok()?.trim().parse().ok()
}
