//! What policies are laid over to see what changes in a proxy: somebody's own bootstrap, or one of each listener class.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use burgee_api::document::Source;
use burgee_api::problem::Problem;
use burgee_api::resolve::{ListenerClass, Workload};
use burgee_overlay::Value;

use crate::commands::render::read_base;
use crate::{Failure, sources};

/// The port that every class of listeners has in the sample, beside those that plugins name.
const USUAL_PORT: u16 = 80;

/// The port of the sample's listeners that carry TCP.
const TCP_PORT: u16 = 9000;

/// Why a base cannot be read.
pub(super) struct Faults {
    pub problems: Vec<Problem>,
    pub text: Source,
}

/// Reads somebody's own base.
pub(super) fn read(path: &Path) -> Result<Result<Value, Faults>, Failure> {
    let mut sources = sources::read_one(path)?;
    let Some(text) = sources.texts.pop() else {
        let text = Source::new(path.to_string_lossy(), "");
        return Ok(Err(Faults { problems: sources.problems, text }));
    };
    Ok(read_base(path, &text).map(|(value, _)| value).map_err(|problems| Faults { problems, text }))
}

/// A bootstrap with what a proxy of a workload has: for each class of its listeners one with HTTP for every port, and
/// one with TCP.
pub(super) fn sample(workload: &Workload, ports: &BTreeSet<u16>) -> Value {
    let mut text = String::from("node: {id: sample, cluster: sample}\nstatic_resources:\n  listeners:\n");
    for class in ListenerClass::of(workload.kind) {
        let ports = ports.iter().copied().chain([USUAL_PORT]).collect::<BTreeSet<u16>>();
        for port in ports {
            let name =
                if port == USUAL_PORT { class.name().to_owned() } else { format!("{}-{port}", class.name()) };
            listener(&mut text, *class, &name, port, HTTP);
        }
        listener(&mut text, *class, &format!("{}-tcp", class.name()), TCP_PORT, TCP);
    }
    let source = Source::new("sample.yaml", text);
    Value::from_yaml(&source).unwrap_or_else(|_| Value::Map(Vec::new().into()))
}

const HTTP: &str = "      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: sample
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
";

const TCP: &str = "      - name: envoy.filters.network.tcp_proxy
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: sample
          cluster: sample
";

fn listener(text: &mut String, class: ListenerClass, name: &str, port: u16, filters: &str) {
    let direction = match class {
        ListenerClass::Inbound => "INBOUND",
        ListenerClass::Outbound => "OUTBOUND",
        ListenerClass::Gateway => "UNSPECIFIED",
    };
    let _ = write!(
        text,
        "  - name: {name}\n    traffic_direction: {direction}\n    address: {{socket_address: {{address: 0.0.0.0, \
         port_value: {port}}}}}\n    filter_chains:\n    - filters:\n{filters}"
    );
}

#[cfg(test)]
mod tests {
    use burgee_api::resolve::WorkloadKind;

    use super::*;

    #[test]
    fn the_sample_has_a_listener_of_each_class_for_each_port() {
        let names = |kind| -> Vec<String> {
            let workload = Workload::new(kind, "a", "b", [].into());
            let sample = sample(&workload, &[8080].into());
            let listeners =
                sample.at(&["static_resources", "listeners"]).expect("listeners").items().to_vec();
            listeners.iter().filter_map(|it| Some(it.field("name")?.as_str()?.to_owned())).collect()
        };
        assert_eq!(names(WorkloadKind::Gateway), ["gateway", "gateway-8080", "gateway-tcp"]);
        let sidecar = names(WorkloadKind::Sidecar);
        assert_eq!(sidecar.len(), 6, "{sidecar:?}");
        assert!(sidecar.contains(&"inbound-8080".to_owned()) && sidecar.contains(&"outbound-tcp".to_owned()));
    }
}
