//! Processes that are killed at whatever moment of a fetch: what they leave is right, is used by whoever comes after
//! them, and does not pile up.

mod support;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use burgee_supply::{Form, ModuleUrl, Policy, Progress, Request, Settings, Supply, pack};
use support::*;

/// How many processes are killed: two at a time, which use the same cache.
const ROUNDS: u32 = 15;

/// How many images there are, and how large their modules are: large enough that writing one takes a while.
const IMAGES: u32 = 5;
const BYTES: usize = 2_000_000;

/// What tells the process that is killed where its images and its cache are.
const BASE: &str = "BURGEE_TEST_IMAGES";
const CACHE: &str = "BURGEE_TEST_CACHE";

/// With room for half of the images, so that there is always something to take away.
fn settings() -> Settings {
    Settings { cache_bytes: 5_000_000, ..quick() }
}

fn image(base: &str, number: u32) -> Request {
    let mut request = request(ModuleUrl::parse(&format!("{base}:{number}")).unwrap());
    request.limits.download = 10_000_000;
    request.limits.unpacked = 10_000_000;
    request.limits.module = 10_000_000;
    request
}

#[test]
#[ignore = "it fetches until it is killed, which the test below does"]
fn fetches_until_it_is_killed() {
    let (Ok(base), Ok(cache)) = (env::var(BASE), env::var(CACHE)) else {
        panic!("{BASE} and {CACHE} say what to fetch, and where to keep it");
    };
    loop {
        for number in 0..IMAGES {
            // Opened anew each time, so that what was fetched before may be taken away.
            let supply = Supply::open(Path::new(&cache), settings()).unwrap();
            let request = Request { policy: Policy::Always, ..image(&base, number) };
            wait(supply.fetch(&request, &|_: Progress<'_>| {})).unwrap();
        }
    }
}

fn start(base: &str, cache: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "fetches_until_it_is_killed", "--ignored"])
        .env(BASE, base)
        .env(CACHE, cache)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A registry with all images, and what hears of each layer that it gives.
fn registry(modules: &[Vec<u8>]) -> (Server, Receiver<()>) {
    let mut content = BTreeMap::new();
    for (number, module) in modules.iter().enumerate() {
        let image = pack(module, &BTreeMap::new(), Form::Artifact).unwrap();
        let all = support::content(&image);
        content.insert(number.to_string(), all[&image.digest].clone());
        content.extend(all);
    }
    let (given, heard) = channel();
    let given = Arc::new(Mutex::new(given));
    let server = Server::start(move |got, _| {
        if got.path.contains("/blobs/") {
            // Nobody listens at the end.
            let _ = given.lock().unwrap().send(());
        }
        let name = got.path.rsplit('/').next().unwrap();
        content.get(name).map_or_else(|| status(404), |bytes| ok(bytes.clone()))
    });
    (server, heard)
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn whoever_is_killed_leaves_a_cache_that_is_right() {
    let modules: Vec<Vec<u8>> = (0..IMAGES).map(|seed| module(BYTES, seed)).collect();
    let (server, heard) = registry(&modules);
    let base = format!("oci://127.0.0.1:{}/acme/guard", server.port);
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path();
    let mut state = 7u32;
    let mut chance = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let (mut killed_at_work, mut half_written) = (0, 0);
    for round in 0..ROUNDS {
        while heard.try_recv().is_ok() {}
        let mut both = [start(&base, cache), start(&base, cache)];
        // Some layers later, and then at a moment that differs each time: while one is read, written or noted.
        for child in &mut both {
            for _ in 0..1 + chance(4) {
                heard
                    .recv_timeout(Duration::from_secs(60))
                    .expect("the two ask for layers until they are killed");
            }
            thread::sleep(Duration::from_micros(chance(30_000).into()));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        killed_at_work += names(&cache.join("supply/live")).len();
        for process in names(&cache.join("supply/incoming")) {
            half_written += names(&cache.join("supply/incoming").join(process)).len();
        }
        // What has a name is what its name says.
        for name in names(&cache.join("modules")) {
            let digest = hex(&fs::read(cache.join("modules").join(&name)).unwrap());
            assert_eq!(name, format!("sha256-{digest}.wasm"), "round {round}");
        }
        // What is known of each image is right, or not known.
        let supply = Supply::open(cache, settings()).unwrap();
        for (number, module) in (0..).zip(&modules) {
            let request = Request { policy: Policy::IfNotPresent, ..image(&base, number) };
            let found = wait(supply.fetch(&request, &|_: Progress<'_>| {})).unwrap();
            assert!(found.bytes == *module, "round {round}: image {number} is another one's module");
            assert!(fs::read(&found.path).unwrap() == *module, "round {round}: {}", found.path.display());
        }
        // And what was left is cleared away.
        assert_eq!(names(&cache.join("supply/live")).len(), 1, "round {round}");
        assert_eq!(names(&cache.join("supply/incoming")).len(), 1, "round {round}");
    }
    println!(
        "{killed_at_work} were killed at work, and left {half_written} files that they had begun to write"
    );
    assert!(killed_at_work > 0, "none was killed at work");
}
