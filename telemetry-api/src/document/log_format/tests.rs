//! Formats that Envoy takes and that it refuses.

use proptest::prelude::*;

use super::*;
use crate::resolve::log_format::{DEFAULT_JSON, DEFAULT_TEXT};
use crate::test;

#[test]
fn istios_usual_formats_are_right() {
    assert_eq!(fault(DEFAULT_TEXT), None);
    for (key, format) in DEFAULT_JSON {
        assert_eq!(fault(format), None, "{key}");
    }
}

#[test]
fn right_formats_are_accepted() {
    for format in [
        "",
        "plain",
        "100%% of %PROTOCOL%",
        "%START_TIME(%Y/%m/%dT%H:%M:%S%z)%",
        "%REQ(X-A?X-B):12%",
        "%PATH:5% %PATH(NQ):5%",
        "%PROTOCOL()%",
        "%GRPC_STATUS(SNAKE_STRING)%",
        "%COALESCE({\"operators\": [\"PATH\", {\"command\": \"REQ\", \"param\": \"a\", \"max_length\": 3}]})%",
        "%REQ(A?)% %REQ(?B)% %REQ(a_b.c-d~!#$&'*+^`|)% %REQ(a%b)%",
        "%TYPED_CEL(request.path):3%",
        "%PATH(WQ:ORIG:X)% %PATH(:ORIG)% %PATH(WQ:)%",
        "%COMMON_DURATION(DS_RX_BEG::us)% %COMMON_DURATION(a:b)%",
        "%FILTER_STATE(x:FIELD:y)% %FILTER_STATE(x:)% %FILTER_STATE(x:PLAIN:)%",
        "%METADATA(VIRTUAL_HOST:a)% %METADATA(DYNAMIC)%",
        "%REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)% %QUERY_PARAMS(DECODED)%",
        "%CEL(request.headers['a)b'])%",
        "%DYNAMIC_METADATA(a:b)%%PROTOCOL%",
    ] {
        assert_eq!(fault(format), None, "{format}");
    }
}

/// Each was given to Envoy 1.40, which refused it.
#[test]
fn wrong_arguments_are_told() {
    for (format, expected) in [
        ("%REQ(A?B?C)%", "more than two names"),
        ("%RESP(a b)%", "`a b`"),
        ("%TRAILER(a?é)%", "`é`"),
        ("%REQ(::a)%", "`::a`"),
        ("%REQ(a:)%", "`a:`"),
        ("%GRPC_STATUS(foo)%", "`foo`"),
        ("%GRPC_STATUS(NUMBER:x)%", "`NUMBER:x`"),
        ("%PATH(FOO):3%", "`FOO`"),
        ("%PATH(WQ:FOO)%", "`FOO`"),
        ("%COMMON_DURATION(x)%", "`x`"),
        ("%COMMON_DURATION(a:b:s)%", "`s`"),
        ("%COMMON_DURATION(a:b:ms:c)%", "`a:b:ms:c`"),
        ("%FILTER_STATE(x:BAD)%", "`BAD`"),
        ("%FILTER_STATE(x:FIELD)%", "`FIELD` without a name"),
        ("%UPSTREAM_FILTER_STATE(x:PLAIN:y)%", "a field beside `PLAIN`"),
        ("%FILTER_STATE(:PLAIN)%", "an empty name"),
        ("%METADATA(FOO:a)%", "`FOO`"),
        ("%METADATA(:a)%", "``"),
        ("%REQUESTED_SERVER_NAME(x)%", "`x`"),
        ("%QUERY_PARAMS(ORIG:x)%", "`ORIG:x`"),
        ("%COALESCE(x)%", "`x`"),
        ("%COALESCE({\"operators\":[]})%", "an empty list of operators"),
        ("%COALESCE({\"operators\":[1]})%", "the operator `1`"),
        ("%COALESCE({\"operators\":[\"PATH\",\"REQ\"]})%", "the operator `\"REQ\"`"),
    ] {
        let Some(Fault::Argument(_, bad)) = fault(format) else { panic!("{format}: {:?}", fault(format)) };
        assert_eq!(bad.what, expected, "{format}");
    }
}

#[test]
fn wrong_formats_are_told() {
    for (format, expected) in [
        ("%BYTES_SNT%", Fault::Unknown("BYTES_SNT")),
        ("%PROTOCOL% %NOTHING(a)%", Fault::Unknown("NOTHING")),
        ("100% sure", Fault::Stray("% sure")),
        ("%protocol%", Fault::Stray("%protocol%")),
        ("%PROTOCOL", Fault::Stray("%PROTOCOL")),
        ("%REQ(a", Fault::Stray("%REQ(a")),
        ("%REQ(a):x%", Fault::Stray("%REQ(a):x%")),
        ("%REQ%", Fault::Bare("REQ")),
        ("%RESP():3%", Fault::Bare("RESP")),
        ("%PROTOCOL:3%", Fault::Length("PROTOCOL")),
        ("%PROTOCOL():3%", Fault::Length("PROTOCOL")),
        ("%START_TIME(%s):3%", Fault::Length("START_TIME")),
        ("%CLUSTER_METADATA(a:b):3%", Fault::Length("CLUSTER_METADATA")),
        ("%PROTOCOL(a)%", Fault::Arguments("PROTOCOL")),
        ("%RESPONSE_CODE(a):3%", Fault::Arguments("RESPONSE_CODE")),
        ("%REQ(a):%", Fault::Stray("%REQ(a):%")),
        ("%PROTOCOL:", Fault::Stray("%PROTOCOL:")),
        ("%PROTOCOL:12", Fault::Stray("%PROTOCOL:12")),
        ("%", Fault::Stray("%")),
        ("%%%", Fault::Stray("%")),
    ] {
        assert_eq!(fault(format), Some(expected), "{format}");
    }
}

proptest! {
    #[test]
    fn operators_and_text_in_any_order_are_accepted(
        parts in prop::collection::vec(
            prop_oneof![
                prop::sample::select(OPERATORS)
                    .prop_filter("needs arguments", |name| !NEED_ARGUMENTS.contains(name))
                    .prop_map(|name| format!("%{name}%")),
                "%REQ\\(:?[A-Za-z-]{1,8}(\\?:?[A-Za-z-]{0,8})?\\)(:[0-9]{1,3})?%",
                "[^%]{0,8}",
                Just("%%".to_owned()),
            ],
            0..8,
        ),
    ) {
        let format = parts.concat();
        prop_assert_eq!(fault(&format), None);
    }

    #[test]
    fn no_format_makes_it_panic(format in "(%|A|REQ|é|\\(|\\)|:|1| ){0,20}") {
        let _ = fault(&format);
    }
}

#[test]
fn expressions_are_found_wherever_they_stand() {
    let found = |format| expressions(format).collect::<Vec<_>>();
    assert_eq!(
        found("a %CEL(request.host)% %PROTOCOL% %CEL(request.headers['a)b']):5%"),
        ["request.host", "request.headers['a)b']"]
    );
    assert_eq!(found("%%CEL(request.host)%% %REQ(CEL)%"), [""; 0]);
}
