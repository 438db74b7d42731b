//! Codes of MeshConfig: its providers, and the collectors that they name.

crate::codes! {
    /// Codes of this area.
    MESH_CONFIG:

    /// A provider of the mesh that is not one of a kind.
    BAD_PROVIDER = "BG0301";

    /// Two providers of one name.
    DUPLICATE_PROVIDER = "BG0302";

    /// A default provider that the mesh does not have.
    UNKNOWN_DEFAULT_PROVIDER = "BG0303";

    /// More than one MeshConfig.
    SEVERAL_MESH_CONFIGS = "BG0304";

    /// A field of MeshConfig that this version does not apply yet.
    FIELD_NOT_APPLIED = "BG0305";

    /// A format of log lines that cannot be used.
    BAD_LOG_FORMAT = "BG0306";

    /// A collector that is no service of the mesh.
    NO_COLLECTOR = "BG0307";

    /// A collector that is a service of several namespaces.
    SEVERAL_COLLECTORS = "BG0308";

    /// A collector that does not have the port.
    COLLECTOR_PORT = "BG0309";
}
