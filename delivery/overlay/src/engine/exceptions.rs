//! Where the native engine differs from the filter.

/// Where the native engine says something else than the filter. There is nothing else that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NativeException {
    /// What becomes of sets of labels beyond the bound.
    BeyondBound,
    /// Series that are not written for a while.
    Eviction,
    /// Series of a listener that another one takes the place of.
    ListenerChange,
    /// Texts that cannot be shown as they are.
    UnfitTexts,
    /// Texts with the filter's own separators.
    Separators,
    /// Expressions that give an empty text.
    EmptyTags,
    /// Certificates with several names.
    SeveralNames,
    /// Flags of a response that extensions have added.
    ExtensionFlags,
    /// Identities with an empty namespace.
    OddPrincipals,
    /// How soon a change of a cluster's metadata shows.
    ClusterMetadata,
    /// Settings of the bootstrap that go by the names of metrics.
    NamesInBootstrap,
    /// Who is at the other end, where Istio's own filter tells it.
    IstioPeers,
    /// What is left of the other engine when a running proxy changes its engine.
    EngineChange,
}

impl NativeException {
    /// Every one.
    pub const ALL: [NativeException; 13] = [
        NativeException::BeyondBound,
        NativeException::Eviction,
        NativeException::ListenerChange,
        NativeException::UnfitTexts,
        NativeException::Separators,
        NativeException::EmptyTags,
        NativeException::SeveralNames,
        NativeException::ExtensionFlags,
        NativeException::OddPrincipals,
        NativeException::ClusterMetadata,
        NativeException::NamesInBootstrap,
        NativeException::IstioPeers,
        NativeException::EngineChange,
    ];

    /// What differs.
    pub const fn text(self) -> &'static str {
        match self {
            NativeException::BeyondBound => {
                "beyond 1,000 sets of labels in a listener, requests with a new set are not counted; the filter counts \
                 them under `other`, and has its bound in each listener and worker"
            }
            NativeException::Eviction => {
                "with `stats_eviction_interval` in the bootstrap, series that are not written for that long are gone \
                 and begin again at 0; those of the filter stay"
            }
            NativeException::ListenerChange => {
                "when a listener is replaced, series that the new one does not write before the old one is drained may \
                 begin again at 0; those of the filter go on"
            }
            NativeException::UnfitTexts => {
                "a text of a client's, a certificate's or an endpoint's metadata with control characters or bytes that \
                 are not UTF-8, or longer than 256 bytes and cut within a character, is `unknown`; the filter replaces \
                 the characters"
            }
            NativeException::Separators => {
                "`;.` and `=.=` in a text that no peer published are shown as they are; the filter writes `_` for one \
                 character of each"
            }
            NativeException::EmptyTags => {
                "where an expression of a tag gives an empty text, the label is `unknown`; the filter's is empty"
            }
            NativeException::SeveralNames => {
                "of a certificate with several URI names, which none of SPIFFE has, all are shown, with commas between, and \
                 a name of more than 256 bytes is not cut; the filter shows the first, and 256 bytes of it"
            }
            NativeException::ExtensionFlags => {
                "response flags that extensions have registered are shown; the filter cannot see them"
            }
            NativeException::OddPrincipals => {
                "of an identity with nothing between `/ns/` and the next `/`, a later `/ns/` counts"
            }
            NativeException::ClusterMetadata => {
                "a change of a cluster's metadata shows at once; the filter takes up to 10 seconds"
            }
            NativeException::NamesInBootstrap => {
                "labels are no part of the names that `histogram_bucket_settings` and `stats_matcher` of the bootstrap \
                 see in front of a metric's own, but stand behind it; and a `fixed_value` of its `stats_tags` is on no \
                 series"
            }
            NativeException::IstioPeers => {
                "where a filter of Istio's own proxies tells who is at the other end, in the place of our \
                 `peer-metadata`, labels of the other end are read from the endpoint's metadata and certificates alone; \
                 the filter reads them from Istio's objects first"
            }
            NativeException::EngineChange => {
                "series of the engine that a running proxy had before stay on its page until it is started anew, beside \
                 those of the other engine with the same labels"
            }
        }
    }
}
