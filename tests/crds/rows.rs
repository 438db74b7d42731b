//! The rows of the agreement: a spec, and who takes it. Those named V and W-V are the specification's own.

use serde_json::Value;

use crate::Kind;
use Kind::{Telemetry, TrafficExtension, WasmPlugin};

/// Who takes a spec, of Istio's definition, ours, and `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of them, and so does Istio's validation.
    All,
    /// Nobody.
    Nobody,
    /// Istio's definition, but not its validation, which says what ours and `check` say.
    IstiosDefinition,
    /// Istio's definition and ours: only `check` can say what is wrong.
    Definitions,
    /// Ours and `check`: Istio's definition refuses what means nothing wrong.
    Ours,
    /// `check` alone, which takes a value that says nothing for an absent one.
    Check,
}

impl Taken {
    pub fn by_istios_definition(self) -> bool {
        matches!(self, Taken::All | Taken::IstiosDefinition | Taken::Definitions)
    }

    pub fn by_our_definition(self) -> bool {
        matches!(self, Taken::All | Taken::Definitions | Taken::Ours)
    }

    pub fn by_check(self) -> bool {
        matches!(self, Taken::All | Taken::Ours | Taken::Check)
    }
}

/// A spec, and who takes it.
pub struct Row {
    pub name: String,
    pub kind: Kind,
    pub document: Value,
    pub taken: Taken,
}

/// Every row.
pub fn rows() -> Vec<Row> {
    let telemetry = TELEMETRY.iter().map(|(name, spec, taken)| row(name, Telemetry, spec, *taken));
    let plugin = PLUGIN.iter().map(|(name, spec, taken)| row(name, WasmPlugin, spec, *taken));
    let with_url = PLUGIN_WITH_URL
        .iter()
        .map(|(name, spec, taken)| row(name, WasmPlugin, &format!("{{url: a, {spec}}}"), *taken));
    let extension = EXTENSION.iter().map(|(name, spec, taken)| row(name, TrafficExtension, spec, *taken));
    let with_module = MODULE.iter().map(|(name, fields, taken)| {
        row(&format!("{name} of an extension"), TrafficExtension, &format!("{{wasm: {{{fields}}}}}"), *taken)
    });
    let plugins = plugin.chain(with_url).chain(extension).chain(with_module);
    let mut rows: Vec<Row> = telemetry.chain(plugins).collect();
    let no_spec = |kind: Kind, taken| Row {
        name: format!("{kind:?} without a spec"),
        kind,
        document: kind.document(None),
        taken,
    };
    rows.extend([
        no_spec(Telemetry, Taken::All),
        no_spec(WasmPlugin, Taken::Nobody),
        no_spec(TrafficExtension, Taken::Nobody),
    ]);
    rows
}

fn row(name: &str, kind: Kind, spec: &str, taken: Taken) -> Row {
    let digits = "0123456789abcdef".repeat(4);
    let spec = spec.replace("DIGITS", &digits[..63]).replace("LONG", &"x".repeat(253));
    let spec: Value = serde_saphyr::from_str(&spec).unwrap_or_else(|error| panic!("{name}: {spec}: {error}"));
    Row { name: name.to_owned(), kind, document: kind.document(Some(spec)), taken }
}

type Text = (&'static str, &'static str, Taken);

use Taken::{All, Check, Definitions, IstiosDefinition, Nobody, Ours};

const TELEMETRY: &[Text] = &[
    ("V1", "{}", All),
    ("V2", "{selector: {}}", All),
    ("V2 labels", "{selector: {matchLabels: {}}}", All),
    ("V3", "{selector: {matchLabels: {app: foo}}}", All),
    ("V4", "{selector: {matchLabels: {'app*': foo}}}", Nobody),
    ("V4 empty", "{selector: {matchLabels: {'': foo}}}", Nobody),
    ("V5", "{selector: {matchLabels: {app: 'foo*'}}}", Nobody),
    ("V6", "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}", Nobody),
    ("V6 singular", "{selector: {matchLabels: {a: b}}, targetRef: {kind: Service, name: a}}", Nobody),
    ("V6 both", "{targetRef: {kind: Service, name: a}, targetRefs: [{kind: Service, name: a}]}", Nobody),
    ("V6 empty", "{selector: {matchLabels: {a: b}}, targetRefs: []}", Ours),
    ("V7", "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]}", All),
    ("V7 singular", "{targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: gw}}", All),
    (
        "V8",
        "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw, namespace: other}]}",
        Nobody,
    ),
    (
        "V8 singular empty",
        "{targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: gw, namespace: ''}}",
        All,
    ),
    (
        "V8 singular",
        "{targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: gw, namespace: other}}",
        Nobody,
    ),
    (
        "V8 empty",
        "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw, namespace: ''}]}",
        All,
    ),
    ("V9", "{targetRefs: [{group: apps, kind: Deployment, name: a}]}", IstiosDefinition),
    (
        "V9 of a known group",
        "{targetRefs: [{group: gateway.networking.k8s.io, kind: Deployment, name: a}]}",
        IstiosDefinition,
    ),
    (
        "V9 singular",
        "{targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}}",
        IstiosDefinition,
    ),
    (
        "V9 group of another kind",
        "{targetRefs: [{group: networking.istio.io, kind: Gateway, name: a}]}",
        IstiosDefinition,
    ),
    ("V9 group missing", "{targetRefs: [{kind: Gateway, name: a}]}", IstiosDefinition),
    (
        "V9 group too many",
        "{targetRef: {group: networking.istio.io, kind: Service, name: a}}",
        IstiosDefinition,
    ),
    (
        "V10",
        "{targetRefs: [{kind: Service, name: a}, {group: networking.istio.io, kind: ServiceEntry, name: b}]}",
        All,
    ),
    ("V11", "{targetRefs: [{group: '', kind: Service, name: a}]}", All),
    ("V12", "{targetRefs: [{group: core, kind: Service, name: a}]}", All),
    ("class", "{targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: a}]}", All),
    ("V13", "{tracing: [{}, {}]}", All),
    ("V14", "{tracing: [{providers: [{name: a}, {name: b}]}]}", All),
    ("V15 tracing", "{tracing: [{providers: [{name: ''}]}]}", Nobody),
    ("V15 metrics", "{metrics: [{providers: [{name: ''}]}]}", Nobody),
    ("V15 logs", "{accessLogging: [{providers: [{name: ''}]}]}", Nobody),
    ("provider null", "{metrics: [{providers: [null]}]}", Nobody),
    ("V16", "{tracing: [{randomSamplingPercentage: 101}]}", Nobody),
    ("V17", "{tracing: [{randomSamplingPercentage: -1}]}", Nobody),
    ("V18 none", "{tracing: [{randomSamplingPercentage: 0}]}", All),
    ("V18 all", "{tracing: [{randomSamplingPercentage: 100}]}", All),
    ("V18 some", "{tracing: [{randomSamplingPercentage: 33.3}]}", All),
    ("V18 null", "{tracing: [{randomSamplingPercentage: null}]}", All),
    ("V19", "{tracing: [{customTags: {a: {literal: {}}}}]}", Nobody),
    ("V19 empty", "{tracing: [{customTags: {a: {literal: {value: ''}}}}]}", Nobody),
    ("V20", "{tracing: [{customTags: {a: {header: {}}}}]}", Nobody),
    ("V20 empty", "{tracing: [{customTags: {a: {header: {name: ''}}}}]}", Nobody),
    ("V21", "{tracing: [{customTags: {a: {environment: {defaultValue: b}}}}]}", Nobody),
    ("formatter empty", "{tracing: [{customTags: {a: {formatter: {value: ''}}}}]}", Nobody),
    ("tag null", "{tracing: [{customTags: {a: null}}]}", Nobody),
    ("tag without a source", "{tracing: [{customTags: {a: {}}}]}", Definitions),
    ("tag without a name", "{tracing: [{customTags: {'': {literal: {value: b}}}}]}", Definitions),
    (
        "tag of two sources",
        "{tracing: [{customTags: {a: {literal: {value: b}, header: {name: c}}}}]}",
        Nobody,
    ),
    ("V22", "{metrics: [{overrides: [{tagOverrides: {a: {operation: UPSERT, value: x}}}]}]}", All),
    ("V23", "{metrics: [{overrides: [{tagOverrides: {a: {operation: UPSERT}}}]}]}", Nobody),
    ("V23 empty", "{metrics: [{overrides: [{tagOverrides: {a: {operation: UPSERT, value: ''}}}]}]}", Nobody),
    ("V23 neither", "{metrics: [{overrides: [{tagOverrides: {a: {}}}]}]}", IstiosDefinition),
    ("V23 empty alone", "{metrics: [{overrides: [{tagOverrides: {a: {value: ''}}}]}]}", IstiosDefinition),
    ("V24", "{metrics: [{overrides: [{tagOverrides: {a: {value: x}}}]}]}", All),
    ("V25", "{metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE, value: x}}}]}]}", Nobody),
    ("V25 empty", "{metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE, value: ''}}}]}]}", Check),
    ("V26", "{metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE}}}]}]}", All),
    ("override null", "{metrics: [{overrides: [null]}]}", Nobody),
    ("tag override null", "{metrics: [{overrides: [{tagOverrides: {a: null}}]}]}", Nobody),
    (
        "tag without an expression",
        "{metrics: [{overrides: [{tagOverrides: {a: {value: 'a +'}}}]}]}",
        Definitions,
    ),
    ("tag that is no label", "{metrics: [{overrides: [{tagOverrides: {a-b: {value: a}}}]}]}", All),
    ("V27", "{metrics: [{overrides: [{match: {customMetric: ''}}]}]}", Nobody),
    ("custom metric", "{metrics: [{overrides: [{match: {customMetric: mine, mode: CLIENT}}]}]}", All),
    ("metric", "{metrics: [{overrides: [{match: {metric: REQUEST_COUNT}}]}]}", All),
    (
        "two metrics",
        "{metrics: [{overrides: [{match: {metric: REQUEST_COUNT, customMetric: mine}}]}]}",
        Nobody,
    ),
    ("V28", "{accessLogging: [{filter: {expression: response.code >= 500}}]}", All),
    ("V29", "{accessLogging: [{filter: {expression: ')++++'}}]}", Definitions),
    ("filter empty", "{accessLogging: [{filter: {}}]}", IstiosDefinition),
    ("V30", "{metrics: [{reportingInterval: 5s}]}", All),
    ("V30 1ms", "{metrics: [{reportingInterval: 1ms}]}", All),
    ("V30 minutes", "{metrics: [{reportingInterval: 1m30.5s}]}", All),
    ("V30 0s", "{metrics: [{reportingInterval: 0s}]}", Nobody),
    ("V30 500us", "{metrics: [{reportingInterval: 500us}]}", Nobody),
    ("V30 no duration", "{metrics: [{reportingInterval: soon}]}", Nobody),
    ("V30 empty", "{metrics: [{reportingInterval: ''}]}", Nobody),
    ("tracing null", "{tracing: [null]}", Nobody),
    ("metrics null", "{metrics: [null]}", Nobody),
    ("logs null", "{accessLogging: [null]}", Nobody),
    ("null for a list", "{metrics: null}", Check),
];

const PLUGIN: &[Text] = &[
    ("W-V1", "{}", Nobody),
    ("W-V1 null", "{url: null}", Nobody),
    ("W-V1 empty", "{url: ''}", Nobody),
    ("W-V2", "{url: 'ghcr.io/org/p:1'}", All),
    ("W-V2 digest", "{url: 'ghcr.io/org/p@sha256:0'}", All),
    ("W-V3", "{url: 'oci://reg/p'}", All),
    ("W-V3 port", "{url: 'oci://localhost:5000/p'}", All),
    ("W-V3 upper case", "{url: 'OCI://reg/p'}", All),
    ("address with a port", "{url: '127.0.0.1:5000/a'}", All),
    ("https", "{url: 'https://host.example/p.wasm?a=b%20c'}", All),
    ("http", "{url: 'http://host.example/p.wasm'}", All),
    ("W-V4", "{url: 'file:///opt/a.wasm'}", All),
    ("W-V5", "{url: 'ftp://x/y'}", Nobody),
    ("registry with a port", "{url: 'localhost:5000/a'}", Nobody),
    ("url without a host", "{url: '/a'}", Definitions),
    ("port that is none", "{url: 'oci://plugin:latest'}", Definitions),
    ("null for a secret", "{url: a, imagePullSecret: null}", Check),
];

const PLUGIN_WITH_URL: &[Text] = &[
    ("W-V6 63", "sha256: DIGITS", Nobody),
    ("W-V6 G", "sha256: DIGITSG", Nobody),
    ("W-V6 upper case", "sha256: DIGITSF", Nobody),
    ("W-V7", "sha256: DIGITSf", All),
    ("W-V7 empty", "sha256: ''", All),
    ("W-V8", "imagePullSecret: LONGx", Nobody),
    ("W-V8 253", "imagePullSecret: LONG", All),
    ("secret empty", "imagePullSecret: ''", Nobody),
    ("name empty", "pluginName: ''", Nobody),
    ("W-V9", "vmConfig: {env: [{name: A, value: '1'}, {name: A}]}", Nobody),
    ("W-V10", "vmConfig: {env: [{name: A, valueFrom: HOST, value: x}]}", Nobody),
    ("W-V10 empty", "vmConfig: {env: [{name: A, valueFrom: HOST, value: ''}]}", Nobody),
    (
        "W-V10 right",
        "vmConfig: {env: [{name: A, valueFrom: HOST}, {name: B, valueFrom: INLINE, value: c}]}",
        All,
    ),
    ("W-V11", "vmConfig: {env: [{name: ''}]}", Nobody),
    ("W-V12", "match: [{ports: [{number: 0}]}]", Nobody),
    ("W-V12 without", "match: [{ports: [{}]}]", Nobody),
    ("port twice", "match: [{ports: [{number: 80}, {number: 80}]}]", Nobody),
    ("W-V13", "match: [{mode: SERVER, ports: [{number: 80}, {number: 81}]}]", All),
    ("W-V14", "selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]", Nobody),
    ("W-V15", "phase: AUTHN, priority: -5", All),
    ("priority null", "priority: null", All),
    ("selector wildcard", "selector: {matchLabels: {a: 'b*'}}", Nobody),
    ("selector name wildcard", "selector: {matchLabels: {'a*': b}}", Nobody),
    ("selector name empty", "selector: {matchLabels: {'': b}}", Nobody),
    ("target elsewhere", "targetRefs: [{kind: Service, name: a, namespace: b}]", Nobody),
    ("target elsewhere, singular", "targetRef: {kind: Service, name: a, namespace: b}", Nobody),
    ("target here", "targetRefs: [{kind: Service, name: a, namespace: ''}]", All),
    ("target here, singular", "targetRef: {kind: Service, name: a, namespace: ''}", All),
    ("selector", "selector: {matchLabels: {a: b}}", All),
    ("target kind", "targetRefs: [{group: networking.istio.io, kind: Gateway, name: a}]", IstiosDefinition),
    (
        "target kind, singular",
        "targetRef: {group: networking.istio.io, kind: Gateway, name: a}",
        IstiosDefinition,
    ),
    ("config", "pluginConfig: {a: [1, {b: null}], c: d}", All),
    ("config list", "pluginConfig: []", Nobody),
    ("choices", "type: NETWORK, failStrategy: FAIL_OPEN, imagePullPolicy: Always", All),
    ("unknown field", "plugin_name: a", Nobody),
];

const EXTENSION: &[Text] = &[
    ("nothing that runs", "{}", Nobody),
    ("module and script", "{wasm: {url: a}, lua: {inlineCode: a}}", Nobody),
    ("script", "{lua: {inlineCode: 'function envoy_on_request(handle) end'}}", All),
    ("script empty", "{lua: {inlineCode: ''}}", Nobody),
    ("script missing", "{lua: {}}", Nobody),
    ("script null", "{wasm: {url: a}, lua: null}", Check),
    ("no module", "{wasm: {}}", Nobody),
    ("phase", "{wasm: {url: a}, phase: UNSPECIFIED, priority: -5}", All),
    ("phase of a WasmPlugin", "{wasm: {url: a}, phase: UNSPECIFIED_PHASE}", Nobody),
    ("priority null", "{wasm: {url: a}, priority: null}", All),
    ("port 0", "{lua: {inlineCode: a}, match: [{ports: [{number: 0}]}]}", Nobody),
    ("port twice", "{lua: {inlineCode: a}, match: [{ports: [{number: 8}, {number: 8}]}]}", Nobody),
    ("port", "{lua: {inlineCode: a}, match: [{mode: SERVER, ports: [{number: 80}]}]}", All),
    ("selector", "{wasm: {url: a}, selector: {matchLabels: {a: b}}}", All),
    ("selector wildcard", "{wasm: {url: a}, selector: {matchLabels: {a: 'b*'}}}", Nobody),
    ("selector name wildcard", "{wasm: {url: a}, selector: {matchLabels: {'a*': b}}}", Nobody),
    ("selector name empty", "{wasm: {url: a}, selector: {matchLabels: {'': b}}}", Nobody),
    (
        "selector and targets",
        "{wasm: {url: a}, selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
        Nobody,
    ),
    ("no targets", "{wasm: {url: a}, selector: {matchLabels: {a: b}}, targetRefs: []}", Ours),
    ("target", "{wasm: {url: a}, targetRefs: [{kind: Service, name: a, namespace: ''}]}", All),
    ("target elsewhere", "{wasm: {url: a}, targetRefs: [{kind: Service, name: a, namespace: b}]}", Nobody),
    (
        "target kind",
        "{wasm: {url: a}, targetRefs: [{group: networking.istio.io, kind: Gateway, name: a}]}",
        IstiosDefinition,
    ),
    ("targetRef", "{wasm: {url: a}, targetRef: {kind: Service, name: a}}", Nobody),
];

/// Below `wasm`.
const MODULE: &[Text] = &[
    ("W-V1", "pluginName: a", Nobody),
    ("W-V1 empty", "url: ''", Nobody),
    ("W-V2", "url: 'ghcr.io/org/p:1'", All),
    ("W-V3", "url: 'oci://reg/p'", All),
    ("W-V4", "url: 'file:///opt/a.wasm'", All),
    ("W-V5", "url: 'ftp://x/y'", Nobody),
    ("W-V6 63", "url: a, sha256: DIGITS", Nobody),
    ("W-V6 upper case", "url: a, sha256: DIGITSF", Nobody),
    ("W-V7", "url: a, sha256: DIGITSf", All),
    ("W-V8", "url: a, imagePullSecret: LONGx", Nobody),
    ("W-V9", "url: a, vmConfig: {env: [{name: A, value: '1'}, {name: A}]}", Nobody),
    ("W-V10", "url: a, vmConfig: {env: [{name: A, valueFrom: HOST, value: x}]}", Nobody),
    ("W-V10 right", "url: a, vmConfig: {env: [{name: A, valueFrom: HOST}, {name: B, value: c}]}", All),
    ("W-V11", "url: a, vmConfig: {env: [{name: ''}]}", Nobody),
    ("choices", "url: a, type: NETWORK, failStrategy: FAIL_OPEN, imagePullPolicy: Always", All),
    ("config", "url: a, pluginConfig: {a: [1, {b: null}], c: d}", All),
    ("phase within", "url: a, phase: AUTHN", Nobody),
];
