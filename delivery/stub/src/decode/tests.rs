//! What holds for messages of every kind.

use proptest::prelude::*;

use super::*;

fn mk_decoder(kind: Kind) -> Decoder {
    Decoder::new(kind, Source { protocol: Protocol::OtlpHttp, reporter: None })
}

fn kinds() -> [Kind; 6] {
    let logs = Kind::AccessLogs { log: String::new() };
    [Kind::OtlpLogs, Kind::OtlpSpans, logs, Kind::Segment, Kind::Zipkin, Kind::Datadog]
}

#[test]
fn what_is_no_message_is_refused_with_a_reason() {
    for kind in kinds() {
        // In protobuf a text that is longer than what there is, in the others no list.
        let broken = mk_decoder(kind.clone()).records(b"\x0a\xffx".to_vec()).unwrap_err().to_string();
        assert!(broken.starts_with("what was sent cannot be read: "), "{kind:?}: {broken}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        // Looks like a message with a message, a list, a map: something to go into.
        start in prop::sample::select(vec![&b""[..], b"\x0a\x20", b"\x12\x20\x0a\x1e", b"[{", b"\x91\x91\x81"]),
    ) {
        for kind in kinds() {
            let mut decoder = mk_decoder(kind);
            let _ = decoder.records([start, &bytes].concat());
            let _ = decoder.records(bytes.clone());
        }
    }
}
