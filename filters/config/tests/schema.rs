//! The JSON Schemas of the filters' configuration types: `schema/` holds them, and this keeps them fresh.

use std::path::Path;

use burgee_filter_config::StatsConfig;

#[test]
fn the_schema_of_the_stats_filter_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/stats.json");
    let actual = serde_json::to_string_pretty(&StatsConfig::json_schema()).expect("a schema is JSON") + "\n";
    if std::env::var_os("BURGEE_BLESS").is_some() {
        std::fs::write(&file, &actual).expect("the schema can be written");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(expected, actual, "run again with BURGEE_BLESS=1 and review the change like code");
}
