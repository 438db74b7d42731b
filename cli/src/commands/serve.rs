//! `burgee serve`: keeps every proxy that connects true to documents, over any base.

mod documents;
mod log;
mod mesh;
mod publish;
mod state;
mod traces;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use burgee_api::{Problem, Severity};
use burgee_server::admin::Admin;
use burgee_server::base::Classes;
use burgee_server::fleet::{Fleet, Limits, Step};
use burgee_server::holds::Holds;
use burgee_server::in_force::InForce;
use burgee_server::status::ProblemReport;
use burgee_server::tls::{Tls, TlsFiles};
use burgee_server::upstream::Upstream;
use burgee_server::{Discovery, listen};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, sleep};

use self::documents::{Documents, Read};
use self::mesh::Mesh;
use self::publish::Publisher;
use self::state::State;
use crate::following::again::Again;
use crate::following::watch::{Change, Watch};
use crate::plan::{ServeBase, ServePlan};
use crate::{Failure, Outcome, plugin_modules, report};

/// How long everything must be quiet before it is read. Short, since it is read until it stays the same.
const QUIET: Duration = Duration::from_millis(40);
/// How many connections may wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 8192;
/// How many files a server has open beside the connections of proxies: those of strangers, and its own.
const OTHER_FILES: usize = 2048;
/// How often certificates are looked at, which in a mesh live for hours, and what failed is tried again.
const LOOK: Duration = Duration::from_secs(2);

/// Runs it.
pub(crate) fn run(plan: &ServePlan) -> Result<Outcome, Failure> {
    log::begin(plan.log, plan.log_level);
    allow_connections(plan.max_proxies);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(super::THREAD_STACK)
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}"), ""))?;
    let outcome = runtime.block_on(serve(plan));
    runtime.shutdown_background();
    outcome
}

/// Allows as many open files as there may be connections, as far as the system lets a process do so for itself.
fn allow_connections(proxies: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let wanted = u64::try_from(proxies.saturating_add(OTHER_FILES)).unwrap_or(u64::MAX);
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let raised = wanted.min(most);
    let allowed =
        if now < raised && setrlimit(Resource::RLIMIT_NOFILE, raised, most).is_ok() { raised } else { now };
    if allowed < wanted {
        ::log::info!(target: "connection", "the system allows this server {allowed} open files, which is too few for \
            {proxies} proxies: raise its limit (ulimit -Hn, LimitNOFILE=), or name fewer with --max-proxies");
    }
}

async fn serve(plan: &ServePlan) -> Result<Outcome, Failure> {
    let mut ending = super::up::Ending::new()?;
    let tls = plan.tls.clone().map(tls).transpose()?;
    // Before anything else that takes time: a port that is taken is told at once.
    let proxies = bind("--listen", plan.listen)?;
    let admin = bind("--admin", plan.admin)?;
    let state = State::open(plan)?;
    let publisher = Publisher::new(plan)?;
    let fleet = Fleet::new(Limits { proxies: plan.max_proxies, ..Limits::default() }, Holds::default());
    let fleet = Arc::new(fleet);
    if let Some(collector) = &plan.otlp {
        traces::begin(collector, &fleet)?;
    }
    let mut server = Server {
        upstream: match &plan.base {
            ServeBase::Upstream(upstream) => Some(upstream.clone()),
            ServeBase::Folder(_) | ServeBase::Loopback => None,
        },
        plan,
        fleet,
        documents: Documents::default(),
        publisher,
        state,
        classes: None,
        mesh: None,
        problems: Told::default(),
        again: Again::default(),
        unread: None,
        unsaved: None,
    };
    let work = async {
        server.begin().await?;
        let serving = Admin { fleet: server.fleet.clone(), upstream: server.upstream.clone() };
        let (at, admin_at) = (local(&proxies)?, local(&admin)?);
        tokio::spawn(burgee_server::admin::serve(admin, serving));
        let discovery =
            Discovery::new(server.fleet.clone(), server.upstream.clone(), &format!("burgee {at}"));
        tokio::spawn(listen::serve(proxies, discovery, tls.clone()));
        let how = if tls.is_some() { "with mutual TLS" } else { "without TLS" };
        report::aside(&format!("serving proxies at {at} {how}; status at http://{admin_at}/v1/status"));
        server.start_proxies(at).await?;
        server.follow(tls).await
    };
    let outcome = tokio::select! {
        outcome = work => outcome.map(|()| Outcome::Done),
        name = ending.wait() => {
            report::aside(&format!("{name}: ending; proxies keep what they have"));
            Ok(Outcome::Done)
        }
    };
    match server.mesh.take() {
        // Nobody else serves its proxies.
        Some(mesh) => mesh.stop().await,
        None => drain(&server.fleet, Duration::from_secs(plan.drain)).await,
    }
    outcome
}

/// Has proxies leave.
async fn drain(fleet: &Fleet, most: Duration) {
    fleet.end();
    let until = Instant::now() + most;
    while !fleet.proxies().is_empty() && Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
    }
}

fn tls(files: TlsFiles) -> Result<Arc<Tls>, Failure> {
    Ok(Arc::new(Tls::load(files).map_err(super::failure)?))
}

/// Listens at an address. A fleet that comes back at once waits in line rather than being turned away.
fn bind(flag: &str, address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    let listen = || -> std::io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| {
        Failure::new(
            format!("{flag} {address} cannot be listened on: {error}"),
            format!("name another one with {flag} ADDRESS:PORT; port 0 takes any that is free"),
        )
    })
}

fn local(listener: &TcpListener) -> Result<std::net::SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::new(format!("no address: {error}"), ""))
}

/// What is told when documents cannot be read.
fn not_read(failure: &Failure) -> Problem {
    let problem = Problem::new(Severity::Error, crate::codes::NOT_READ, failure.message.clone());
    problem.help(failure.help.clone())
}

/// What of problems is not among those that were told before.
fn untold(problems: &[Problem], told: &[Problem]) -> Vec<Problem> {
    problems.iter().filter(|problem| !told.contains(problem)).cloned().collect()
}

/// What is wrong with the documents, with the base, and with the mesh on loopback.
#[derive(Default)]
struct Told {
    documents: Vec<Problem>,
    base: Vec<Problem>,
    mesh: Vec<Problem>,
}

/// What runs.
struct Server<'p> {
    plan: &'p ServePlan,
    fleet: Arc<Fleet>,
    upstream: Option<Arc<Upstream>>,
    documents: Documents,
    publisher: Publisher,
    state: State,
    classes: Option<Classes>,
    /// The mesh on loopback, where that is the base.
    mesh: Option<Mesh>,
    problems: Told,
    again: Again,
    /// Why the documents could not be read, if they could not be.
    unread: Option<String>,
    /// Why what outlives the server could not be kept, if it could not be.
    unsaved: Option<String>,
}

impl Server<'_> {
    /// Puts in force what there is.
    async fn begin(&mut self) -> Result<(), Failure> {
        let restored = tokio::task::block_in_place(|| self.state.restore(&self.publisher));
        if let Some(restored) = restored {
            self.fleet.restore(restored.holds);
            self.publisher.remember(&restored.resources, &restored.modules);
            self.documents.restored(restored.resources, restored.texts);
        }
        if let ServeBase::Folder(_) = &self.plan.base {
            self.read_base().await?;
        }
        let mut unread = None;
        let begun = std::time::Instant::now();
        let read = match tokio::task::block_in_place(|| self.documents.read(&self.plan.files)) {
            Ok(read) => read,
            Err(failure) => {
                let Some(read) = self.documents.instead_of_unread(not_read(&failure)) else {
                    return Err(failure);
                };
                unread = Some(failure.message);
                read
            }
        };
        if read.usable.is_mesh_lost {
            report::print_aside(&read.problems, &read.texts);
            return Err(Failure::new(
                "the mesh's configuration is wrong, and there is none that was good before",
                "mend what is told above",
            ));
        }
        if let ServeBase::Loopback = &self.plan.base {
            let mesh = Mesh::start(&read.usable.resources, &read.texts, self.publisher.telemetry()).await?;
            self.publisher.know(mesh.index());
            self.mesh = Some(mesh);
        }
        let reading = Step::since("read", begun);
        self.take(read, Change { is_of_module: true }, false, reading).await;
        self.unread = unread;
        Ok(())
    }

    /// Starts the proxies of the mesh on loopback, if that is the base.
    async fn start_proxies(&mut self, at: std::net::SocketAddr) -> Result<(), Failure> {
        let Some(mesh) = &mut self.mesh else { return Ok(()) };
        mesh.start_proxies(&self.fleet.in_force().0, at).await?;
        report::aside(&mesh.described());
        self.look_at_mesh();
        Ok(())
    }

    /// Gives proxies of the mesh on loopback what they get before policies, and says what is wrong with what runs.
    async fn follow_mesh(&mut self, in_force: &InForce) {
        let Some(mesh) = &mut self.mesh else { return };
        if self.fleet.is_ready(false) {
            mesh.take(self.documents.resources(), in_force);
        }
        let (classes, problems) = mesh.classes(in_force);
        self.rebase(classes, problems).await;
        self.look_at_mesh();
    }

    /// Says what is wrong with what runs on loopback, once.
    fn look_at_mesh(&mut self) {
        let Some(mesh) = &self.mesh else { return };
        let problems = mesh.problems();
        if problems == self.problems.mesh {
            return;
        }
        log::problems(self.plan.log, &untold(&problems, &self.problems.mesh), self.documents.texts());
        self.problems.mesh = problems;
        self.tell();
    }

    /// Follows documents, base and proxies, until this is dropped.
    async fn follow(&mut self, tls: Option<Arc<Tls>>) -> Result<(), Failure> {
        let mut watch = self.watch_documents()?;
        let mut bases = match &self.plan.base {
            ServeBase::Folder(folder) => Some(Watch::with_quiet(folder, QUIET)?),
            ServeBase::Upstream(_) | ServeBase::Loopback => None,
        };
        // What changed since it was read takes effect too.
        watch.assume(Change::default());
        let mut held = self.fleet.held();
        let mut look = tokio::time::interval(LOOK);
        loop {
            let base = async {
                match &mut bases {
                    Some(bases) => bases.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                change = watch.next() => {
                    self.read_documents(change, false).await;
                    self.watch_modules(&mut watch);
                }
                () = self.again.wait() => self.read_documents(Change { is_of_module: true }, true).await,
                _ = base => self.read_base().await?,
                Ok(()) = held.changed() => self.save(),
                _ = look.tick() => {
                    match tls.as_ref().map(|tls| tls.reload()) {
                        Some(Ok(true)) => ::log::info!(target: "tls", "other certificates are in use for new connections"),
                        Some(Err(error)) => ::log::error!(target: "tls", "{error}; what was read before counts on"),
                        Some(Ok(false)) | None => {}
                    }
                    // Nobody tells when there is room on a disk again, or a file may be opened.
                    if self.unsaved.is_some() {
                        self.save();
                    }
                    if self.unread.is_some() {
                        self.read_documents(Change::default(), false).await;
                    }
                    self.look_at_mesh();
                }
            }
        }
    }

    fn watch_documents(&self) -> Result<Watch, Failure> {
        let first = self.plan.files.first().map_or(Path::new("."), PathBuf::as_path);
        let folder = match first.parent() {
            // A file that is written anew is another file, so its folder is watched.
            Some(parent) if !first.is_dir() && parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) if !first.is_dir() => parent,
            _ => first,
        };
        let mut watch = Watch::with_quiet(folder, QUIET)?;
        self.watch_modules(&mut watch);
        Ok(watch)
    }

    /// Watches modules' sources. What cannot be watched is no reason to end: it is read when documents change.
    fn watch_modules(&self, watch: &mut Watch) {
        if let Err(failure) = watch.modules(&self.watched()) {
            ::log::warn!(target: "documents", "{}; a change of it takes effect with the next change of documents", failure.message);
        }
    }

    /// What is watched beside the first of what is named.
    fn watched(&self) -> Vec<PathBuf> {
        let mut watched = plugin_modules::watched(self.documents.resources());
        watched.extend(self.plan.files.iter().skip(1).cloned());
        watched
    }

    async fn read_documents(&mut self, change: Change, is_again: bool) {
        // What was told when they could not be read is true no more, even if they are what they were before.
        let is_forced = change.is_of_module || self.unread.is_some();
        let begun = std::time::Instant::now();
        let read = tokio::task::block_in_place(|| match is_forced {
            true => self.documents.read(&self.plan.files).map(Some),
            false => self.documents.read_if_other(&self.plan.files),
        });
        match read {
            Ok(Some(read)) => self.take(read, change, is_again, Step::since("read", begun)).await,
            Ok(None) => {}
            Err(failure) if self.unread.as_ref() == Some(&failure.message) => {}
            Err(failure) => {
                ::log::error!(target: "documents", "{}; the last good documents stay in force", failure.message);
                self.unread = Some(failure.message.clone());
                self.problems.documents = vec![not_read(&failure)];
                self.tell();
            }
        }
    }

    /// Puts documents in force that were read.
    async fn take(&mut self, read: Read, change: Change, is_again: bool, reading: Step) {
        let begun = std::time::Instant::now();
        let Read { usable, texts, mut problems } = read;
        self.unread = None;
        let mut published = tokio::task::block_in_place(|| {
            self.publisher.publish(usable.resources.clone(), change.is_of_module)
        });
        published.in_force.texts = self.documents.texts_in_force(&published.kept).into();
        let steps = vec![reading, Step::since("modules", begun)];
        self.again.note(&published.wrong, is_again);
        problems.extend(published.wrong);
        problems.extend(published.kept);
        self.documents.in_force(usable.resources, &texts);
        self.follow_mesh(&published.in_force).await;
        // Texts that say the same stand elsewhere by now, maybe, and it is they that are asked about.
        let before = self.fleet.in_force().0;
        let is_other =
            before.version() != published.in_force.version() || before.texts != published.in_force.texts;
        let is_first = !self.fleet.is_ready(false);
        self.show(&problems, &texts);
        self.problems.documents = problems;
        self.tell();
        if is_other || is_first {
            let concerned = self.fleet.publish_after(published.in_force.clone(), steps).await;
            ::log::info!(target: "documents", "change {} is in force: {} of {} proxies are to have something else, after {} ms",
                concerned.number, concerned.changed, concerned.connected, begun.elapsed().as_millis());
        }
        self.save();
    }

    /// Keeps what outlives the server, and says once that it cannot be kept.
    fn save(&mut self) {
        let in_force = self.fleet.in_force().0;
        let documents = self.state.save(&in_force, &in_force.texts);
        let holds = self.state.save_holds(&self.fleet.holds());
        let unsaved = match (documents, holds) {
            (Err(error), _) => Some(format!("{error}; a restart would not know these documents")),
            (_, Err(error)) => Some(format!("{error}; a restart would not know what is held back")),
            (Ok(()), Ok(())) => None,
        };
        match (&self.unsaved, &unsaved) {
            (None, Some(why)) => ::log::error!(target: "state", "{why}"),
            (Some(_), None) => ::log::info!(target: "state", "what outlives the server is kept again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        if self.unsaved == unsaved {
            return;
        }
        self.unsaved = unsaved;
        self.tell();
    }

    /// Prints what is wrong with documents and was not told before.
    fn show(&self, problems: &[Problem], texts: &[burgee_api::document::Source]) {
        let mut untold = untold(problems, &self.problems.documents);
        untold.retain(|problem| problem.severity >= Severity::Warning);
        log::problems(self.plan.log, &untold, texts);
    }

    async fn read_base(&mut self) -> Result<(), Failure> {
        let ServeBase::Folder(folder) = &self.plan.base else { return Ok(()) };
        let (classes, problems) = tokio::task::block_in_place(|| Classes::load(folder));
        if self.classes.is_none() && (classes.is_lost() || classes.iter().next().is_none()) {
            log::problems(self.plan.log, &problems, &[]);
            return Err(Failure::new(
                format!("--base {} has nothing to serve", folder.display()),
                "see docs/bases.md for what a base is",
            ));
        }
        self.rebase(classes, problems).await;
        Ok(())
    }

    /// Puts classes in the place of those of before; what has errors goes on as it was. Tells what is wrong.
    async fn rebase(&mut self, classes: Classes, mut problems: Vec<Problem>) {
        let classes = match &self.classes {
            Some(before) => {
                let (classes, kept) = classes.over(before);
                problems.extend(kept);
                classes
            }
            None => classes,
        };
        log::problems(self.plan.log, &problems, &[]);
        self.problems.base = problems;
        self.tell();
        if self.classes.as_ref() != Some(&classes) {
            self.classes = Some(classes.clone());
            self.fleet.rebase(Arc::new(classes)).await;
        }
    }

    fn tell(&self) {
        let all = self.problems.documents.iter().chain(&self.problems.base).chain(&self.problems.mesh);
        let report = |problem: &Problem| ProblemReport {
            severity: problem.severity.name().to_owned(),
            code: problem.code.to_string(),
            place: problem.place.as_ref().map(ToString::to_string).unwrap_or_default(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        };
        let not_kept = self.unsaved.as_ref().map(|why| {
            Problem::new(Severity::Error, crate::codes::NOT_KEPT, why.clone())
                .help("make room there, or let the server write there; it is tried again every two seconds")
        });
        self.fleet.tell_of_problems(all.chain(&not_kept).map(report).collect());
    }
}
