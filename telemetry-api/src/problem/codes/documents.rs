//! Codes of any document: kinds, versions, fields and values.

crate::codes! {
    /// Codes of this area.
    DOCUMENTS:

    /// A document that does not say what it is.
    NO_KIND = "BG0101";

    /// A kind that is not known, in a group that is.
    UNKNOWN_KIND = "BG0102";

    /// A kind that this version does not read.
    KIND_NOT_READ = "BG0103";

    /// A version that the kind does not have.
    API_VERSION = "BG0104";

    /// Two documents of one kind, namespace and name.
    DUPLICATE_DOCUMENT = "BG0105";

    /// A field that the kind does not have.
    UNKNOWN_FIELD = "BG0106";

    /// A value of the wrong type.
    WRONG_TYPE = "BG0107";

    /// A value that is none of those allowed.
    BAD_VALUE = "BG0108";

    /// A key that stands twice in one object.
    DUPLICATE_KEY = "BG0109";

    /// A field that must be there.
    MISSING_FIELD = "BG0110";

    /// A number outside its bounds.
    OUT_OF_RANGE = "BG0111";

    /// A duration that cannot be read.
    BAD_DURATION = "BG0112";
}
