//! Which clusters are told who this proxy is: those of the mesh.

use burgee_filter_config::Recipients;
use burgee_filter_config::names::PASSTHROUGH;
use burgee_kit::RequestHeadersHost;
use burgee_kit::attributes::{
    CLUSTER_IS_EXTERNAL, CLUSTER_NAME, CLUSTER_NEEDS_NO_EXCHANGE, SERVICE_HOST, SERVICE_NAME,
};
use burgee_kit::by_cluster::ByCluster;

/// The clusters seen so far, and whether each is told.
#[derive(Debug)]
pub struct Clusters {
    recipients: Recipients,
    known: ByCluster<bool>,
}

impl Clusters {
    /// None is known yet.
    pub fn new(recipients: Recipients) -> Clusters {
        Clusters { recipients, known: ByCluster::default() }
    }

    /// Whether the cluster of the request at hand is told. Where there is none nobody is.
    pub fn is_told<H: RequestHeadersHost>(&mut self, host: &H) -> bool {
        let recipients = self.recipients;
        let mut is_told = false;
        CLUSTER_NAME.show(host, &mut |cluster| {
            is_told = !cluster.is_empty()
                && self.known.get(host, cluster, || is_recipient(recipients, host, cluster));
        });
        is_told
    }
}

/// Whether the cluster of the request at hand is one that is told.
fn is_recipient<H: RequestHeadersHost>(recipients: Recipients, host: &H, cluster: &[u8]) -> bool {
    let is_in_mesh = match recipients {
        Recipients::Described => SERVICE_HOST.get(host).is_some() || SERVICE_NAME.get(host).is_some(),
        Recipients::NotExternal => cluster != PASSTHROUGH.as_bytes(),
    };
    is_in_mesh
        && !CLUSTER_IS_EXTERNAL.get(host).unwrap_or_default()
        && !CLUSTER_NEEDS_NO_EXCHANGE.get(host).unwrap_or_default()
}
