use actix_web::body::BoxBody;
use actix_web::http::header::{ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, Responder};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::Subject;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

const DEFAULT_LIMIT: u16 = 100;
const MAX_LIMIT: u16 = 1000;

/// For fields of a listing that say which page is wanted, and so are no part of its filter. (`skip_serializing` would also
/// hide them from the `OpenAPI` document.)
pub const fn left_out<T>(_: &T) -> bool {
    true
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub items: Vec<T>,
    /// Send it as `page_token` to read on; null at the end.
    pub next_page: Option<String>,
}

impl<T: Serialize> Responder for Page<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self)
    }
}

/// One object, with its `ETag`; 304 when the client has it already.
#[derive(Debug, Clone)]
pub struct Found<T>(pub T);

impl<T: Subject> Responder for Found<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Some(etag) = self.0.etag() else {
            return HttpResponse::Ok().json(self.0);
        };
        let known = request
            .headers()
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if known.split(',').any(|one| one.trim() == etag) {
            return HttpResponse::NotModified().insert_header((ETAG, etag)).finish();
        }
        HttpResponse::Ok().insert_header((ETAG, etag)).json(self.0)
    }
}

/// The direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Sort {
    /// Oldest first.
    #[default]
    #[serde(rename = "created_at")]
    CreatedAt,
    /// Newest first.
    #[serde(rename = "-created_at")]
    CreatedAtDescending,
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameDescending,
}

/// The parts of a list's query that decide which page is meant. Each list has a query type of its own with its filters;
/// it hands them here, so that a token cannot be carried over to other filters, another list or another tenant.
#[derive(Debug, Clone)]
pub struct Listing<'a, F> {
    /// `?limit=`
    pub limit: Option<u16>,
    /// `?page_token=`
    pub page_token: Option<&'a str>,
    /// The list's name and its filters and order.
    pub filter: F,
}

/// Which rows of a list are wanted: `limit` of them after `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    limit: u16,
    after: Option<Vec<String>>,
    binding: String,
}

#[derive(Serialize, Deserialize)]
struct Token {
    b: String,
    a: Vec<String>,
}

impl Window {
    /// Reads limit and token; a token from elsewhere is 400.
    pub fn parse<F: Serialize>(tenant: TenantId, listing: &Listing<'_, F>) -> Result<Self, fault::Error> {
        let limit = listing.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(fault::Error::invalid(
                "?limit",
                format!("must be from 1 to {MAX_LIMIT}"),
            ));
        }
        let filter = serde_json::to_string(&listing.filter).map_err(fault::Error::internal)?;
        let mut hash = Sha256::new();
        hash.update(tenant.to_string());
        hash.update([0]);
        hash.update(filter);
        let print: [u8; 32] = hash.finalize().into();
        let binding = URL_SAFE_NO_PAD.encode(print.get(..12).unwrap_or_default());
        let after = listing.page_token.map(|token| read(token, &binding)).transpose()?;
        Ok(Self { limit, after, binding })
    }

    /// How many rows to fetch: one more than the page holds tells whether another page follows.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The key of the last row of the page before: its parts, each of which must parse.
    pub fn after<T: std::str::FromStr>(&self, part: usize) -> Result<Option<T>, fault::Error> {
        let Some(after) = &self.after else { return Ok(None) };
        let parsed = after.get(part).and_then(|text| text.parse().ok());
        parsed.map(Some).ok_or_else(bad_token)
    }

    /// The page of these rows (at most [`Window::fetch`] of them). `key` gives the parts of a row's sort key.
    pub fn page<R, T>(&self, rows: Vec<R>, key: impl Fn(&R) -> Vec<String>, view: impl Fn(R) -> T) -> Page<T> {
        self.part(rows, None, key, view)
    }

    /// The same of rows that were looked for as far as `rest`, the sort key of the last that was looked at, where that is not the
    /// end: a page that is short goes on there.
    pub fn part<R, T>(
        &self,
        mut rows: Vec<R>,
        rest: Option<Vec<String>>,
        key: impl Fn(&R) -> Vec<String>,
        view: impl Fn(R) -> T,
    ) -> Page<T> {
        let more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let last = if more { rows.last().map(key) } else { rest };
        let next_page = last.map(|a| {
            let token = Token {
                b: self.binding.clone(),
                a,
            };
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
        });
        Page {
            items: rows.into_iter().map(view).collect(),
            next_page,
        }
    }
}

fn read(token: &str, binding: &str) -> Result<Vec<String>, fault::Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad_token())?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| bad_token())?;
    // A token is no secret: a forged one may say anything, but for the NUL that PostgreSQL's text cannot hold.
    let whole = !token.a.iter().any(|part| part.contains('\0'));
    if token.b == binding && whole {
        Ok(token.a)
    } else {
        Err(bad_token())
    }
}

fn bad_token() -> fault::Error {
    fault::Error::invalid(
        "?page_token",
        "is not a token of this list with these filters; start again without it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(tenant: TenantId, filter: &str, token: Option<&str>) -> Result<Window, fault::Error> {
        Window::parse(
            tenant,
            &Listing {
                limit: Some(2),
                page_token: token,
                filter,
            },
        )
    }

    #[test]
    fn t02_a_token_is_bound_to_tenant_and_filter() {
        let tenant = TenantId::mint();
        let first = window(tenant, "vms", None).unwrap();
        let page = first.page(vec![1, 2, 3], |row| vec![row.to_string()], |row| row);
        assert_eq!(page.items, [1, 2]);
        let token = page.next_page.unwrap();
        assert_eq!(
            window(tenant, "vms", Some(&token)).unwrap().after::<i32>(0).unwrap(),
            Some(2)
        );
        assert!(window(tenant, "hosts", Some(&token)).is_err());
        assert!(window(TenantId::mint(), "vms", Some(&token)).is_err());
        assert!(window(tenant, "vms", Some("junk")).is_err());
    }

    #[test]
    fn t51_a_forged_token_carries_no_nul() {
        let tenant = TenantId::mint();
        let binding = window(tenant, "vms", None).unwrap().binding;
        let forge = |key: &str| {
            let token = Token {
                b: binding.clone(),
                a: vec![key.to_owned()],
            };
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap())
        };
        assert!(window(tenant, "vms", Some(&forge("a"))).is_ok());
        assert!(window(tenant, "vms", Some(&forge("a\0"))).is_err());
    }

    #[test]
    fn the_last_page_has_no_next() {
        let window = window(TenantId::mint(), "vms", None).unwrap();
        assert_eq!(
            window
                .page(vec![1, 2], |row| vec![row.to_string()], |row| row)
                .next_page,
            None
        );
    }
}
