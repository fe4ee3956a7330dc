use actix_web::get;
use actix_web::web::Data;
use auth::action::session;
use web::{Page, Read, Refusals};

use super::{ActiveSession, ListSessions, oneself};
use crate::session::Device;
use crate::state::Identity;
use crate::store;

/// Lists the caller's sessions.
#[utoipa::path(
    operation_id = "list_my_sessions",
    tag = "sessions",
    description = "Where the caller is signed in: device and place of last use, newest first, a page at a time.",
    params(ListSessions),
    responses((status = 200, description = "A page of sessions", body = Page<ActiveSession>), Refusals),
    security(("bearer" = [])),
)]
#[get("/me/sessions")]
pub async fn list_my_sessions(
    ask: Read<session::List, ListSessions>,
    identity: Data<Identity>,
) -> Result<Page<ActiveSession>, fault::Error> {
    let user = oneself(ask.caller())?;
    let window = ask.query.window(ask.caller().tenant(), user)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let rows = store::devices::list(&mut tx, &tenant, user, &window).await?;
    let key = |row: &Device| vec![row.session.to_string()];
    Ok(window.page(rows, key, |row| ActiveSession::of(&row, user, ask.caller())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{PASSWORD, start, try_sign_in, turn_in};

    const PATH: &str = "/api/v1/me/sessions";

    #[tokio::test]
    async fn it_tells_the_device_and_where_it_was_begun_and_last_heard() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        test.sign_up("other").await;
        let home = test.client.at([192, 0, 2, 1].into());
        let first = try_sign_in(&home, &owner.email, PASSWORD).await.expect(200).json;
        let second = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let moved = test.client.at([198, 51, 100, 9].into());
        let body = json!({"refresh_token": first["refresh_token"]});
        let renewal = moved.request(reqwest::Method::POST, "/api/v1/auth/refresh");
        let renewal = renewal.header("user-agent", "yunshu-cli/1").json(&body);
        moved.send(renewal).await.expect(200);
        let me = test.enter(&second).await.unwrap();
        let listed = me.get(PATH).await.expect(200).json;
        let [newest, oldest] = listed["items"].as_array().unwrap().as_slice() else {
            panic!("{listed}")
        };
        assert_eq!((&newest["current"], &oldest["current"]), (&json!(true), &json!(false)));
        assert_eq!(oldest["device"], "yunshu-cli/1");
        assert_eq!(
            (&oldest["address"], &oldest["used_from"]),
            (&json!("192.0.2.1"), &json!("198.51.100.9"))
        );
        assert_eq!(newest["methods"], json!(["pwd"]));
        let page = me.get(&format!("{PATH}?limit=1")).await.expect(200).json;
        assert_eq!(page["items"], json!([newest]));
        let next = format!("{PATH}?limit=1&page_token={}", page["next_page"].as_str().unwrap());
        assert_eq!(me.get(&next).await.expect(200).json["items"], json!([oldest]));
        test.client.get(PATH).await.expect(401);
    }

    #[tokio::test]
    async fn what_is_over_is_not_listed() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let gone = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let there = test.enter(&gone).await.unwrap();
        there.post("/api/v1/auth/logout", json!({})).await.expect(204);
        turn_in(&test.client, &gone).await.expect(401);
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let me = test.enter(&tokens).await.unwrap();
        assert_eq!(
            me.get(PATH).await.expect(200).json["items"].as_array().unwrap().len(),
            1
        );
    }
}
