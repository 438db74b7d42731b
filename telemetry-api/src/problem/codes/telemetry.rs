//! Codes of Telemetry: providers, tags, filters and spans.

crate::codes! {
    /// Codes of this area.
    TELEMETRY:

    /// More than one of selector, targetRef and targetRefs.
    SELECTOR_AND_TARGETS = "BG0201";

    /// A selector that Istio refuses.
    BAD_SELECTOR = "BG0202";

    /// A target reference that Istio refuses.
    BAD_TARGET = "BG0203";

    /// A provider without a name.
    PROVIDER_NAME = "BG0204";

    /// A provider that the mesh does not have.
    UNKNOWN_PROVIDER = "BG0205";

    /// A provider that cannot do what it is named for.
    UNSUITABLE_PROVIDER = "BG0206";

    /// A tag to set, without a value.
    UPSERT_WITHOUT_VALUE = "BG0207";

    /// A tag to remove, with a value.
    REMOVE_WITH_VALUE = "BG0208";

    /// An expression that is not CEL.
    BAD_EXPRESSION = "BG0209";

    /// An expression that names no attribute.
    UNKNOWN_ATTRIBUTE = "BG0210";

    /// Both a standard and a custom metric.
    TWO_METRICS = "BG0211";

    /// More tracing entries or providers than take effect.
    SEVERAL_TRACERS = "BG0212";

    /// A tag to remove that no metric has.
    REMOVE_UNKNOWN_TAG = "BG0213";

    /// A custom metric that nothing defines.
    CUSTOM_METRIC = "BG0214";

    /// A metric that this version does not write yet.
    METRIC_NOT_WRITTEN = "BG0215";

    /// A selector without labels.
    EMPTY_SELECTOR = "BG0217";

    /// A custom tag of a trace that Istio refuses.
    BAD_CUSTOM_TAG = "BG0218";

    /// A tag whose name cannot be a label.
    BAD_TAG_NAME = "BG0219";

    /// A filter of access logs that belongs to no provider.
    FILTER_WITHOUT_PROVIDER = "BG0220";

    /// A filter of access logs that is neither true nor false.
    FILTER_NOT_BOOLEAN = "BG0221";

    /// A provider of a kind that this version does not write yet.
    PROVIDER_NOT_WRITTEN = "BG0222";

    /// An annotation of ours that means nothing where it stands.
    UNKNOWN_ANNOTATION = "BG0240";

    /// A URL that a workload cannot call.
    BAD_CALL = "BG0241";
}
