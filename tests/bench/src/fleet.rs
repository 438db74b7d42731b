//! Fleets: what a server of discovery takes to keep many proxies true, and how long they wait for a change.
//!
//! The server is `burgee serve` over a base folder, as anybody runs it; the proxies are played here, each with a connection
//! and an incremental stream of its own. Both share the cores that there are.

mod door;
mod error;
mod proxy;
mod restart;
mod security;
mod server;
mod show;
mod tally;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;

pub(crate) use self::error::FleetError;
pub(crate) use self::show::text;

use self::door::Door;
use self::proxy::Proxy;
use self::restart::Restart;
use self::security::Security;
use self::server::Server;
use self::tally::Tally;
use self::world::World;
use crate::clock::median;

/// How many connections are opened at a time.
const CONNECTING: usize = 512;
/// How long it is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long nothing must have come for a change to be over.
const QUIET: Duration = Duration::from_millis(500);

/// What is measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How many proxies there are; each number is a variant, with a server of its own.
    pub proxies: Vec<u32>,
    /// How many documents there are.
    pub documents: u32,
    /// How many changes of each kind are made.
    pub rounds: u32,
    /// Whether proxies and server prove to each other who they are.
    pub has_tls: bool,
    /// Whether the base comes from another server.
    pub has_upstream: bool,
    /// The program `burgee`.
    pub program: PathBuf,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// How many documents there are, in how many namespaces.
    pub documents: u32,
    pub namespaces: u32,
    pub rounds: u32,
    pub tls: bool,
    pub upstream: bool,
    /// By number of proxies.
    pub variants: Vec<Variant>,
}

/// What was measured of one number of proxies.
#[derive(Debug, Serialize)]
pub(crate) struct Variant {
    pub proxies: u32,
    /// From the first connection until the last proxy has, and has said that it took, everything.
    pub storm: Cost,
    /// How many connections were turned away meanwhile, and tried again.
    pub turned_away: u64,
    /// A change for every proxy: from when the file is saved until the last answer.
    pub mesh: Cost,
    /// A change for some.
    pub some: Cost,
    pub memory: Memory,
    /// The server is killed and started again, and all come back at once.
    pub restart: Restart,
}

/// What something took: the median of the rounds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Cost {
    /// How many proxies it reached.
    pub proxies: usize,
    /// Seconds of the clock.
    pub seconds: f64,
    /// Seconds of a core that the server took.
    pub server_seconds: f64,
    /// How many responses came, and of how many bytes.
    pub responses: u64,
    pub bytes: u64,
}

/// What the server has in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// Before any proxy came.
    pub empty: u64,
    /// With all proxies in sync, after the changes.
    pub full: u64,
    /// The difference per proxy.
    pub per_proxy: f64,
}

/// Measures.
pub(crate) fn run(plan: &Plan) -> Result<Report, FleetError> {
    let most = plan.proxies.iter().copied().max().unwrap_or_default();
    raise_limit(most, plan.has_upstream)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(FleetError::io("start", "threads"))?;
    let mut variants = Vec::new();
    for proxies in &plan.proxies {
        variants.push(runtime.block_on(variant(plan, *proxies))?);
    }
    Ok(Report {
        documents: plan.documents,
        namespaces: world::NAMESPACES,
        rounds: plan.rounds,
        tls: plan.has_tls,
        upstream: plan.has_upstream,
        variants,
    })
}

/// As many open files as there are connections, here and, by inheritance, in the server. With an upstream that has two for
/// each proxy.
fn raise_limit(proxies: u32, has_upstream: bool) -> Result<(), FleetError> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let wanted = u64::from(proxies) * (1 + u64::from(has_upstream)) + 200;
    let refused = |errno: nix::errno::Errno| FleetError::io("read", "the limit of open files")(errno.into());
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(refused)?;
    if hard < wanted {
        return Err(FleetError::Files { wanted, hard });
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(refused)
}

async fn variant(plan: &Plan, proxies: u32) -> Result<Variant, FleetError> {
    let world = World::write(plan.documents)?;
    let security = plan.has_tls.then(Security::new).transpose()?.map(Arc::new);
    let upstream = match plan.has_upstream {
        true => Some(Server::start_upstream(&plan.program, &world).await?),
        false => None,
    };
    let mut server = Server::start(&plan.program, &world, security.as_deref(), upstream.as_ref()).await?;
    let tally = Arc::new(Tally::new());
    let measured = measure(plan, proxies, &world, &mut server, security, &tally).await;
    tally.end();
    measured.map_err(|error| match error {
        FleetError::Proxy { what, .. } => FleetError::Proxy { what, said: server.last_words() },
        other => other,
    })
}

async fn measure(
    plan: &Plan,
    proxies: u32,
    world: &World,
    server: &mut Server,
    security: Option<Arc<Security>>,
    tally: &Arc<Tally>,
) -> Result<Variant, FleetError> {
    let empty = server.memory()?;
    let before = server.time()?;
    let epoch = tally.next();
    let door = Arc::new(Door::new());
    connect(proxies, server.proxies(), security, tally, &door);
    tally.wait(PATIENCE, "every proxy has everything", || tally.in_sync() == proxies as usize).await?;
    let storm = Cost {
        proxies: proxies as usize,
        seconds: tally.since(epoch),
        server_seconds: server.time()?.saturating_sub(before).as_secs_f64(),
        responses: tally.responses(),
        bytes: tally.bytes(),
    };
    let turned_away = tally.tried_again();
    tally.quiet(QUIET).await;

    let (mut mesh, mut some) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        mesh.push(change(world, server, tally, proxies, world::Change::Mesh(round)).await?);
        some.push(change(world, server, tally, proxies, world::Change::App(round)).await?);
    }
    let full = server.memory()?;
    let memory =
        Memory { empty, full, per_proxy: full.saturating_sub(empty) as f64 / f64::from(proxies.max(1)) };
    let restart = restart::measure(proxies, server, tally, &door).await?;
    // They are served as before.
    change(world, server, tally, proxies, world::Change::Mesh(plan.rounds)).await?;
    Ok(Variant { proxies, storm, turned_away, mesh: medians(&mesh), some: medians(&some), memory, restart })
}

/// Opens every connection, some at a time.
fn connect(
    proxies: u32,
    server: SocketAddr,
    security: Option<Arc<Security>>,
    tally: &Arc<Tally>,
    door: &Arc<Door>,
) {
    let turns = Arc::new(Semaphore::new(CONNECTING));
    for number in 0..proxies {
        let proxy =
            Proxy { number, server, security: security.clone(), tally: tally.clone(), door: door.clone() };
        tokio::spawn(proxy.run(turns.clone()));
    }
}

/// Makes a change and waits until all whom it concerns have answered.
async fn change(
    world: &World,
    server: &Server,
    tally: &Tally,
    proxies: u32,
    change: world::Change,
) -> Result<Cost, FleetError> {
    let concerned = change.concerned(proxies) as usize;
    let (time, responses, bytes) = (server.time()?, tally.responses(), tally.bytes());
    let epoch = tally.next();
    world.save(change)?;
    tally.wait(PATIENCE, "a change has reached everybody", || tally.reached() >= concerned).await?;
    // What else comes of it, and to whom.
    tally.quiet(QUIET).await;
    tally.wait(PATIENCE, "every proxy has everything", || tally.in_sync() == proxies as usize).await?;
    if tally.reached() != concerned {
        return Err(FleetError::Reached { change: change.name(), concerned, reached: tally.reached() });
    }
    Ok(Cost {
        proxies: concerned,
        seconds: tally.since(epoch),
        server_seconds: server.time()?.saturating_sub(time).as_secs_f64(),
        responses: tally.responses() - responses,
        bytes: tally.bytes() - bytes,
    })
}

fn medians(rounds: &[Cost]) -> Cost {
    let of = |part: fn(&Cost) -> f64| median(rounds.iter().map(part).collect());
    let last = rounds.last().copied().unwrap_or_default();
    Cost { seconds: of(|cost| cost.seconds), server_seconds: of(|cost| cost.server_seconds), ..last }
}

#[cfg(test)]
mod tests;
