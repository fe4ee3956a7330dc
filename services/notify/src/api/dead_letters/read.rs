use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::dead_letter;
use web::{Found, Read, Refusals};

use super::{DeadLetterView, OfLetter, find};
use crate::state::Notify;

/// Reads a dead letter.
#[utoipa::path(
    operation_id = "read_dead_letter",
    tag = "dead-letters",
    description = "One event that a consumer could not apply, with its cause. What is in the event is not shown. The reading is in \
                   the platform's log. Needs `dead_letter.read`.",
    params(("letter" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")),
    responses((status = 200, description = "The letter", body = DeadLetterView), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/dead-letters/{letter}")]
pub async fn read_dead_letter(
    ask: Read<dead_letter::Read>,
    path: Path<OfLetter>,
    notify: Data<Notify>,
) -> Result<Found<DeadLetterView>, fault::Error> {
    ask.begin(&notify.db).await?.platform()?;
    let letter = find(&notify, path.letter).await?;
    let object = format!("dead_letter:{}", letter.id);
    notify
        .db
        .record::<dead_letter::Read>(ask.caller(), object, serde_json::json!({}))
        .await?;
    Ok(Found(letter.into()))
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use ids::LetterId;
    use serde_json::json;

    use crate::testing::{LETTERS, start};

    #[tokio::test]
    async fn one_is_told_whole_but_for_its_content() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let id = test.letter(&acme, "audit", "vm.created").await;
        let path = format!("{LETTERS}/{id}");
        let read = test.operator().get(&path).await.expect(200);
        assert!(!read.text.contains("secret"), "{}", read.text);
        for (field, expected) in [
            ("id", json!(id)),
            ("consumer", json!("audit")),
            ("tenant_id", json!(acme.id)),
            ("kind", json!("vm.created")),
            ("subject", json!("vm:1")),
            ("version", json!(1)),
            ("cause", json!("the cause")),
            ("state", json!("waiting")),
            ("reason", json!(null)),
        ] {
            assert_eq!(read.json[field], expected, "{field}");
        }
        let last = test.bench.audit(PLATFORM).await.pop().unwrap();
        assert_eq!(last, ("dead_letter.read".to_owned(), "success".to_owned()));
        let never = format!("{LETTERS}/{}", LetterId::mint());
        test.operator().get(&never).await.expect(404);
        test.client
            .caller(&acme.caller(Role::Owner))
            .get(&path)
            .await
            .expect(403);
    }

    #[tokio::test]
    async fn t18_the_service_itself_cannot_read_what_is_in_a_letter() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        test.letter(&acme, "audit", "vm.created").await;
        let options = test.bench.connect().options("notify").unwrap();
        let mut sql = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options)
            .await
            .unwrap();
        sqlx::query("select set_config('app.tenant', $1, false)")
            .bind(acme.id.to_string())
            .execute(&mut sql)
            .await
            .unwrap();
        let kinds: Vec<String> = sqlx::query_scalar("select kind from bus.dead_letters")
            .fetch_all(&mut sql)
            .await
            .unwrap();
        assert_eq!(kinds, ["vm.created"], "the proof that the row is there to be read");
        let refused = sqlx::query("select data from bus.dead_letters").execute(&mut sql).await;
        assert!(refused.unwrap_err().to_string().contains("permission denied"));
    }
}
