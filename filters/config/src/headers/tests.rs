//! What a configuration of the `headers` filter may say.

use proptest::prelude::*;

use super::*;

#[test]
fn a_whole_configuration_is_read_and_names_are_lower_cased() {
    let config = HeadersConfig::from_json(
        br#"{"request": {"set": {"X-Team": "shop"}, "remove": ["X-Debug"]}, "response": {"set": {"x-a": ""}}}"#,
    )
    .unwrap();
    let name = |name: &str| HeaderName::new(name).unwrap();
    assert_eq!(config.request.set[&name("x-team")].as_str(), "shop");
    assert_eq!(config.request.remove, [name("x-debug")]);
    assert_eq!(config.response.set[&name("x-a")].as_str(), "");
    assert_eq!(HeadersConfig::from_json(b" \n").unwrap(), HeadersConfig::default());
    let written = serde_json::to_vec(&config).unwrap();
    assert_eq!(HeadersConfig::from_json(&written).unwrap(), config);
}

#[test]
fn what_is_refused_says_where_and_what_is_allowed() {
    let many: Vec<String> = (0..=MAX_HEADERS).map(|i| format!("\"x-{i}\"")).collect();
    let many_removed = format!(r#"{{"request": {{"remove": [{}]}}}}"#, many.join(","));
    let many_set = format!(r#"{{"request": {{"set": {{{}: ""}}}}}}"#, many.join(": \"\","));
    let long_name = format!(r#"{{"request": {{"remove": ["{}"]}}}}"#, "x".repeat(MAX_NAME_BYTES + 1));
    let long_value = format!(r#"{{"request": {{"set": {{"x": "{}"}}}}}}"#, "x".repeat(MAX_VALUE_BYTES + 1));
    for (text, path, message) in [
        (r#"{"reqest": {}}"#, "", "unknown field `reqest`, expected `request` or `response`"),
        (r#"{"request": {"add": {}}}"#, "request", "unknown field `add`, expected `set` or `remove`"),
        (r#"{"request": []}"#, "request", "expected a JSON object"),
        (r#"{"response": {"set": []}}"#, "response.set", "a JSON object of header names"),
        (r#"{"response": {"set": {"x-a": 1}}}"#, "response.set.x-a", "expected a string"),
        (r#"{"response": {"set": {"x.a": null}}}"#, r#"response.set["x.a"]"#, "expected a string"),
        (r#"{"response": {"set": {"x-a": "a\r\nb"}}}"#, "response.set.x-a", "control characters"),
        (r#"{"response": {"set": {"x-a": "a\u0000"}}}"#, "response.set.x-a", "control characters"),
        (r#"{"response": {"set": {"x-a": " a"}}}"#, "response.set.x-a", "neither begins nor ends"),
        (r#"{"response": {"set": {"x a": ""}}}"#, "response.set", "\"x a\" cannot be a header's name"),
        (r#"{"response": {"set": {"": ""}}}"#, "response.set", "cannot be a header's name"),
        (r#"{"response": {"set": {":status": "200"}}}"#, "response.set", "`:status` is a part of HTTP"),
        (r#"{"response": {"set": {"X-A": "", "x-a": ""}}}"#, "response.set", "`x-a` stands twice"),
        (r#"{"request": {"remove": ["x-a", "é"]}}"#, "request.remove[1]", r#""\u{e9}" cannot be"#),
        (r#"{"request": {"remove": [":path"]}}"#, "request.remove[0]", "`:path` is a part of HTTP"),
        (r#"{"request": {"remove": ["Host"]}}"#, "request.remove[0]", "`host` cannot be removed"),
        (r#"{"request": {"remove": ["Content-Length"]}}"#, "request.remove[0]", "how a message is sent"),
        (r#"{"request": {"set": {"upgrade": "x"}}}"#, "request.set", "how a message is sent"),
        (&many_removed, "request.remove", "at most 64 headers"),
        (&many_set, "request.set", "at most 64 headers"),
        (&long_name, "request.remove[0]", "at most 256 bytes"),
        (&long_value, "request.set.x", "at most 4096 bytes"),
        ("null", "", "expected a JSON object"),
    ] {
        let error = HeadersConfig::from_json(text.as_bytes()).expect_err(text);
        assert_eq!(error.path(), path, "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_can_be_sent(name in ".{0,12}", value in ".{0,12}") {
        let token = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if let Ok(name) = HeaderName::new(&name) {
            prop_assert!(token(name.as_str()) && name.as_str() == name.as_str().to_ascii_lowercase());
        }
        if let Ok(value) = HeaderValue::new(value) {
            prop_assert!(!value.as_str().contains(['\r', '\n', '\0']));
        }
    }

    #[test]
    fn ordinary_names_and_values_are_accepted(name in "[A-Za-z][A-Za-z0-9-]{0,20}", value in "[!-~é]([ -~é]{0,20}[!-~é])?") {
        prop_assume!(!FRAMING.contains(&name.to_ascii_lowercase().as_str()));
        prop_assert!(HeaderName::new(&name).is_ok());
        prop_assert!(HeaderValue::new(value).is_ok());
    }
}
