//! Twenty proxies at a server in this process: they get everything, changes reach those whom they concern, and who comes back
//! to another server is sent nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use burgee_api::resolve::PolicySet;
use burgee_api::resources::Resources;
use burgee_overlay::{Delivery, Identity, Module, Options};
use burgee_server::base::Classes;
use burgee_server::fleet::{Fleet, Limits};
use burgee_server::holds::Holds;
use burgee_server::in_force::InForce;
use burgee_server::tls::{Tls, TlsFiles};
use burgee_server::upstream::Upstream;
use burgee_server::{Discovery, listen};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::door::Door;
use super::restart::{Connected, come_back};
use super::security::{Security, ServerFiles};
use super::tally::Tally;
use super::world::{Change, World, tests::policies};
use super::{FleetError, connect, text};

const PROXIES: u32 = 20;
/// What each has: clusters, listeners and an extension.
const RESOURCES: u64 = 21 + 3 + 2;
const PATIENCE: Duration = Duration::from_secs(60);

fn in_force(world: &World) -> InForce {
    let module = Module { path: "/telemetry.wasm".to_owned(), sha256: "0".repeat(64), metrics: Vec::new() };
    let options = Options::new(module, Delivery::Aggregated, Identity::Node);
    InForce { policies: Arc::new(policies(world)), options: Arc::new(options), texts: Arc::new([]) }
}

/// What a server gives before documents.
#[derive(Clone, Copy)]
enum Base {
    Folder,
    Upstream(SocketAddr),
}

/// A server in this process, with threads of its own, so that it can be killed.
struct Played {
    runtime: Runtime,
    fleet: Arc<Fleet>,
    address: SocketAddr,
}

impl Played {
    async fn start(world: &World, base: Base, security: Option<&Security>, at: SocketAddr) -> Played {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread");
        let fleet = Arc::new(Fleet::new(Limits::default(), Holds::default()));
        let upstream = match base {
            Base::Folder => {
                fleet.rebase(Arc::new(Classes::load(&world.base()).0)).await;
                None
            }
            Base::Upstream(at) => Some(Arc::new(Upstream::new(&format!("xds://{at}")).expect("an address"))),
        };
        let listener = std::net::TcpListener::bind(at).expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let tls = security.map(|security| {
            let files = security.write(world.certificates()).expect("files");
            let ServerFiles { certificate, key, authority: authorities } = files;
            Arc::new(Tls::load(TlsFiles { certificate, key, authorities }).expect("files that can be used"))
        });
        let discovery = Discovery::new(fleet.clone(), upstream, "test");
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            listen::serve(listener, discovery, tls).await;
        });
        Played { runtime, fleet, address }
    }

    /// Waits until nothing of it is left.
    async fn kill(self) -> SocketAddr {
        let Played { runtime, address, .. } = self;
        tokio::task::spawn_blocking(move || drop(runtime)).await.expect("its end");
        address
    }

    async fn connected(&self) -> Result<Connected, FleetError> {
        Ok(Connected { connected: self.fleet.proxies().len(), behind: self.fleet.behind() })
    }
}

fn free() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_get_everything_and_changes_reach_those_whom_they_concern() {
    let world = World::write(200).expect("a mesh");
    play(&world, Base::Folder, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_proxies_that_prove_who_they_are() {
    let world = World::write(200).expect("a mesh");
    play(&world, Base::Folder, Some(Arc::new(Security::new().expect("certificates")))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_proxies_of_a_server_whose_base_another_one_gives() {
    let world = World::write(200).expect("a mesh");
    let upstream = Played::start(&world, Base::Folder, None, free()).await;
    upstream
        .fleet
        .publish(InForce { policies: Arc::new(PolicySet::new(Resources::default())), ..in_force(&world) })
        .await;
    play(&world, Base::Upstream(upstream.address), None).await;
    upstream.kill().await;
}

async fn play(world: &World, base: Base, security: Option<Arc<Security>>) {
    let mut server = Played::start(world, base, security.as_deref(), free()).await;
    server.fleet.publish(in_force(world)).await;
    let (tally, door) = (Arc::new(Tally::new()), Arc::new(Door::new()));
    connect(PROXIES, server.address, security.clone(), &tally, &door);
    tally
        .wait(PATIENCE, "every proxy has everything", || tally.in_sync() == PROXIES as usize)
        .await
        .expect("sync");
    assert_eq!(server.fleet.proxies().len(), PROXIES as usize);
    // Clusters, listeners, and the extension that these name.
    match base {
        Base::Folder => assert_eq!(tally.responses(), u64::from(PROXIES) * 3),
        // The cluster of a collector comes when it is known which listeners there are to need it.
        Base::Upstream(_) => assert!(tally.responses() <= u64::from(PROXIES) * 4, "{}", tally.responses()),
    }
    assert_eq!(tally.resources(), u64::from(PROXIES) * RESOURCES);

    for (change, concerned) in [(Change::Mesh(0), PROXIES), (Change::App(0), 10), (Change::App(1), 10)] {
        reaches(world, &server, &tally, change, concerned).await;
    }
    door.shut();
    let address = server.kill().await;
    server = Played::start(world, base, security.as_deref(), address).await;
    server.fleet.publish(in_force(world)).await;
    let back = come_back(PROXIES as usize, &tally, &door, || server.connected()).await.expect("no response");
    assert_eq!((back.cost.proxies, back.cost.responses), (PROXIES as usize, 0));
    reaches(world, &server, &tally, Change::Mesh(1), PROXIES).await;

    // A server that has other documents does send something to who comes back.
    door.shut();
    let address = server.kill().await;
    server = Played::start(world, base, security.as_deref(), address).await;
    world.save(Change::App(2)).expect("a change");
    server.fleet.publish(in_force(world)).await;
    let pushed = come_back(PROXIES as usize, &tally, &door, || server.connected()).await;
    assert!(matches!(pushed, Err(FleetError::Pushed { responses: 10, .. })), "{pushed:?}");
    assert!(server.fleet.proxies().iter().all(|proxy| proxy.status().refused.is_empty()));
    tally.end();
    server.kill().await;
}

/// Makes a change: whom it concerns is sent a response, and the server hears that it was taken.
async fn reaches(world: &World, server: &Played, tally: &Tally, change: Change, concerned: u32) {
    let before = tally.responses();
    let epoch = tally.next();
    world.save(change).expect("a change");
    let changed = server.fleet.publish(in_force(world)).await.changed;
    assert_eq!(changed, concerned as usize, "{change:?}");
    tally
        .wait(PATIENCE, "a change has reached everybody", || tally.reached() == changed)
        .await
        .expect("reached");
    let heard = async {
        while server.fleet.behind() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the server hears that it was taken");
    assert_eq!(tally.responses() - before, u64::from(concerned), "{change:?}");
    assert!(tally.since(epoch) > 0.0);
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
        restart: super::Restart {
            start: 0.9,
            connected: 0.7,
            cost: super::Cost { responses: 0, ..cost(100, 0.8) },
            turned_away: 4,
            memory: 70_000_000,
        },
    };
    let report = super::Report {
        documents: 1000,
        namespaces: 100,
        rounds: 5,
        tls: false,
        upstream: true,
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
        "comes from another server",
        "all come back",
        "900 ms",
        "700 ms",
        "800 ms",
        "70.0 MB",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
}
