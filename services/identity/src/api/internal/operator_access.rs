use actix_web::web::{Data, Json, Path};
use auth::Standing;
use ids::OperatorAccessId;
use web::AsPlatform;

use crate::state::Identity;
use crate::store;

/// What an operator's access is good for now: 404 if it never was. Whose it is stands in it; who asks compares.
pub async fn read_standing(
    _: AsPlatform,
    access: Path<OperatorAccessId>,
    identity: Data<Identity>,
) -> Result<Json<Standing>, fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let standing = store::operator_access::standing(&mut tx, *access).await?;
    standing
        .map(Json)
        .ok_or_else(|| fault::Error::not_found("operator access"))
}

#[cfg(test)]
mod tests {
    use auth::passport::Bearer;
    use auth::{AccessKind, Binding, Principal, Role};
    use ids::OperatorAccessId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_tells_who_where_as_what_until_when_and_why() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let operator = test.operator("root").await;
        let id = operator.asks_as(&acme, "operator", 30).await;
        let path = format!("/api/v1/operator-access/{id}:approve");
        let granted = owner.client.post(&path, json!({})).await.expect(200).json;
        let standing = test.access_standing(&id).await.unwrap();
        assert_eq!((standing.live, standing.tenant), (true, acme.id));
        assert_eq!(standing.principal, Principal::Operator(operator.id));
        assert_eq!(standing.bindings, [Binding::role(Role::Operator, None)]);
        assert_eq!(json!(standing.until), granted["ends_at"]);
        let access = standing.access.unwrap();
        assert_eq!(
            (access.kind, access.reason.as_str()),
            (AccessKind::Consent, "a broken disk")
        );
    }

    #[tokio::test]
    async fn t09_nobody_but_the_platform_may_ask() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let operator = test.operator("root").await;
        let path = format!("/internal/operator-access/{}", operator.asks(&acme).await);
        test.client.get(&path).await.expect(404);
        operator.client.get(&path).await.expect(404);
        let gateway = test.client.bearer(Bearer::Platform("gateway".to_owned()));
        gateway.get(&path).await.expect(200);
        let never = format!("/internal/operator-access/{}", OperatorAccessId::mint());
        gateway.get(&never).await.expect(404);
    }
}
