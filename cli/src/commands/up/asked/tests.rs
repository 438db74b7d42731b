//! What is asked, by whom: from documents to lines.

use burgee_api::check::check;
use burgee_api::resolve::{ListenerClass, PolicySet, Workload, WorkloadKind};

use super::*;

const DOCUMENTS: &str = r#"extensionProviders:
  - name: otel
    opentelemetry:
      service: collector.shop.internal
      port: 4317
  - name: lines
    envoyFileAccessLog:
      path: /dev/stdout
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: collector
  namespace: shop
spec:
  hosts: [collector.shop.internal]
  ports:
    - number: 4317
      name: grpc-otel
      protocol: GRPC
  resolution: STATIC
  workloadSelector:
    labels:
      app: collector
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: all
  namespace: istio-system
spec:
  metrics:
    - providers:
        - name: prometheus
      overrides:
        - match:
            metric: REQUEST_SIZE
          disabled: true
        - tagOverrides:
            method:
              value: request.method
  accessLogging:
    - providers:
        - name: lines
      filter:
        expression: response.code >= 400
  tracing:
    - providers:
        - name: otel
      randomSamplingPercentage: 25
      customTags:
        tenant:
          header:
            name: x-tenant
"#;

/// What is asked of two workloads for all classes.
pub(in crate::commands::up) fn policies(file: &str) -> Policies {
    let checked = check(&[burgee_api::document::Source::new(file, DOCUMENTS)]);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    let set = PolicySet::new(checked.resources);
    let workload =
        |name: &str| Workload::new(WorkloadKind::Sidecar, "shop", name, std::collections::BTreeMap::new());
    let mut policies = Vec::new();
    for name in ["cart", "web"] {
        let effective = set.resolve(&workload(name));
        for class in [ListenerClass::Inbound, ListenerClass::Outbound] {
            policies.push((format!("shop/{name}"), class, effective.class(class).clone()));
        }
    }
    policies
}

#[test]
fn each_line_that_asks_is_told_once_with_those_of_whom_it_asks() {
    let mut policies = policies("docs/t.yaml");
    let text = asked(&policies, Path::new("docs"));
    let expected = "  every proxy
    no istio_request_bytes                               t.yaml:38
    every metric with method=request.method              t.yaml:41
    logs by lines: text in /dev/stdout                   t.yaml:44
    logs by lines only where response.code >= 400        t.yaml:46
    spans by otel: OTLP to collector.shop.internal:4317  t.yaml:49
    spans of 25 % of requests                            t.yaml:50
    spans with tenant=the header x-tenant                t.yaml:53";
    assert_eq!(text, expected, "{text}");

    policies[0].2.access_logs.clear();
    policies[2].2.access_logs.clear();
    policies[3].2.access_logs.clear();
    policies[3].2.metrics.clear();
    policies[3].2.tracing = Tracing::Untouched;
    let headings: Vec<String> = asked(&policies, Path::new("docs"))
        .lines()
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.trim().to_owned())
        .collect();
    assert_eq!(headings, ["shop/cart, shop/web (inbound)", "shop/cart (outbound)"]);
}

#[test]
fn who_asked_is_told_with_document_and_field_or_with_the_rule() {
    let policies = policies("docs/t.yaml");
    let filter = policies[0].2.access_logs[0].filter.as_ref().expect("a filter");
    let told = who(&OriginSummary::from(&filter.origin), Path::new("docs"));
    assert_eq!(told, "t.yaml:46  Telemetry istio-system/all  spec.accessLogging[0].filter.expression");
    let rule = OriginSummary::from(&Origin::Rule("Istio's default"));
    assert_eq!(who(&rule, Path::new("docs")), "no document: Istio's default");
}

#[test]
fn spans_that_a_switch_ends_differ_from_those_of_a_provider_that_is_left_out() {
    let mesh =
        "extensionProviders:\n  - name: otel\n    opentelemetry:\n      service: nobody\n      port: 4317\n";
    let telemetry = |tracing: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata:\n  name: t\n  namespace: istio-system\nspec:\n  \
             tracing:\n    - {tracing}\n"
        )
    };
    let by_default = format!("{mesh}defaultProviders:\n  tracing: [otel]\n");
    let chosen = format!("{mesh}---\n{}", telemetry("providers: [{name: otel}]"));
    let switched = format!("{mesh}---\n{}", telemetry("disableSpanReporting: true"));
    let left_out = "no spans by otel: it is left out, and a problem above says why";
    for (documents, expected) in [(by_default, left_out), (chosen, left_out), (switched, "no spans")] {
        let checked = check(&[burgee_api::document::Source::new("t.yaml", &*documents)]);
        let workload = Workload::new(WorkloadKind::Sidecar, "shop", "web", std::collections::BTreeMap::new());
        let policy = PolicySet::new(checked.resources).resolve(&workload);
        let wishes: Vec<String> =
            wishes(policy.class(ListenerClass::Inbound)).into_iter().map(|wish| wish.text).collect();
        assert_eq!(wishes, [expected], "{documents}");
    }
}
