//! Who a proxy is, by the node of its first request.

use std::sync::Arc;

use burgee_api::resolve::Workload;
use bytes::Bytes;
use prost::Message;

/// The key of a node's metadata that names the class of a base folder which its proxy belongs to.
pub const CLASS_KEY: &str = "BURGEE_CLASS";
/// How large a node may be, in bytes. Istio's are some 10 kB with many labels and annotations.
pub const MOST_NODE_BYTES: usize = 128 * 1024;
/// How deep metadata may nest.
const MOST_DEPTH: usize = 16;

/// A proxy's node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// The workload that it serves.
    pub workload: Arc<Workload>,
    /// The class that it says it belongs to.
    pub class: Option<String>,
    /// The version of its Envoy, if it says so.
    pub envoy: Option<String>,
    /// The message as it came.
    pub bytes: Bytes,
}

/// Why a node cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// It is not there.
    #[error(
        "the first request of a stream has no node; give the proxy one in its bootstrap, as `burgee bootstrap` does"
    )]
    Missing,
    /// It is beyond bounds.
    #[error("the node has {0} bytes; at most {MOST_NODE_BYTES} are allowed")]
    TooLarge(usize),
    /// It is no node.
    #[error("the node cannot be read: {0}")]
    Malformed(String),
    /// It does not say which workload this is.
    #[error("{0}")]
    Nobody(String),
}

/// `envoy.config.core.v3.Node`, as far as it is read here.
#[derive(Clone, PartialEq, Message)]
struct RawNode {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    cluster: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<prost_types::Struct>,
    #[prost(message, optional, tag = "8")]
    build: Option<BuildVersion>,
}

/// `envoy.config.core.v3.BuildVersion`.
#[derive(Clone, PartialEq, Message)]
struct BuildVersion {
    #[prost(message, optional, tag = "1")]
    version: Option<SemanticVersion>,
}

/// `envoy.type.v3.SemanticVersion`.
#[derive(Clone, PartialEq, Message)]
struct SemanticVersion {
    #[prost(uint32, tag = "1")]
    major: u32,
    #[prost(uint32, tag = "2")]
    minor: u32,
    #[prost(uint32, tag = "3")]
    patch: u32,
}

impl Node {
    /// Reads an encoded node.
    ///
    /// # Errors
    ///
    /// It is no node, or of a proxy that no document can be for.
    pub fn read(bytes: Option<&Bytes>) -> Result<Node, NodeError> {
        let bytes = bytes.ok_or(NodeError::Missing)?;
        if bytes.len() > MOST_NODE_BYTES {
            return Err(NodeError::TooLarge(bytes.len()));
        }
        let raw = RawNode::decode(bytes.clone()).map_err(|error| NodeError::Malformed(error.to_string()))?;
        let metadata = raw.metadata.map_or(Ok(serde_json::Value::Null), |metadata| json_of(metadata, 0))?;
        let class = metadata.get(CLASS_KEY).and_then(|class| class.as_str()).map(str::to_owned);
        let node = serde_json::json!({"id": raw.id, "cluster": raw.cluster, "metadata": metadata});
        let workload = Workload::from_node(&node).map_err(|problem| {
            NodeError::Nobody(format!("node {:?}: {}; {}", raw.id, problem.message, problem.help))
        })?;
        let version = raw.build.and_then(|build| build.version);
        let envoy = version.map(|it| format!("{}.{}.{}", it.major, it.minor, it.patch));
        Ok(Node { id: raw.id, workload: Arc::new(workload), class, envoy, bytes: bytes.clone() })
    }
}

fn json_of(metadata: prost_types::Struct, depth: usize) -> Result<serde_json::Value, NodeError> {
    if depth > MOST_DEPTH {
        return Err(NodeError::Malformed(format!("its metadata nests deeper than {MOST_DEPTH}")));
    }
    let fields = metadata.fields.into_iter();
    let fields: Result<serde_json::Map<_, _>, NodeError> =
        fields.map(|(key, value)| Ok((key, json_of_value(value, depth)?))).collect();
    Ok(fields?.into())
}

fn json_of_value(value: prost_types::Value, depth: usize) -> Result<serde_json::Value, NodeError> {
    use prost_types::value::Kind;
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::NumberValue(number)) => number.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::BoolValue(is)) => is.into(),
        Some(Kind::StructValue(fields)) => json_of(fields, depth + 1)?,
        Some(Kind::ListValue(list)) => {
            if depth > MOST_DEPTH {
                return Err(NodeError::Malformed(format!("its metadata nests deeper than {MOST_DEPTH}")));
            }
            let items: Result<Vec<_>, _> =
                list.values.into_iter().map(|value| json_of_value(value, depth + 1)).collect();
            items?.into()
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A node of a workload with labels, as a proxy sends it.
    pub(crate) fn node(id: &str, metadata: &serde_json::Value) -> Bytes {
        let build = BuildVersion { version: Some(SemanticVersion { major: 1, minor: 40, patch: 0 }) };
        let metadata = match proto_of(metadata).kind {
            Some(prost_types::value::Kind::StructValue(metadata)) => Some(metadata),
            _ => None,
        };
        RawNode { id: id.to_owned(), cluster: "c".to_owned(), metadata, build: Some(build) }
            .encode_to_vec()
            .into()
    }

    fn proto_of(value: &serde_json::Value) -> prost_types::Value {
        use prost_types::value::Kind;
        let kind = match value {
            serde_json::Value::Null => Kind::NullValue(0),
            serde_json::Value::Bool(is) => Kind::BoolValue(*is),
            serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
            serde_json::Value::String(text) => Kind::StringValue(text.clone()),
            serde_json::Value::Array(items) => {
                Kind::ListValue(prost_types::ListValue { values: items.iter().map(proto_of).collect() })
            }
            serde_json::Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| (key.clone(), proto_of(value))).collect();
                Kind::StructValue(prost_types::Struct { fields })
            }
        };
        prost_types::Value { kind: Some(kind) }
    }

    #[test]
    fn a_node_in_istio_s_layout_says_whose_proxy_it_is() {
        let metadata = serde_json::json!({
            "NAMESPACE": "shop", "WORKLOAD_NAME": "web-v1", "LABELS": {"app": "web"}, CLASS_KEY: "edge",
            "NUMBERS": [1, true, null],
        });
        let bytes = node("sidecar~10.0.0.1~web-1.shop~shop.svc", &metadata);
        let node = Node::read(Some(&bytes)).expect("a node");
        assert_eq!(node.workload.to_string(), "shop/web-v1");
        assert_eq!(node.workload.labels["app"], "web");
        assert_eq!((node.class.as_deref(), node.envoy.as_deref()), (Some("edge"), Some("1.40.0")));
        assert_eq!(node.bytes, bytes);
    }

    #[test]
    fn what_is_no_node_is_told() {
        let mut deep = serde_json::json!(1);
        for _ in 0..20 {
            deep = serde_json::json!({"a": deep});
        }
        let large = Bytes::from(vec![0; MOST_NODE_BYTES + 1]);
        let waypoint = serde_json::json!({"NAMESPACE": "a", "WORKLOAD_NAME": "b"});
        for (bytes, said) in [
            (None, "has no node"),
            (Some(large), "at most"),
            (Some(Bytes::from_static(b"\xff")), "cannot be read"),
            (Some(node("x", &deep)), "deeper"),
            (Some(node("x", &serde_json::json!({}))), "does not say its namespace"),
            (Some(node("waypoint~1~p.a~a.svc", &waypoint)), "waypoint"),
        ] {
            let error = Node::read(bytes.as_ref()).expect_err("no node").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
