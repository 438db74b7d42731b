//! What two proxies tell each other: a `google.protobuf.Struct` in base64, with the keys of Istio's node metadata.

use burgee_filter_config::LocalWorkload;
use burgee_filter_config::names::{CANONICAL_NAME, CANONICAL_REVISION};
use burgee_kit::peer::PeerWorkload;
use burgee_kit::protobuf_struct::{self, StructValue, StructWriter};
use data_encoding::{BASE64, BASE64_NOPAD};

/// The header that says who is at the other end.
pub const VALUE_HEADER: &str = "x-envoy-peer-metadata";
/// The header with the other end's node id.
pub const ID_HEADER: &str = "x-envoy-peer-metadata-id";

/// The longest header that is read. Real ones have some 500 bytes, older ones with all labels some thousands.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The longest value of a field that is read. A SPIFFE identity has at most 2 KiB, any other value 253 bytes.
const MAX_FIELD_BYTES: usize = 2048;

/// Labels of an app and its version; the first that is there counts.
const APP: [&str; 2] = ["app.kubernetes.io/name", "app"];
const VERSION: [&str; 2] = ["app.kubernetes.io/version", "version"];

/// What this proxy tells beside [`LocalWorkload`]. What is not known is empty.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The instance's name, such as that of a pod.
    pub name: String,
    /// Its SPIFFE identity.
    pub identity: String,
    /// What owns it, `kubernetes://apis/apps/v1/namespaces/NAMESPACE/deployments/NAME`.
    pub owner: String,
    /// The region that it runs in.
    pub region: String,
    /// The zone that it runs in.
    pub zone: String,
    /// The additional labels that it has, by name.
    pub labels: Vec<(String, String)>,
}

/// The header's value that says who this proxy is.
pub fn encode(local: &LocalWorkload, details: &Details) -> String {
    let mut labels = StructWriter::default();
    for (name, value) in &details.labels {
        labels.set_text(name.as_bytes(), value.as_bytes());
    }
    for (name, value) in [
        (CANONICAL_NAME, &local.canonical_service),
        (CANONICAL_REVISION, &local.canonical_revision),
        ("app", &local.app),
        ("version", &local.version),
    ] {
        labels.set_text_if_any(name.as_bytes(), value.as_bytes());
    }
    let mut metadata = StructWriter::default();
    for (key, value) in [
        ("NAME", &details.name),
        ("NAMESPACE", &local.namespace),
        ("WORKLOAD_NAME", &local.workload),
        ("CLUSTER_ID", &local.cluster),
        ("IDENTITY", &details.identity),
        ("OWNER", &details.owner),
        ("REGION", &details.region),
        ("AVAILABILITY_ZONE", &details.zone),
    ] {
        metadata.set_text_if_any(key.as_bytes(), value.as_bytes());
    }
    metadata.set_struct(b"LABELS", labels);
    BASE64.encode(&metadata.into_bytes())
}

/// Who a header's value says is at the other end; nothing if it says nothing that can be read.
pub fn decode(value: &[u8], additional_labels: &[String]) -> Option<PeerWorkload> {
    if value.is_empty() || value.len() > MAX_HEADER_BYTES {
        return None;
    }
    // Padding fills up to four letters, and many leave it out.
    let bare = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    let metadata = BASE64_NOPAD.decode(bare).ok()?;
    let mut peer = PeerWorkload::default();
    let mut labels: &[u8] = b"";
    protobuf_struct::read(&metadata, |key, value| match (key, value) {
        (b"LABELS", StructValue::Struct(fields)) => labels = fields,
        (_, StructValue::Text(text)) if is_text(text) => {
            let field = match key {
                b"NAME" => &mut peer.name,
                b"NAMESPACE" => &mut peer.namespace,
                b"WORKLOAD_NAME" => &mut peer.workload,
                b"CLUSTER_ID" => &mut peer.cluster,
                b"IDENTITY" => &mut peer.identity,
                b"REGION" => &mut peer.region,
                b"AVAILABILITY_ZONE" => &mut peer.zone,
                b"OWNER" => {
                    peer.kind = kind_of(text).to_vec();
                    return;
                }
                _ => return,
            };
            *field = text.to_vec();
        }
        _ => {}
    })
    .ok()?;
    let mut ranks = [usize::MAX; 2];
    protobuf_struct::read(labels, |name, value| {
        let StructValue::Text(text) = value else { return };
        if !is_text(text) {
            return;
        }
        if name == CANONICAL_NAME.as_bytes() {
            peer.canonical_service = text.to_vec();
        } else if name == CANONICAL_REVISION.as_bytes() {
            peer.canonical_revision = text.to_vec();
        }
        let choices = [(APP, &mut peer.app), (VERSION, &mut peer.version)];
        for ((names, field), best) in choices.into_iter().zip(&mut ranks) {
            let rank = names.iter().position(|known| known.as_bytes() == name);
            if let Some(rank) = rank.filter(|rank| rank <= best) {
                *best = rank;
                *field = text.to_vec();
            }
        }
        if additional_labels.iter().any(|label| label.as_bytes() == name) {
            peer.labels.retain(|(known, _)| known != name);
            peer.labels.push((name.to_vec(), text.to_vec()));
        }
    })
    .ok()?;
    (peer != PeerWorkload::default()).then_some(peer)
}

/// Whether a value is one that can be published: whoever reads it as protobuf refuses all of it if one text is not UTF-8.
fn is_text(value: &[u8]) -> bool {
    value.len() <= MAX_FIELD_BYTES && std::str::from_utf8(value).is_ok()
}

/// The kind of workload in an owner's path, `…/deployments/NAME`; empty if it is none that Istio knows.
fn kind_of(owner: &[u8]) -> &'static [u8] {
    let kind = owner.rsplit(|byte| *byte == b'/').nth(1).unwrap_or_default();
    match kind {
        b"deployments" => b"deployment",
        b"pods" => b"pod",
        b"jobs" => b"job",
        b"cronjobs" => b"cronjob",
        _ => b"",
    }
}

/// A workload of the configuration, as one that would have said so itself.
pub fn peer_of(workload: &LocalWorkload) -> PeerWorkload {
    let bytes = |text: &String| text.as_bytes().to_vec();
    PeerWorkload {
        workload: bytes(&workload.workload),
        namespace: bytes(&workload.namespace),
        cluster: bytes(&workload.cluster),
        canonical_service: bytes(&workload.canonical_service),
        canonical_revision: bytes(&workload.canonical_revision),
        app: bytes(&workload.app),
        version: bytes(&workload.version),
        ..PeerWorkload::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What protobuf's own libraries write for the keys that Istio's proxies exchange of this workload.
    const PRODUCTPAGE: &str = include_str!("../tests/productpage.txt");

    fn local() -> LocalWorkload {
        LocalWorkload {
            workload: "productpage-v1".to_owned(),
            namespace: "default".to_owned(),
            app: "productpage".to_owned(),
            version: "v1".to_owned(),
            canonical_service: "productpage-v1".to_owned(),
            canonical_revision: "version-1".to_owned(),
            cluster: "client-cluster".to_owned(),
        }
    }

    fn details() -> Details {
        Details {
            name: "productpage-v1-84975bc778-pxz2w".to_owned(),
            owner: "kubernetes://apis/apps/v1/namespaces/default/deployments/productpage-v1".to_owned(),
            ..Details::default()
        }
    }

    fn expected() -> PeerWorkload {
        PeerWorkload {
            kind: b"deployment".to_vec(),
            name: b"productpage-v1-84975bc778-pxz2w".to_vec(),
            ..peer_of(&local())
        }
    }

    #[test]
    fn what_is_sent_is_what_istio_sends() {
        assert_eq!(encode(&local(), &details()), PRODUCTPAGE.trim_end());
        assert_eq!(decode(PRODUCTPAGE.trim_end().as_bytes(), &[]), Some(expected()));
    }

    #[test]
    fn padding_may_be_left_out() {
        for name in ["a", "ab", "abc"] {
            let details = Details { name: name.to_owned(), ..Details::default() };
            let sent = encode(&LocalWorkload::default(), &details);
            for value in [sent.as_str(), sent.trim_end_matches('=')] {
                assert_eq!(decode(value.as_bytes(), &[]).unwrap().name, name.as_bytes(), "{value}");
            }
        }
    }

    #[test]
    fn a_workload_of_which_nothing_is_known_still_has_labels() {
        let sent = encode(&LocalWorkload::default(), &Details::default());
        assert_eq!(BASE64.decode(sent.as_bytes()).unwrap(), b"\x0a\x0c\x0a\x06LABELS\x12\x02\x2a\x00");
        assert_eq!(decode(sent.as_bytes(), &[]), None);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let long = "A".repeat(MAX_HEADER_BYTES + 4);
        for value in ["", "=", "====", "?", "AAA", "A", "/w==", "CgU=", "\u{fffd}", &long] {
            assert_eq!(decode(value.as_bytes(), &[]), None, "{}", value.len());
        }
    }

    #[test]
    fn values_of_another_kind_that_are_no_text_or_long_are_passed_over() {
        let mut writer = StructWriter::default();
        writer.set_struct(b"NAMESPACE", StructWriter::default());
        writer.set_text(b"LABELS", b"app");
        writer.set_text(b"NAME", &[b'x'; MAX_FIELD_BYTES + 1]);
        writer.set_text(b"CLUSTER_ID", b"\xff");
        writer.set_text(b"WORKLOAD_NAME", b"web");
        let value = BASE64.encode(&writer.into_bytes());
        let peer = PeerWorkload { workload: b"web".to_vec(), ..PeerWorkload::default() };
        assert_eq!(decode(value.as_bytes(), &[]), Some(peer));
    }

    #[test]
    fn kubernetes_own_labels_go_before_others_and_additional_ones_are_those_asked_for() {
        let details = Details {
            labels: [
                ("app.kubernetes.io/name", "a"),
                ("app.kubernetes.io/version", "b"),
                ("role", "db"),
                ("secret", "s"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..details()
        };
        let peer = decode(encode(&local(), &details).as_bytes(), &["role".to_owned()]).unwrap();
        assert_eq!((peer.app.as_slice(), peer.version.as_slice()), (&b"a"[..], &b"b"[..]));
        assert_eq!(peer.labels, [(b"role".to_vec(), b"db".to_vec())]);
    }

    #[test]
    fn an_owner_says_the_kind_of_workload() {
        for (owner, kind) in [
            ("kubernetes://apis/apps/v1/namespaces/n/deployments/d", "deployment"),
            ("kubernetes://apis/v1/namespaces/n/pods/p", "pod"),
            ("kubernetes://apis/batch/v1/namespaces/n/jobs/j", "job"),
            ("kubernetes://apis/batch/v1/namespaces/n/cronjobs/j", "cronjob"),
            ("kubernetes://apis/networking.istio.io/v1/namespaces/n/workloadentries/w", ""),
            ("deployments", ""),
            ("", ""),
        ] {
            assert_eq!(kind_of(owner.as_bytes()), kind.as_bytes(), "{owner}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes, &[]);
            let _ = decode(BASE64.encode(&bytes).as_bytes(), &["app".to_owned()]);
        }
    }
}
