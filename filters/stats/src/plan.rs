//! What to write and what to read for it: fixed once it is known which side this proxy reports.

use burgee_filter_config::changes::Shown;
use burgee_filter_config::stat_name::clean_value;
use burgee_filter_config::stats::UNKNOWN_VALUE;
use burgee_filter_config::{LocalWorkload, MetricKind as Kind, StandardLabel, StandardMetric, Traffic};
use burgee_kit::MetricKind;

use crate::overrides::{Dimension, Overrides};
use crate::value::LabelSet;

/// The side that this proxy reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The side that sends requests.
    Client,
    /// The side that serves them.
    Server,
    /// A shared gateway in front of servers.
    Gateway,
}

/// What to write for each request, or of what else it is.
#[derive(Debug)]
pub struct Plan {
    /// The side that is reported.
    pub role: Role,
    /// The canonical service of this proxy, which a server falls back on.
    pub local_service: std::rc::Rc<[u8]>,
    /// The metrics to write.
    pub metrics: Vec<MetricPlan>,
    /// What differs from request to request, over all metrics, without repetition.
    pub sources: Vec<Source>,
    /// The standard labels among the sources.
    pub needs: LabelSet,
}

/// One metric to write.
#[derive(Debug)]
pub struct MetricPlan {
    /// Which one; nothing for one that the configuration defines.
    pub metric: Option<StandardMetric>,
    /// How its values add up.
    pub kind: MetricKind,
    /// Its name as Prometheus shows it.
    pub name: String,
    /// Its labels, in order.
    pub labels: Vec<(String, Content)>,
}

/// What a label shows.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// Always this clean text.
    Fixed(String),
    /// The source of that index.
    Source(usize),
}

/// Where a value comes from that differs from request to request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The standard value of a label.
    Label(StandardLabel),
    /// The result of the expression of that index.
    Expression(usize),
}

impl Plan {
    /// The plan of a side, this proxy's identity and the configured changes, for the metrics of one kind of traffic.
    pub fn new(role: Role, local: &LocalWorkload, overrides: &Overrides, traffic: Traffic) -> Plan {
        let mut plan = Plan::empty(role, local);
        for (metric, changes) in overrides.written(traffic) {
            let mut labels = Vec::new();
            for (name, shown) in changes.labels(metric) {
                let content = match shown {
                    Shown::Dimension(dimension) => plan.dimension(dimension),
                    Shown::Standard(label) => match fixed(role, local, label) {
                        Some(text) => Content::Fixed(clean_value(text.as_bytes())),
                        None => plan.source(Source::Label(label)),
                    },
                };
                labels.push((name.to_owned(), content));
            }
            let kind = match metric.kind() {
                Kind::Counter => MetricKind::Counter,
                Kind::Histogram => MetricKind::Histogram,
            };
            plan.metrics.push(MetricPlan {
                metric: Some(metric),
                kind,
                name: metric.prometheus_name(),
                labels,
            });
        }
        plan
    }

    /// The expressions among the sources, in their order.
    pub fn expressions(&self) -> impl Iterator<Item = usize> {
        self.sources.iter().filter_map(|source| match source {
            Source::Expression(index) => Some(*index),
            Source::Label(_) => None,
        })
    }

    /// The plan of the metrics that the configuration defines: the same whatever it is that ends.
    pub fn of_defined(role: Role, local: &LocalWorkload, overrides: &Overrides) -> Plan {
        let mut plan = Plan::empty(role, local);
        for defined in overrides.defined() {
            let labels = defined.labels.iter().map(|(name, shown)| (name.clone(), plan.dimension(shown)));
            let labels = labels.collect();
            let name = ["istio_", &defined.name].concat();
            plan.metrics.push(MetricPlan { metric: None, kind: defined.kind, name, labels });
        }
        plan
    }

    fn empty(role: Role, local: &LocalWorkload) -> Plan {
        Plan {
            role,
            local_service: local.canonical_service.as_bytes().into(),
            metrics: Vec::new(),
            sources: Vec::new(),
            needs: LabelSet::default(),
        }
    }

    fn dimension(&mut self, dimension: &Dimension) -> Content {
        match dimension {
            Dimension::Literal(text) => Content::Fixed(text.clone()),
            Dimension::Expression(index) => self.source(Source::Expression(*index)),
        }
    }

    fn source(&mut self, source: Source) -> Content {
        if let Source::Label(label) = source {
            self.needs.insert(label);
        }
        let index = self.sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len().saturating_sub(1)
        });
        Content::Source(index)
    }
}

/// The value of a label that is the same for every request of a side; nothing if it is not.
fn fixed(role: Role, local: &LocalWorkload, label: StandardLabel) -> Option<&str> {
    use StandardLabel as L;
    let of_source = |value| (role == Role::Client).then_some(value);
    let of_destination = |value| (role == Role::Server).then_some(value);
    match label {
        L::Reporter => Some(match role {
            Role::Client => "source",
            Role::Server => "destination",
            Role::Gateway => "waypoint",
        }),
        L::SourceWorkload => of_source(local.workload.as_str()),
        L::SourceCanonicalService => of_source(local.canonical_service.as_str()),
        L::SourceCanonicalRevision => of_source(local.canonical_revision.as_str()),
        L::SourceWorkloadNamespace => of_source(local.namespace.as_str()),
        L::SourceApp => of_source(local.app.as_str()),
        L::SourceVersion => of_source(local.version.as_str()),
        L::SourceCluster => of_source(local.cluster.as_str()),
        L::DestinationWorkload => of_destination(local.workload.as_str()),
        L::DestinationWorkloadNamespace => of_destination(local.namespace.as_str()),
        L::DestinationCanonicalService => of_destination(local.canonical_service.as_str()),
        L::DestinationCanonicalRevision => of_destination(local.canonical_revision.as_str()),
        L::DestinationApp => of_destination(local.app.as_str()),
        L::DestinationVersion => of_destination(local.version.as_str()),
        L::DestinationCluster => of_destination(local.cluster.as_str()),
        L::DestinationServiceNamespace => of_destination(local.namespace.as_str()),
        // A client's proxy does not know how the server took the connection.
        L::ConnectionSecurityPolicy => of_source(UNKNOWN_VALUE),
        L::SourcePrincipal
        | L::DestinationPrincipal
        | L::DestinationService
        | L::DestinationServiceName
        | L::RequestProtocol
        | L::ResponseCode
        | L::GrpcResponseStatus
        | L::ResponseFlags => None,
    }
}
