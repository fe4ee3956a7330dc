//! Every service on one database, reached without the gateway, so that a test can be any caller.

use std::collections::BTreeMap;

use auth::Caller;
use serde_json::Value;
use testkit::{Bench, Client, Reply};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Required};

/// One operation of the API.
#[derive(Clone)]
pub struct Op {
    pub id: String,
    pub method: reqwest::Method,
    pub path: String,
    pub service: &'static str,
    /// It asks for `If-Match`.
    pub guarded: bool,
}

/// All services, listening.
pub struct Services {
    pub bench: Bench,
    clients: BTreeMap<&'static str, Client>,
    files: tempfile::TempDir,
}

/// Every operation of the API.
pub fn operations() -> Vec<Op> {
    yunshud::openapi::parts()
        .iter()
        .flat_map(|(service, api)| of(service, api))
        .collect()
}

fn of(service: &'static str, api: &OpenApi) -> Vec<Op> {
    let paths = api.paths.paths.iter();
    paths
        .flat_map(|(path, item)| {
            methods(item).into_iter().map(move |(method, operation)| Op {
                id: operation.operation_id.clone().expect("every operation has an id"),
                method,
                path: path.clone(),
                service,
                guarded: is_guarded(operation),
            })
        })
        .collect()
}

fn is_guarded(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    let mut inline = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    inline.any(|header| header.name == "If-Match" && header.required == Required::True)
}

fn methods(item: &PathItem) -> Vec<(reqwest::Method, &Operation)> {
    use reqwest::Method;
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
        .collect()
}

impl Services {
    pub async fn start() -> Self {
        let bench = Bench::new().await;
        let files = tempfile::tempdir().expect("a directory");
        let key = bench.key.clone();
        let mut clients = BTreeMap::new();

        let deps = identity::Deps {
            db: bench.db("identity"),
            key: key.clone(),
            kek: bench.kek.clone(),
            issuer: "https://cloud.example".to_owned(),
        };
        let service = identity::Service::build(&identity::Settings::default(), deps).expect("identity");
        clients.insert("identity", bench.client(service.address()));
        bench.run(service.run(bench.shutdown.clone()));

        let settings = serde_json::json!({"images": files.path().join("images"), "uploads": files.path()});
        let settings: compute::Settings = serde_json::from_value(settings).expect("settings");
        let deps = compute::Deps {
            db: bench.db("compute"),
            key: key.clone(),
        };
        let service = compute::Service::build(&settings, deps).expect("compute");
        clients.insert("compute", bench.client(service.address()));
        bench.run(service.run(bench.shutdown.clone()));

        let deps = audit::Deps {
            db: bench.db("audit"),
            feed: events::Feed::postgres(),
            key: key.clone(),
            log: audit::Log::new("test/audit", &[7; 32]).expect("a log"),
        };
        let service = audit::Service::build(&audit::Settings::default(), deps).expect("audit");
        clients.insert("audit", bench.client(service.address()));
        bench.run(service.run(bench.shutdown.clone()));

        let deps = notify::Deps {
            db: bench.db("notify"),
            feed: events::Feed::postgres(),
            key,
        };
        let service = notify::Service::build(&notify::Settings::default(), deps).expect("notify");
        clients.insert("notify", bench.client(service.address()));
        bench.run(service.run(bench.shutdown.clone()));

        Self { bench, clients, files }
    }

    /// The service of an operation, as nobody.
    pub fn client(&self, service: &str) -> &Client {
        self.clients.get(service).expect("a service of that name")
    }

    /// A directory image sources may come from.
    pub fn uploads(&self) -> &std::path::Path {
        self.files.path()
    }

    /// Calls an operation with these path parameters and body; the head of a stream is all that is read of it.
    pub async fn call(
        &self,
        op: &Op,
        params: &dyn Fn(&str) -> String,
        body: Option<Value>,
        caller: Option<&Caller>,
    ) -> Reply {
        let client = self.client(op.service);
        let client = caller.map_or_else(|| client.clone(), |caller| client.caller(caller));
        let mut request = client
            .request(op.method.clone(), &fill(&op.path, params))
            .header("if-match", "*");
        if let Some(body) = body {
            request = request.json(&body);
        }
        client.head_of(request).await
    }
}

/// The path with its parameters put in.
pub fn fill(template: &str, params: &dyn Fn(&str) -> String) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("a closed parameter");
        path.push_str(before);
        path.push_str(&params(name));
        rest = after;
    }
    path + rest
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    sha2::Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes all");
            text
        })
}
