//! Modules that are elsewhere: fetched as documents and arguments say, and told of while that lasts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use burgee_api::Traced;
use burgee_api::resolve::Limits as Bounds;
use burgee_api::resources::extension::{ImagePullPolicy, WasmCode};
use burgee_api::resources::{Resources, TrafficExtension};
use burgee_supply::{
    Credentials, Fetched, ModuleUrl, Policy, Progress, PublicKey, Reach, Request, Settings, Supply,
    SupplyError,
};

use crate::args::SourceArgs;
use crate::progress::Steps;

/// How often what arrives is told.
const STEP_BYTES: u64 = 256 * 1024;

/// Whoever fetches with these arguments into this cache. It stays until the program ends, so that what proxies run is not
/// taken away meanwhile.
pub(crate) fn supply(cache: &Path, args: &SourceArgs) -> Result<Arc<Supply>, SupplyError> {
    /// By the cache and the arguments.
    type Open = BTreeMap<(PathBuf, String), Arc<Supply>>;
    static OPEN: OnceLock<Mutex<Open>> = OnceLock::new();
    let open = OPEN.get_or_init(Mutex::default);
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (cache.to_owned(), format!("{args:?}"));
    if let Some(supply) = open.get(&key) {
        return Ok(Arc::clone(supply));
    }
    let settings = Settings {
        plain_http: args.plain_http.clone(),
        authorities: args.authorities.clone(),
        ..Settings::default()
    };
    let supply = Arc::new(Supply::open(cache, settings)?);
    open.insert(key, Arc::clone(&supply));
    Ok(supply)
}

/// Runs work that waits for a network, on this thread.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, SupplyError>>) -> Result<T, SupplyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| SupplyError::Io {
        action: "starting a runtime for",
        path: PathBuf::from("the network"),
        source,
    })?;
    runtime.block_on(work)
}

/// Tells what is being done as steps.
pub(crate) fn tell(steps: &Steps) -> impl Fn(Progress<'_>) + Sync {
    let told = std::sync::atomic::AtomicU64::new(0);
    move |progress| {
        let step = |text: &str| burgee_modules::Progress::step(steps, text);
        match progress {
            Progress::Step(text) => step(text),
            Progress::Bytes { what, done, all } => {
                let part = done / STEP_BYTES;
                if told.swap(part, std::sync::atomic::Ordering::Relaxed) != part {
                    let all = all.map_or(String::new(), |all| format!(" of {}", all / 1024));
                    step(&format!("{what}: {}{all} kB", done / 1024));
                }
            }
            Progress::Again { what, why, after } => {
                step(&format!("{what}: {why}; again after {}", seconds(after)));
            }
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

/// The keys that a plugin's module must be signed by: its own, and that of the rule that covers it.
pub(crate) fn keys(wasm: &WasmCode, bounds: &Bounds) -> Result<Vec<PublicKey>, SupplyError> {
    let named: [Option<&Traced<String>>; 2] =
        [wasm.verification_key.as_ref(), bounds.verification_key.as_ref()];
    named.into_iter().flatten().map(|key| PublicKey::parse(&key.value)).collect()
}

/// Fetches the module of a plugin as its document says, within the bounds that the mesh sets it.
pub(crate) fn fetch(
    cache: &Path,
    args: &SourceArgs,
    resources: &Resources,
    (plugin, wasm): (&TrafficExtension, &WasmCode),
    bounds: &Bounds,
    steps: &Steps,
) -> Result<Fetched, SupplyError> {
    let url = ModuleUrl::parse(&wasm.url.value)?;
    let mut request = Request::new(url);
    request.sha256 = wasm.sha256.as_ref().map(|sha256| sha256.value.clone());
    request.policy = match wasm.image_pull_policy.as_ref().map(|policy| policy.value) {
        None => Policy::Unspecified,
        Some(ImagePullPolicy::IfNotPresent) => Policy::IfNotPresent,
        Some(ImagePullPolicy::Always) => Policy::Always,
    };
    request.asked_by = Some((plugin.key(), version(plugin)));
    request.keys = keys(wasm, bounds)?;
    if let Some(most) = &bounds.max_module_bytes {
        request.limits.module = most.value;
    }
    request.credentials = credentials(resources, plugin, wasm)?;
    let mut allowed: Vec<String> = args.hosts.clone();
    if bounds.names_host {
        allowed.extend(hosts(&request.url));
    }
    if !allowed.is_empty() {
        // They may be asked beside everything else that documents may ask.
        allowed.push("*".to_owned());
    }
    request.reach = Reach::Document { allowed, denied: Vec::new() };
    let supply = supply(cache, args)?;
    wait(supply.fetch(&request, &tell(steps)))
}

/// The host of a URL with its port, and with no other: what a rule names is that alone. A registry without a port has that of
/// HTTPS, or of HTTP where it is asked so.
fn hosts(url: &ModuleUrl) -> Vec<String> {
    let with = |host: &str, ports: &[u16]| ports.iter().map(|port| format!("{host}:{port}")).collect();
    match url {
        ModuleUrl::Image(reference) => {
            let registry = &reference.registry;
            // What stands behind the last colon of an address of IPv6 is no port.
            let has_port = registry.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            if has_port { vec![registry.clone()] } else { with(registry, &[443, 80]) }
        }
        ModuleUrl::Web(url) => {
            let port = url.port_or_known_default();
            url.host_str().zip(port).map(|(host, port)| with(host, &[port])).unwrap_or_default()
        }
        ModuleUrl::File(_) => Vec::new(),
    }
}

/// What stands for the version of a document, since files have none: all that it says, and this run of the program, as
/// whoever starts one again wants to have it asked again.
fn version(plugin: &TrafficExtension) -> String {
    static RUN: OnceLock<String> = OnceLock::new();
    let run = RUN.get_or_init(|| format!("{} {:?}", std::process::id(), std::time::SystemTime::now()));
    burgee_modules::digest(format!("{run} {plugin:?}").as_bytes())
}

/// Who asks for a plugin's module: whoever its secret says.
fn credentials(
    resources: &Resources,
    plugin: &TrafficExtension,
    wasm: &WasmCode,
) -> Result<Credentials, SupplyError> {
    let Some(name) = &wasm.image_pull_secret else { return Ok(Credentials::Anonymous) };
    let namespace = &plugin.meta.id.namespace;
    let unusable = |reason: String| SupplyError::Unusable { what: "the imagePullSecret", reason };
    let secret = resources.pull_secret(namespace, &name.value).ok_or_else(|| {
        unusable(format!(
            "no document is the Secret {namespace}/{}; give it with the other documents, as `kubectl get secret -o yaml` \
             prints it",
            name.value
        ))
    })?;
    match &secret.credentials {
        Ok(credentials) => Ok(Credentials::Docker(credentials.docker_config().to_owned())),
        Err(why) => Err(unusable(format!("{namespace}/{}: {why}", name.value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_names_a_host_names_one_port_of_it() {
        for (url, expected) in [
            ("oci://localhost:5000/a", &["localhost:5000"][..]),
            ("oci://localhost/a", &["localhost:443", "localhost:80"]),
            ("oci://[::1]:5000/a", &["[::1]:5000"]),
            ("oci://[::1]/a", &["[::1]:443", "[::1]:80"]),
            ("https://localhost/a.wasm", &["localhost:443"]),
            ("http://localhost/a.wasm", &["localhost:80"]),
            ("http://127.0.0.1:81/a.wasm", &["127.0.0.1:81"]),
            ("file:///a.wasm", &[]),
        ] {
            assert_eq!(hosts(&ModuleUrl::parse(url).expect("a URL")), expected, "{url}");
        }
    }
}
