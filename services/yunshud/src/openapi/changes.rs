//! What holds for every change alike, said in one place: what a key may be, and that a dry run answers 200.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, OpenApi, RefOr, Response, Schema};

/// Completes the description of every operation that may be tried dry or repeated by its key.
pub fn describe(api: &mut OpenApi) {
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(complete);
    }
}

fn complete(operation: &mut Operation) {
    let mut dry = false;
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        dry |= parameter.name == "dry_run";
        if parameter.name == "Idempotency-Key" {
            parameter.schema = Some(key());
        }
    }
    let answers = &mut operation.responses.responses;
    let made = ["201", "202", "204"]
        .iter()
        .find_map(|status| answers.get(*status))
        .cloned();
    if let (true, Some(RefOr::T(made))) = (dry, made) {
        answers.entry("200".to_owned()).or_insert_with(|| RefOr::T(would(made)));
    }
}

/// The answer of a dry run is the answer it would have been.
fn would(mut made: Response) -> Response {
    "With `dry_run`: what the answer would have been. Nothing was changed.".clone_into(&mut made.description);
    made.headers.clear();
    made
}

/// Visible ASCII, as `IdempotencyKey` takes it.
fn key() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"))
        .into()
}
