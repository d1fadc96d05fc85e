//! The scenarios, with the peers in them.

use std::{convert::Infallible, thread, time::Duration};

use futures::future::join_all;
use http::Request;
use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
};
use toolkit_http::HttpError;
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::BoxError;

use crate::{
    adapters::{self, Peer, azure, cf_gears, google, huskarl, kube, middle},
    api::API,
    contenders::{Body, Contender, HandRolled, request},
    cost::{self, Row},
    faults::{self, Fault},
    issuer::Issuer,
    load,
    throughput::{self, Bare, Connected, HttpClient, Threaded},
};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn issuer() -> Issuer {
    Issuer::new(Duration::ZERO, Duration::from_secs(3600))
}

pub(crate) fn two_threads() {
    let runtime = runtime();
    let peers = runtime.block_on(async {
        let bare = Bare::<Infallible>::new();
        vec![
            threaded("lock across await", HandRolled::new(bare.clone(), issuer())).await,
            threaded(
                cf_gears::PEER.contender.name,
                cf_gears::layer(issuer()).await.layer(Bare::<cf_gears::InnerError>::new()),
            )
            .await,
            threaded(middle::PEER.contender.name, middle::layer(issuer()).await.layer(bare.clone())).await,
            threaded(huskarl::PEER.contender.name, huskarl::layer(issuer()).layer(bare.clone())).await,
            threaded(
                kube::PEER.contender.name,
                kube::layer(issuer()).await.layer(Bare::<kube::InnerError>::new()),
            )
            .await,
            threaded(google::PEER.contender.name, google::layer(issuer()).await.layer(bare.clone())).await,
            threaded(azure::PEER.contender.name, azure::layer(issuer()).layer(bare)).await,
        ]
    });
    throughput::two_threads(peers);
}

/// With a token.
async fn threaded<S>(name: &'static str, service: S) -> Threaded
where
    S: Service<Request<Body>> + Clone + Send + 'static,
{
    assert!(service.clone().oneshot(request(API)).await.is_ok(), "{name} has no token");
    Threaded::new(name, service)
}

pub(crate) fn loopback() {
    throughput::loopback(async |client: HttpClient| {
        let for_cf_gears = client.clone().map_err(|error| HttpError::Transport(Box::new(error)));
        let for_kube = client.clone().map_err(BoxError::from);
        vec![
            Connected::new("lock across await", HandRolled::new(client.clone(), issuer())),
            Connected::new(
                cf_gears::PEER.contender.name,
                cf_gears::layer(issuer()).await.layer(for_cf_gears),
            ),
            Connected::new(middle::PEER.contender.name, middle::layer(issuer()).await.layer(client.clone())),
            Connected::new(huskarl::PEER.contender.name, huskarl::layer(issuer()).layer(client.clone())),
            Connected::new(kube::PEER.contender.name, kube::layer(issuer()).await.layer(for_kube)),
            Connected::new(google::PEER.contender.name, google::layer(issuer()).await.layer(client.clone())),
            Connected::new(azure::PEER.contender.name, azure::layer(issuer()).layer(client)),
        ]
    });
}

pub(crate) fn cold_herd() {
    let (able, unable): (Vec<Peer>, Vec<Peer>) = adapters::all().partition(|peer| peer.lazy);
    load::cold_herd(&contenders(able));
    print_unable(&unable);
}

pub(crate) fn renewal() {
    load::renewal(&contenders(adapters::all()));
}

fn contenders(peers: impl IntoIterator<Item = Peer>) -> Vec<Contender> {
    peers.into_iter().map(|peer| peer.contender).collect()
}

/// In tokio's paused time where it can be, so that nothing but the contender decides about the outcome.
pub(crate) fn fault(fault: &'static Fault, able: fn(&Peer) -> bool) {
    let (able, unable): (Vec<Peer>, Vec<Peer>) = adapters::all().partition(able);
    let runtime = runtime();
    fault.print_columns();
    for Peer { contender, pausable, .. } in able {
        let cells = if pausable {
            fault.run_paused(contender)
        } else {
            let run = runtime.spawn(fault.run(contender));
            runtime.block_on(run).expect("it does not panic")
        };
        faults::print(contender.name, &cells);
    }
    print_unable(&unable);
}

/// Each peer in paused time, or at the same time in real time and not for as long.
pub(crate) fn cost() {
    const DURATION: Duration = Duration::from_secs(90);
    let peers = adapters::others().filter(|peer| peer.retries);
    let (pausable, others): (Vec<Peer>, Vec<Peer>) = peers.partition(|peer| peer.pausable);
    let rows = thread::scope(|scope| {
        let others: Vec<_> = others
            .into_iter()
            .map(|peer| scope.spawn(move || in_real_time(peer.contender, DURATION)))
            .collect();
        let mut rows: Vec<Row> = cost::DEFAULTS.map(Row::paused).into();
        rows.extend(contenders(pausable).into_iter().map(Row::paused));
        rows.extend(others.into_iter().map(|row| row.join().expect("it does not panic")));
        rows
    });
    cost::print(&rows);
}

/// All worlds at once.
fn in_real_time(contender: Contender, duration: Duration) -> Row {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run = cost::columns().map(|(world, processes)| world.run(contender, processes, duration));
    let outcomes = LocalSet::new().block_on(&runtime, join_all(run));
    Row { name: contender.name, outcomes }
}

fn print_unable(peers: &[Peer]) {
    for peer in peers {
        println!("{:24} {:>26}", peer.contender.name, "—");
    }
}
