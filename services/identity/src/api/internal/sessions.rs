use actix_web::web::{Data, Json, Path};
use auth::Standing;
use db::Reason;
use ids::SessionId;
use web::AsPlatform;

use crate::service::Identity;
use crate::store;

/// What a session may do now: 404 if it never was, or is long gone.
pub async fn read_standing(
    _: AsPlatform,
    session: Path<SessionId>,
    identity: Data<Identity>,
) -> Result<Json<Standing>, fault::Error> {
    let mut tx = identity.db.system(Reason::SignIn).await?;
    let standing = store::sessions::standing(&mut tx, *session).await?;
    standing.map(Json).ok_or_else(|| fault::Error::not_found("session"))
}
