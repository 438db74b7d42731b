//! Twenty proxies at a server in this process: they get everything, and changes reach those whom they concern.

use std::sync::Arc;
use std::time::Duration;

use burgee_overlay::{Delivery, Identity, Module, Options};
use burgee_server::base::Classes;
use burgee_server::fleet::{Fleet, Limits};
use burgee_server::holds::Holds;
use burgee_server::in_force::InForce;
use burgee_server::tls::{Tls, TlsFiles};
use burgee_server::{Discovery, listen};
use tokio::net::TcpListener;

use super::security::{Security, ServerFiles};
use super::tally::Tally;
use super::world::{Change, World, tests::policies};
use super::{connect, text};

const PROXIES: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(60);

fn in_force(world: &World) -> InForce {
    let module = Module { path: "/telemetry.wasm".to_owned(), sha256: "0".repeat(64), metrics: Vec::new() };
    let options = Options::new(module, Delivery::Aggregated, Identity::Node);
    InForce { policies: Arc::new(policies(world)), options: Arc::new(options), texts: Arc::new([]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_get_everything_and_changes_reach_those_whom_they_concern() {
    play(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_proxies_that_prove_who_they_are() {
    play(Some(Arc::new(Security::new().expect("certificates")))).await;
}

async fn play(security: Option<Arc<Security>>) {
    let world = World::write(200).expect("a mesh");
    let fleet = Arc::new(Fleet::new(Limits::default(), Holds::default()));
    fleet.rebase(Arc::new(Classes::load(&world.base()).0)).await;
    fleet.publish(in_force(&world)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tls = security.as_ref().map(|security| {
        let files = security.write(world.certificates()).expect("files");
        let ServerFiles { certificate, key, authority: authorities } = files;
        Arc::new(Tls::load(TlsFiles { certificate, key, authorities }).expect("files that can be used"))
    });
    tokio::spawn(listen::serve(listener, Discovery::new(fleet.clone(), None, "test"), tls));

    let tally = Arc::new(Tally::new());
    connect(PROXIES, address, security, &tally);
    tally
        .wait(PATIENCE, "every proxy has everything", || tally.in_sync() == PROXIES as usize)
        .await
        .expect("sync");
    assert_eq!(fleet.proxies().len(), PROXIES as usize);
    // Clusters, listeners, and the extension that these name.
    assert_eq!(tally.responses(), u64::from(PROXIES) * 3);

    for (change, concerned) in [(Change::Mesh(0), PROXIES), (Change::App(0), 10), (Change::App(1), 10)] {
        let before = tally.responses();
        let epoch = tally.next();
        world.save(change).expect("a change");
        let changed = fleet.publish(in_force(&world)).await.changed;
        assert_eq!(changed, concerned as usize, "{change:?}");
        // Of each a response, and the server has heard that it was taken.
        tally
            .wait(PATIENCE, "a change has reached everybody", || tally.reached() == changed)
            .await
            .expect("reached");
        let heard = async {
            while fleet.behind() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("the server hears that it was taken");
        assert_eq!(tally.responses() - before, u64::from(concerned), "{change:?}");
        assert!(tally.since(epoch) > 0.0);
    }
    assert!(fleet.proxies().iter().all(|proxy| proxy.status().refused.is_empty()));
    tally.end();
}

#[test]
fn a_result_is_shown_as_tables() {
    let cost = |proxies, seconds| super::Cost {
        proxies,
        seconds,
        server_seconds: 0.5,
        responses: 7,
        bytes: 2_000_000,
    };
    let variant = super::Variant {
        proxies: 100,
        storm: cost(100, 1.5),
        turned_away: 3,
        mesh: cost(100, 0.25),
        some: cost(10, 0.025),
        memory: super::Memory { empty: 50_000_000, full: 60_000_000, per_proxy: 100_000.0 },
    };
    let report = super::Report {
        documents: 1000,
        namespaces: 100,
        rounds: 5,
        tls: false,
        upstream: false,
        variants: vec![variant],
    };
    let text = text(&report);
    for shown in [
        "all connect",
        "1500 ms",
        "250 ms",
        "25 ms",
        "5000 µs",
        "50000 µs",
        "100.0 kB",
        "60.0 MB",
        "\n3 connections of 100 proxies",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
}
