//! Codes of what documents do to each other.

crate::codes! {
    /// Codes of this area.
    EFFECTS:

    /// A namespace-wide Telemetry that an older one hides.
    HIDDEN_DOCUMENT = "BG0501";

    /// A Telemetry of the root namespace whose selector does not leave it.
    ROOT_SELECTOR = "BG0502";

    /// Two Prometheus providers at once.
    DOUBLE_COUNT = "BG0503";

    /// Overrides without a provider in force.
    NO_PROVIDER = "BG0504";

    /// Two Telemetries that select one workload.
    STACKED_DOCUMENTS = "BG0505";

    /// A metric switched off for all that a later override switches on again.
    DISABLE_UNDONE = "BG0506";

    /// One provider spelled in two ways.
    PROVIDER_SPELLING = "BG0507";

    /// A selector that no workload has.
    SELECTS_NOTHING = "BG0508";

    /// A document for another revision.
    OTHER_REVISION = "BG0509";

    /// A tracing entry without a provider, which ends all tracing.
    TRACING_ENDED = "BG0510";

    /// Access logging switched off where nothing is in force, so that the mesh's file goes on.
    STILL_LOGGED = "BG0511";

    /// Providers of access logs that go with the one that is switched off.
    OTHERS_DROPPED = "BG0512";

    /// Default providers of access logs that end on a side that nothing is said of.
    DEFAULTS_DROPPED = "BG0513";

    /// A tracing provider that is named where an earlier entry keeps spans back.
    STILL_DISABLED = "BG0514";
}
