//! Codes of WasmPlugins that are laid over a base.

use burgee_api::problem::{Basis, Case, Laid, Severity};

use super::examples::{BASE, PLUGIN, PLUGIN_OF_PORT, base};

burgee_api::codes! {
    /// Codes of this area.
    PLUGINS:

    /// A plugin that is left out because its module cannot be had.
    LEFT_OUT = "BG0619" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The module of a plugin cannot be had, for the reason that the message gives, or the mesh's rules refuse it, and \
                its `failStrategy` is FAIL_OPEN.",
        matters: "The plugin is left out, and requests go past it.",
        case: Case::Base {
            wrong: Laid {
                documents: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: oci://registry.example/headers:1.0.0
  failStrategy: FAIL_OPEN
",
                base: BASE,
            },
            right: Laid { documents: PLUGIN, base: BASE },
        },
    }

    /// A plugin that refuses every request because its module cannot be had.
    REFUSES_EVERYTHING = "BG0620" {
        severity: Severity::Error,
        basis: Basis::Gap,
        means: "The module of a plugin cannot be had, for the reason that the message gives, or the mesh's rules refuse it, and \
                its `failStrategy` is FAIL_CLOSE (which is meant when there is none) or FAIL_RELOAD.",
        matters: "Every request that the plugin covers is answered with 503 and a text that names the plugin; of a plugin of \
                  type NETWORK every connection is closed. Its strategy asks for that. Nothing else is touched: requests that \
                  it does not cover are served.",
        case: Case::Base {
            wrong: Laid {
                documents: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: oci://registry.example/headers:1.0.0
",
                base: BASE,
            },
            right: Laid { documents: PLUGIN, base: BASE },
        },
    }

    /// A plugin of connections that does not get into a filter chain.
    NETWORK_LEFT_OUT = "BG0621" {
        severity: Severity::Note,
        basis: Basis::Quirk,
        means: "A plugin of type NETWORK is for a listener with a filter chain in which Istio puts no such plugins: one that \
                takes the connections of an app to anywhere, or, of a gateway's filter chains with TLS and HTTP, another one \
                than the first.",
        matters: "Connections of that filter chain go past the plugin.",
        case: Case::Base {
            wrong: Laid {
                documents: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: count, namespace: shop}
spec:
  url: file:///opt/count.wasm
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  type: NETWORK
",
                base: "
static_resources:
  listeners:
  - name: virtualOutbound
    traffic_direction: OUTBOUND
    address: {socket_address: {address: 127.0.0.1, port_value: 15001}}
    use_original_dst: true
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: anywhere
          cluster: anywhere
",
            },
            right: Laid { documents: PLUGIN, base: BASE },
        },
    }

    /// A listener without a port, where a plugin is for some ports alone.
    NO_PORT = "BG0622" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "A WasmPlugin has `match[].ports`, and a listener of the base has no port that they could be compared \
                with: it listens at a pipe or inside Envoy.",
        matters: "The listener gets no such filter.",
        case: Case::Base {
            wrong: Laid {
                documents: PLUGIN_OF_PORT,
                base: "
static_resources:
  listeners:
  - name: web
    traffic_direction: INBOUND
    address: {pipe: {path: /run/web.sock}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          http_filters:
          - name: router
            typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
",
            },
            right: Laid { documents: PLUGIN_OF_PORT, base: BASE },
        },
    }

    /// A module whose digest nothing says.
    NO_DIGEST = "BG0623" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "The module of a WasmPlugin is a file on the proxy, and the document has no `sha256`.",
        matters: "Envoy keeps running the code that it has under a name. A file of another content under the same name \
                  may not be noticed, unless `sha256` changes with it. Istio does not compare the file with it (BG0250).",
        case: Case::Base {
            wrong: Laid {
                documents: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec: {url: file:///opt/headers.wasm}
",
                base: BASE,
            },
            right: Laid { documents: PLUGIN, base: BASE },
        },
    }

    /// A plugin that somebody else delivers already.
    DELIVERED_ALREADY = "BG0624" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The base has a filter of the name that this plugin's has: somebody else, such as istiod, delivers \
                it.",
        matters: "It is not put beside it; both at once would run it twice.",
        case: Case::Base {
            wrong: Laid {
                documents: PLUGIN,
                base: base!(filter: "{name: extensions.istio.io/trafficextension/shop.headers~istio-translated-wasmplugin, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm}}"),
            },
            right: Laid { documents: PLUGIN, base: BASE },
        },
    }
}
