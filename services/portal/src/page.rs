use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use fault::{Error, Kind};

use crate::assets::Asset;
use crate::state::Portal;

/// A file of the portal, or its entry page for every address that only the application knows.
pub async fn page(request: HttpRequest, path: Path<String>, portal: Data<Portal>) -> Result<HttpResponse, Error> {
    let asset = portal.assets.find(&path).ok_or_else(|| Error::not_found("page"))?;
    Ok(send(asset, request.headers()))
}

/// There is nothing to change here.
pub async fn refuse() -> HttpResponse {
    let mut answer = Error::new(Kind::MethodNotAllowed, "Only GET, HEAD are answered here.").error_response();
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

fn send(asset: &Asset, headers: &HeaderMap) -> HttpResponse {
    let (body, encoding) = choose(asset, headers);
    // Each form is a representation with a tag of its own (RFC 9110, 8.8.3.3).
    let etag = format!("\"{}-{}\"", asset.digest, encoding.unwrap_or("plain"));
    let held = knows(headers, &etag);

    let mut answer = if held {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, asset.keep));
    if asset.brotli.is_some() || asset.gzip.is_some() {
        answer.insert_header((VARY, "accept-encoding"));
    }
    if held {
        return answer.finish();
    }
    if let Some(encoding) = encoding {
        answer.insert_header((CONTENT_ENCODING, encoding));
    }
    answer.content_type(asset.kind).body(body)
}

/// The smallest form that the client takes: brotli, gzip, plain.
fn choose(asset: &Asset, headers: &HeaderMap) -> (Bytes, Option<&'static str>) {
    let forms = [("br", &asset.brotli), ("gzip", &asset.gzip)];
    let taken = forms.into_iter().find_map(|(name, form)| {
        let form = form.as_ref().filter(|_| takes(headers, name))?;
        Some((form.clone(), Some(name)))
    });
    taken.unwrap_or_else(|| (asset.plain.clone(), None))
}

/// Does `Accept-Encoding` name this coding, and not with a weight of zero?
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case(coding) && !refused
    })
}

fn knows(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}
