use actix_web::body::SizedStream;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use db::Reason;
use host_api::Sha256;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use web::{AsCertificate, Refusals};

use super::speaker;
use crate::state::Compute;
use crate::store;

/// How much is read at once. Bytes.
const PIECE: usize = 128 * 1024;

/// An image file's path. Nothing but a digest parses, so it can be a file name.
#[derive(Debug, Deserialize)]
pub struct InFile {
    /// The digest of its bytes.
    pub sha256: Sha256,
}

/// Hands an image file to a host.
#[utoipa::path(
    operation_id = "download_image_file",
    tag = "hypervisor",
    description = "The bytes of one file of an image, or of a machine on the host whose image is gone.",
    params((
        "sha256" = String, Path, description = "The digest of its bytes",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )),
    responses((status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream"), Refusals),
    security(("mtls" = [])),
)]
#[get("/hypervisor/images/{sha256}")]
pub async fn download_image_file(
    ask: AsCertificate,
    path: Path<InFile>,
    compute: Data<Compute>,
) -> Result<HttpResponse, fault::Error> {
    let mut tx = compute.db.system(Reason::Host).await?;
    let host = speaker(&mut tx, &ask.fingerprint).await?.host;
    let known = store::images::is_for_host(&mut tx, host, &path.sha256).await?;
    drop(tx);

    let file = if known {
        compute.blobs.read(&path.sha256).await
    } else {
        Ok(None)
    };
    let (file, length) = file.map_err(unreadable)?.ok_or_else(|| missing(known, &path.sha256))?;

    let body = SizedStream::new(length, pieces(file, length));
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(body))
}

fn unreadable(error: std::io::Error) -> fault::Error {
    fault::Error::unavailable("The image file cannot be read right now.", 10).private(error)
}

/// A file that should be there and is not is ours to mend.
fn missing(known: bool, digest: &Sha256) -> fault::Error {
    if known {
        tracing::error!(%digest, "an image file is missing: put it back into the image folder, or delete the image");
    }
    fault::Error::not_found("image file")
}

/// The file, piece by piece; what is longer than announced is not sent.
fn pieces(file: File, length: u64) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    futures::stream::try_unfold(file.take(length), async |mut file| {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece).await?;
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{sha256, start};

    #[tokio::test]
    async fn a_host_gets_the_bytes_of_images_and_of_nothing_else() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        test.image(&operator, "debian").await;
        let machine = test.certificate(&host.fingerprint);
        let path = format!("/api/v1/hypervisor/images/{}", sha256(b"kernel of debian"));
        let got = machine.get(&path).await.expect(200);
        assert_eq!(
            (got.text.as_str(), got.header("content-length")),
            ("kernel of debian", "16")
        );

        std::fs::write(test.folder.images().join(sha256(b"stray")), b"stray").unwrap();
        machine
            .get(&format!("/api/v1/hypervisor/images/{}", sha256(b"stray")))
            .await
            .expect(404);
        for bad in ["..%2F..%2Fetc%2Fpasswd", "passwd", &"A".repeat(64), &"a".repeat(63)] {
            machine
                .get(&format!("/api/v1/hypervisor/images/{bad}"))
                .await
                .expect(404);
        }
    }

    #[tokio::test]
    async fn a_large_file_arrives_whole() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let bytes: String = (0..400_000)
            .map(|n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap()))
            .collect();
        test.kernel(&operator, "large", bytes.as_bytes()).await;
        let path = format!("/api/v1/hypervisor/images/{}", sha256(bytes.as_bytes()));
        let got = test.certificate(&host.fingerprint).get(&path).await.expect(200);
        assert_eq!(sha256(got.text.as_bytes()), sha256(bytes.as_bytes()));
    }

    #[tokio::test]
    async fn strangers_get_none() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        test.image(&operator, "debian").await;
        let path = format!("/api/v1/hypervisor/images/{}", sha256(b"kernel of debian"));
        test.certificate(&sha256(b"stranger")).get(&path).await.expect(401);
        operator.get(&path).await.expect(401);
        test.client.get(&path).await.expect(401);
    }
}
