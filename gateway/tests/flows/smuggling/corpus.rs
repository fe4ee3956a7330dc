//! Requests that must be refused, each with a second one behind it that must not be seen.

pub const HOST: &str = "Host: cloud.example\r\n";
pub const SECOND: &str = "GET /smuggled HTTP/1.1\r\nHost: cloud.example\r\n\r\n";

/// An open operation with these headers and this body.
pub fn login(headers: &str, body: &str) -> String {
    format!("POST /api/v1/auth/login HTTP/1.1\r\n{HOST}{headers}\r\n{body}")
}

fn page(headers: &str, body: &str) -> String {
    format!("GET /page HTTP/1.1\r\n{HOST}{headers}\r\n{body}")
}

/// The same headers and body in several requests.
fn carried(headers: &str, body: &str) -> [String; 3] {
    let between = format!("Accept: */*\r\n{headers}X-Last: 1\r\n");
    [login(headers, body), page(headers, body), login(&between, body)]
}

pub fn refused() -> Vec<String> {
    let parts = [lengths(), codings(), lines(), chunks(), line_ends(), heads()];
    parts.into_iter().flatten().collect()
}

fn lengths() -> Vec<String> {
    let length = SECOND.len().to_string();
    let mut corpus = Vec::new();
    for (one, two) in [
        ("5", "6"),
        ("5", "5"),
        ("0", length.as_str()),
        (length.as_str(), "0"),
        ("5", "x"),
        ("", "5"),
    ] {
        corpus.extend(carried(
            &format!("Content-Length: {one}\r\nContent-Length: {two}\r\n"),
            SECOND,
        ));
    }
    for value in [
        "5, 5",
        "5,6",
        "+5",
        "-5",
        "0x5",
        "5 5",
        "5;",
        "",
        "1e1",
        "٥",
        "18446744073709551616",
        "5\u{b}",
        "5\u{0}",
        "five",
        "5.0",
        "0,5",
        "99999999999999999999999999",
    ] {
        corpus.extend(carried(&format!("Content-Length: {value}\r\n"), SECOND));
    }
    corpus
}

fn codings() -> Vec<String> {
    let chunked = format!("0\r\n\r\n{SECOND}");
    let mut corpus = Vec::new();
    corpus.extend(carried("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &chunked));
    corpus.extend(carried("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunked));
    corpus.extend(carried("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", &chunked));
    for value in [
        "xchunked",
        "chunked, chunked",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "gzip",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunk\u{0}ed",
        "identity",
        "",
        ",chunked",
        "chunked,",
        "cow",
        "x: chunked",
        "chunked chunked",
        "'chunked'",
        "deflate",
        "compress, chunked",
    ] {
        corpus.extend(carried(&format!("Transfer-Encoding: {value}\r\n"), &chunked));
    }
    for twice in ["chunked", "identity", "gzip", ""] {
        let headers = format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: {twice}\r\n");
        corpus.extend(carried(&headers, &chunked));
    }
    let padded = format!("Transfer-Encoding: {}chunked\r\n", " ".repeat(300));
    corpus.extend(carried(&padded, &chunked));
    corpus.push(format!(
        "POST /api/v1/auth/login HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunked}"
    ));
    corpus
}

fn lines() -> Vec<String> {
    let mut corpus = Vec::new();
    for line in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked",
        "Transfer-Encoding:\n chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X:\0\r\nTransfer-Encoding: chunked",
        "Transfer\u{0}-Encoding: chunked",
        "Transfer-Encoding\u{0}: chunked",
        "Content-Length : 5",
        " Content-Length: 5",
        "X: y\n\r\nContent-Length: 5",
        "Content-Length: 5\r\n 6",
        "Content-Length:\r\n 5",
        "X y: 1",
        ": nameless",
        "X",
        "X: y\r\n folded",
        "X: y\r\n\tfolded",
        "(X): y",
        "X\u{7f}: y",
        "Host: other",
    ] {
        corpus.extend(carried(&format!("{line}\r\n"), &format!("0\r\n\r\n{SECOND}")));
    }
    corpus
}

fn chunks() -> Vec<String> {
    let mut corpus = Vec::new();
    for body in [
        "G\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhellohello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "5;a=\u{0}\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5,\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n folded\r\n\r\n",
    ] {
        corpus.extend(carried("Transfer-Encoding: chunked\r\n", &format!("{body}{SECOND}")));
    }
    corpus
}

/// Every end of a line of a good request, ended in every other way.
fn line_ends() -> Vec<String> {
    let good = login(
        "Transfer-Encoding: chunked\r\n",
        "5;a=b\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n",
    );
    let ends: Vec<usize> = good.match_indices("\r\n").map(|(at, _)| at).collect();
    let mut corpus = Vec::new();
    for at in ends {
        for other in ["\n", "\r", "\r\r\n", "\n\r", "\u{b}\r"] {
            corpus.push(format!("{}{other}{}{SECOND}", &good[..at], &good[at + 2..]));
        }
    }
    corpus
}

fn heads() -> Vec<String> {
    vec![
        format!("POST /api/v1/auth/login HTTP/1.1\n{HOST}\n{SECOND}"),
        "GET / HTTP/1.1\nHost: cloud.example\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: cloud.example\nX: y\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: cloud.example\r\n\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        format!("GET  / HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET / HTTP/1.1 \r\n{HOST}\r\n"),
        format!("GET /\r\n{HOST}\r\n"),
        format!("GET / HTTP/2.0\r\n{HOST}\r\n"),
        format!("GET / HTTP/1.12\r\n{HOST}\r\n"),
        format!("GET / http/1.1\r\n{HOST}\r\n"),
        format!("GET\u{0} / HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET /a b HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET http://cloud.example/ HTTP/1.1\r\n{HOST}\r\n{SECOND}"),
        format!("GET http://127.0.0.1/smuggled HTTP/1.1\r\n{HOST}\r\n"),
        format!("CONNECT cloud.example:443 HTTP/1.1\r\n{HOST}\r\n{SECOND}"),
        format!("GET / HTTP/1.1\r\n{HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n{SECOND}"),
        format!("GET / HTTP/1.1\r\n{HOST}Upgrade: WebSocket\r\n\r\n{SECOND}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SECOND}"),
    ]
}
