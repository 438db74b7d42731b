//! Documents and bases that several codes show.

/// A document that asks for metrics.
pub(super) const METRICS: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec: {metrics: [{providers: [{name: prometheus}]}]}
";

/// A base with an HTTP connection manager, and what else there is: at the top, among the clusters, in the manager, and
/// as a filter before its router.
macro_rules! base {
    (
        $(top: $top:literal)?
        $(clusters: $clusters:literal,)?
        $(manager: $manager:literal)?
        $(filter: $filter:literal)?
    ) => {
        concat!(
            $($top, "\n",)?
            "static_resources:\n",
            $("  clusters: ", $clusters, "\n",)?
            "  listeners:\n",
            "  - name: web\n",
            "    traffic_direction: INBOUND\n",
            "    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}\n",
            "    filter_chains:\n",
            "    - filters:\n",
            "      - name: http\n",
            "        typed_config:\n",
            "          \"@type\": type.googleapis.com/",
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n",
            "          stat_prefix: web\n",
            $("          ", $manager, "\n",)?
            "          http_filters:\n",
            $("          - ", $filter, "\n",)?
            "          - name: router\n",
            "            typed_config: ",
            "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n",
        )
    };
}

/// A base that carries everything.
pub(super) const BASE: &str = base!();

/// The same with the cluster of a collector.
pub(super) const WITH_COLLECTOR: &str =
    base!(clusters: "[{name: outbound|4317||otel.observability.internal}]",);

/// What switches traces off.
pub(super) const TRACES_OFF: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec: {tracing: [{disableSpanReporting: true}]}
";

/// A provider of traces, and where its collector is.
macro_rules! traces {
    ($entry:literal) => {
        concat!(
            "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.observability.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec: {tracing: [",
            $entry,
            "]}
"
        )
    };
}

/// A document that asks for traces.
pub(super) const TRACES: &str = traces!("{providers: [{name: otel}]}");

/// The same, sampled by chance.
pub(super) const BY_CHANCE: &str =
    traces!("{providers: [{name: otel}], useRequestIdForTraceSampling: false}");

/// A document that asks for traces by Zipkin.
pub(super) const ZIPKIN: &str = "
extensionProviders:
- name: spans
  zipkin: {service: zipkin.observability.internal, port: 9411}
defaultProviders: {tracing: [spans]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: zipkin, namespace: observability}
spec:
  hosts: [zipkin.observability.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 9411, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1}]
";

/// A base that asks for its clusters.
pub(super) const ASKS_FOR_CLUSTERS: &str =
    base!(top: "dynamic_resources: {cds_config: {path_config_source: {path: /etc/envoy/clusters.yaml}}}");

/// A mesh that logs to a service which is nowhere.
pub(super) const MESH_SERVICE: &str = "
enableEnvoyAccessLogService: true
";

/// The same service at an address.
pub(super) const MESH_SERVICE_AT: &str = "
enableEnvoyAccessLogService: true
defaultConfig:
  envoyAccessLogService: {address: 'als.observability.svc.cluster.local:9000'}
";

/// A document that asks for access logs.
pub(super) const LOGS: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec: {accessLogging: [{providers: [{name: envoy}]}]}
";

/// A plugin for one port.
pub(super) const PLUGIN_OF_PORT: &str = "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: file:///opt/headers.wasm
  sha256: c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
  match: [{ports: [{number: 8080}]}]
";

/// A plugin whose module is a file of a known digest.
pub(super) const PLUGIN: &str = "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: file:///opt/headers.wasm
  sha256: c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4828f86f0c2b4
";

pub(super) use base;
