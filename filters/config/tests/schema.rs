//! The JSON Schemas of the filters' configuration types: this keeps their files fresh.

use std::path::Path;

use burgee_filter_config::{HeadersConfig, PeerMetadataConfig, StatsConfig};

#[test]
fn the_schemas_of_the_filters_are_fresh() {
    for (name, schema) in [
        // Where the module takes it from, and tools look for it.
        ("../headers/configuration.schema.json", HeadersConfig::json_schema()),
        ("../peer-metadata/configuration.schema.json", PeerMetadataConfig::json_schema()),
        ("../stats/configuration.schema.json", StatsConfig::json_schema()),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let actual = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
        if std::env::var_os("BURGEE_BLESS").is_some() {
            std::fs::write(&file, &actual).expect("the schema can be written");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(expected, actual, "{name}: run again with BURGEE_BLESS=1 and review the change like code");
    }
}
