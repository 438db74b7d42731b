//! Whatever a text of cases holds it is read without a fault, and whatever happens to our filters they go on.

mod support;

use std::collections::VecDeque;

use burgee_api::document::Source;
use burgee_filter_test::cases;
use burgee_harness::{Answer, EndOfStream, HttpStream, Settings};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(cases:\n- name: a\n  )?[-a-z{}\\[\\]:,\"'&*!|> \n0-9\u{e9}]{0,80}") {
        let lines = text.split(['\n', '\r']).count();
        for problem in cases::read(&[Source::new("t.yaml", text)]).problems {
            let place = problem.place.as_ref().expect("a place");
            prop_assert!((1..=lines + 1).contains(&place.line) && place.column > 0, "{}", problem);
        }
    }
}

/// Something that happens to one of a few streams.
#[derive(Clone, Debug)]
enum Event {
    Headers(bool, Vec<(Vec<u8>, Vec<u8>)>, bool),
    Body(bool, Vec<u8>, bool),
    Trailers(bool, Vec<(Vec<u8>, Vec<u8>)>),
    Finish,
    Time(u64),
    Answer(u16, Vec<u8>),
}

fn pairs() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = prop_oneof![
        any::<Vec<u8>>(),
        "(:path|:authority|:status|host|x-debug|server)".prop_map(String::into_bytes)
    ];
    prop::collection::vec((name, any::<Vec<u8>>()), 0..6)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (any::<bool>(), pairs(), any::<bool>()).prop_map(|(a, b, c)| Event::Headers(a, b, c)),
        3 => (any::<bool>(), any::<Vec<u8>>(), any::<bool>()).prop_map(|(a, b, c)| Event::Body(a, b, c)),
        1 => (any::<bool>(), pairs()).prop_map(|(a, b)| Event::Trailers(a, b)),
        2 => Just(Event::Finish),
        1 => (0..100_000_u64).prop_map(Event::Time),
        1 => (any::<u16>(), any::<Vec<u8>>()).prop_map(|(a, b)| Event::Answer(a, b)),
    ]
}

fn end(is_end: bool) -> EndOfStream {
    if is_end { EndOfStream::Yes } else { EndOfStream::No }
}

fn play(stream: &HttpStream, event: Event) {
    match event {
        Event::Headers(true, headers, is_end) => drop(stream.request_headers(headers, end(is_end))),
        Event::Headers(false, headers, is_end) => drop(stream.response_headers(headers, end(is_end))),
        Event::Body(true, piece, is_end) => drop(stream.request_body(piece, end(is_end))),
        Event::Body(false, piece, is_end) => drop(stream.response_body(piece, end(is_end))),
        Event::Trailers(true, trailers) => drop(stream.request_trailers(trailers)),
        Event::Trailers(false, trailers) => drop(stream.response_trailers(trailers)),
        Event::Finish | Event::Time(_) | Event::Answer(..) => {}
    }
}

#[test]
fn whatever_happens_in_whatever_order_our_filters_go_on() {
    for name in ["headers", "stats"] {
        let module = support::module(&support::ours(name));
        let events = prop::collection::vec((0..3_usize, event()), 0..40);
        proptest!(ProptestConfig::with_cases(64), |(events in events)| {
            let vm = module.start(&Settings::new()).expect("it starts");
            let mut streams: VecDeque<HttpStream> = (0..3).map(|_| vm.http()).collect();
            for (at, event) in events {
                match event {
                    Event::Finish => {
                        streams.remove(at).into_iter().for_each(|stream| drop(stream.finish()));
                        streams.push_back(vm.http());
                    }
                    Event::Time(milliseconds) => vm.advance(milliseconds),
                    Event::Answer(status, body) => {
                        for callout in vm.callouts() {
                            vm.answer(callout.token, &Answer::status(status).body(&body)).expect("it waits");
                        }
                    }
                    event => play(&streams[at], event),
                }
                prop_assert_eq!(vm.trap(), None);
            }
            streams.into_iter().for_each(|stream| drop(stream.finish()));
            vm.end();
            prop_assert_eq!(vm.trap(), None);
        });
    }
}
