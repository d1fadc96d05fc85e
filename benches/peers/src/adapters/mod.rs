//! The peers. Each module has a `layer`, which gets its tokens from an issuer and puts them on the requests to the
//! service inside it.

pub(crate) mod azure;
pub(crate) mod cf_gears;
pub(crate) mod google;
pub(crate) mod huskarl;
pub(crate) mod kube;
pub(crate) mod middle;

use std::time::Duration;

use http::StatusCode;
use tower::ServiceExt;

use crate::{
    api::{API, Api},
    contenders::{Contender, REFRESHING, request},
    issuer::Issuer,
};

/// A contender, and what it can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) contender: Contender,
    /// Whether the first call fetches the token, and not the constructor.
    pub(crate) lazy: bool,
    /// Whether it does everything in tokio's time, which can be paused, and nothing over HTTP.
    pub(crate) pausable: bool,
    /// Whether it does something about a `401`.
    pub(crate) retries: bool,
}

const OTHERS: [Peer; 6] =
    [huskarl::PEER, azure::PEER, cf_gears::PEER, kube::PEER, google::PEER, middle::PEER];

const CRATES: [&str; 8] = [
    "tower-http",
    "tower",
    "cf-gears-toolkit-auth",
    "middle",
    "huskarl",
    "kube-client",
    "google-cloud-auth",
    "azure_core",
];

/// All who fetch tokens: ours and the hand-rolled cache first.
pub(crate) fn all() -> impl Iterator<Item = Peer> {
    let ours =
        REFRESHING.into_iter().map(|contender| Peer { contender, lazy: true, pausable: true, retries: true });
    ours.chain(others())
}

/// The peers alone.
pub(crate) fn others() -> impl Iterator<Item = Peer> {
    OTHERS.into_iter()
}

/// Every contender gets a token, and puts it on a request.
///
/// # Panics
///
/// If one does not: its numbers would be void.
pub(crate) fn check() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for Peer { contender, .. } in all() {
            let issuer = Issuer::new(Duration::from_millis(1), Duration::from_secs(3600));
            let client = (contender.make)(Api::new(issuer.clone())).await;
            let answer = client.oneshot(request(API)).await.expect("an answer");
            assert_eq!((answer.status(), issuer.requests()), (StatusCode::OK, 1), "{}", contender.name);
        }
    });
}

/// The versions of the peers that this program was built with.
pub(crate) fn versions() -> String {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let version = |name: &str| {
        // The last: other peers pull in older versions of tower-http.
        let (_, entry) = LOCK.rsplit_once(&format!("name = \"{name}\"\nversion = \""))?;
        entry.split_once('"').map(|(version, _)| format!("{name} {version}"))
    };
    CRATES.iter().filter_map(|name| version(name)).collect::<Vec<_>>().join(", ")
}
