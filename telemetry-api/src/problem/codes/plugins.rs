//! Codes of WasmPlugin: modules, what they are told, and whom they are for.

crate::codes! {
    /// Codes of this area.
    PLUGINS:

    /// A URL that no module can be fetched from.
    BAD_MODULE_URL = "BG0242";

    /// A text that is not a SHA-256.
    BAD_DIGEST = "BG0243";

    /// A variable of a module that Istio refuses.
    BAD_VARIABLE = "BG0244";

    /// A number that loses digits.
    INEXACT_NUMBER = "BG0245";

    /// A variable that Istio keeps to itself.
    RESERVED_VARIABLE = "BG0246";

    /// A plugin that lets requests through where it should keep them out.
    GUARD_FAILS_OPEN = "BG0247";

    /// An image without a tag.
    NO_TAG = "BG0248";

    /// A module that can be replaced while it is fetched.
    UNSAFE_FETCH = "BG0249";

    /// A digest that nothing is compared with.
    DIGEST_IGNORED = "BG0250";

    /// A signature that nothing looks at.
    NOT_VERIFIED = "BG0251";

    /// A plugin of a type that this version does not apply yet.
    NETWORK_PLUGIN = "BG0252";

    /// A module that would have to be fetched.
    NOT_FETCHED = "BG0253";

    /// A plugin that no workload gets.
    PLUGIN_WITHOUT_WORKLOAD = "BG0520";

    /// An entry of `match` that no traffic fits.
    MATCHES_NOTHING = "BG0521";

    /// A plugin without a priority beside one with a low one.
    UNSET_PRIORITY = "BG0522";
}
