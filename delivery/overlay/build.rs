//! Compiles the Protobuf definitions that the wire carrier needs into a descriptor set.
//!
//! The definitions come from the `envoy-types` crate, which Cargo downloads and checks like any other, but which is
//! never compiled: only its `.proto` files are of use here.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the overlay enters or writes; their imports come along.
const ROOTS: [&str; 36] = [
    "envoy/config/bootstrap/v3/bootstrap.proto",
    "envoy/config/cluster/v3/cluster.proto",
    "envoy/config/core/v3/extension.proto",
    "envoy/config/listener/v3/listener.proto",
    "envoy/config/trace/v3/datadog.proto",
    "envoy/config/trace/v3/opentelemetry.proto",
    "envoy/config/trace/v3/skywalking.proto",
    "envoy/config/trace/v3/zipkin.proto",
    "envoy/extensions/access_loggers/file/v3/file.proto",
    "envoy/extensions/access_loggers/filters/cel/v3/cel.proto",
    "envoy/extensions/access_loggers/grpc/v3/als.proto",
    "envoy/extensions/access_loggers/open_telemetry/v3/logs_service.proto",
    "envoy/extensions/access_loggers/stats/v3/stats.proto",
    "envoy/extensions/clusters/dns/v3/dns_cluster.proto",
    "envoy/extensions/filters/http/cors/v3/cors.proto",
    "envoy/extensions/filters/http/grpc_stats/v3/config.proto",
    "envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto",
    "envoy/extensions/filters/http/jwt_authn/v3/config.proto",
    "envoy/extensions/filters/http/lua/v3/lua.proto",
    "envoy/extensions/filters/http/rbac/v3/rbac.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/http/wasm/v3/wasm.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/filters/network/rbac/v3/rbac.proto",
    "envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.proto",
    "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    "envoy/extensions/filters/network/wasm/v3/wasm.proto",
    "envoy/extensions/formatter/req_without_query/v3/req_without_query.proto",
    "envoy/extensions/matching/actions/transform_stat/v3/transform_stat.proto",
    "envoy/extensions/matching/common_inputs/stats/v3/stats.proto",
    "envoy/extensions/request_id/uuid/v3/uuid.proto",
    "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector.proto",
    "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.proto",
    "envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
    "envoy/service/discovery/v3/discovery.proto",
];

fn main() {
    let manifest_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-changed=build.rs");
    if let Some(lock) = manifest_dir.ancestors().map(|dir| dir.join("Cargo.lock")).find(|file| file.is_file())
    {
        println!("cargo:rerun-if-changed={}", lock.display());
    }

    let proto = envoy_types(&manifest_dir).join("proto");
    let includes: Vec<PathBuf> = std::fs::read_dir(&proto)
        .unwrap_or_else(|error| panic!("envoy-types has no folder {}: {error}", proto.display()))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    let mut compiler = protox::Compiler::new(&includes)
        .unwrap_or_else(|error| panic!("cannot read the Protobuf definitions: {error:?}"));
    compiler.include_imports(true);
    for root in ROOTS {
        compiler.open_file(root).unwrap_or_else(|error| panic!("cannot compile {root}: {error:?}"));
    }
    let out = Path::new(&variable("OUT_DIR")).join("envoy.bin");
    std::fs::write(&out, compiler.encode_file_descriptor_set())
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

/// The folder of the `envoy-types` crate. Offline first: the crate is there whenever the workspace was fetched.
fn envoy_types(manifest_dir: &Path) -> PathBuf {
    let mut complaint = String::new();
    for extra in [&["--offline"][..], &[][..]] {
        let output = Command::new(variable("CARGO"))
            .args(["metadata", "--format-version", "1"])
            .args(extra)
            .current_dir(manifest_dir)
            .output()
            .unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
        if !output.status.success() {
            complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            continue;
        }
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("cargo metadata is not JSON: {error}"));
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        return packages
            .iter()
            .find(|package| package["name"] == "envoy-types")
            .and_then(|package| package["manifest_path"].as_str())
            .and_then(|manifest| Path::new(manifest).parent())
            .map(Path::to_owned)
            .unwrap_or_else(|| panic!("cargo metadata does not list envoy-types"));
    }
    panic!("cargo metadata failed; `cargo fetch` downloads what is missing:\n{complaint}");
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("Cargo sets {name}"))
}
