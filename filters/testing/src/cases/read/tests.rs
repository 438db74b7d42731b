//! Reading cases: what is right is read as it is written, what is wrong is told with its place.

use burgee_api::document::Source;

use super::*;
use crate::cases::format::{Close, Outcome};
use crate::cases::values::{PropertyValue, Text};

fn read_one(text: &str) -> Cases {
    read(&[Source::new("t.yaml", text)])
}

fn one(text: &str) -> Located {
    let mut cases = read_one(text);
    assert_eq!(cases.problems, [], "{:#?}", cases.problems);
    cases.cases.remove(0)
}

#[test]
fn a_small_case_is_read() {
    let read = one("cases:
- name: without a token there is no way in
  config: {header: x-token}
  steps:
  - request: {headers: {:path: /orders}}
    expect: {reply: {status: 401}}
");
    assert_eq!(read.case.setup.config.as_ref().expect("one").bytes(), br#"{"header":"x-token"}"#);
    let step = &read.case.steps[0];
    let headers = step.request.as_ref().and_then(|request| request.headers.as_ref()).expect("headers");
    assert_eq!(headers.pairs(), [(b":path".to_vec(), b"/orders".to_vec())]);
    assert_eq!(step.expect.reply.as_ref().and_then(|reply| reply.status), Some(401));
    assert_eq!(read.place_of("steps[0].expect.reply.status").to_string(), "t.yaml:6:30");
    assert_eq!(read.place_of("steps[0].expect.reply.headers.x").to_string(), "t.yaml:6:21");
    assert_eq!(read.place_of("steps[0].request.headers[\":path\"]").line, 5);
    assert_eq!(read.place_of("nothing.of.it").to_string(), "t.yaml:2:3");
}

#[test]
fn texts_need_no_quotes_and_bytes_have_several_forms() {
    let read = one(r#"cases:
- name: all forms
  config: "as it stands"
  steps:
  - request:
      headers: {b: 2, a: [1.50, yes, {hex: "ff 00"}], c: {base64: /w==}}
      body: [x, {text: ab, times: 3}, {json: {k: [1]}}]
  - request: {trailers: [[{hex: "80"}, v], [n, {hex: ""}]]}
  - close: client
    expect: {outcome: close}
"#);
    assert_eq!(read.case.setup.config.as_ref().expect("one").bytes(), b"as it stands");
    let request = read.case.steps[0].request.as_ref().expect("a request");
    let pairs: Vec<(String, Vec<u8>)> = request
        .headers
        .as_ref()
        .expect("headers")
        .pairs()
        .into_iter()
        .map(|(name, value)| (String::from_utf8(name).expect("text"), value))
        .collect();
    let expected: Vec<(String, Vec<u8>)> =
        [("b", &b"2"[..]), ("a", b"1.50"), ("a", b"yes"), ("a", b"\xff\x00"), ("c", b"\xff")]
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .to_vec();
    assert_eq!(pairs, expected, "in the order of the text");
    let chunks: Vec<Vec<u8>> =
        request.body.as_ref().expect("a body").chunks().iter().map(|data| data.bytes()).collect();
    assert_eq!(chunks, [&b"x"[..], b"ababab", br#"{"k":[1]}"#]);
    let trailers = read.case.steps[1].request.as_ref().and_then(|request| request.trailers.as_ref());
    assert_eq!(trailers.expect("trailers").pairs(), [(vec![0x80], b"v".to_vec()), (b"n".to_vec(), vec![])]);
    assert_eq!(read.case.steps[2].close, Some(Close::Client));
    assert_eq!(read.case.steps[2].expect.outcome, Some(Outcome::Close));
}

#[test]
fn properties_have_types_and_null_takes_one_away() {
    let read = one("cases:
- name: types
  properties: {a: x, b: '1', c: 1, d: 1.5, e: true, f: {duration: 5ms}, g: {map: {k: 1}}}
  steps:
  - set: {a: null, b: 2}
");
    let properties = read.case.setup.properties.expect("properties").0;
    let of = |name: &str| properties.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.clone());
    assert_eq!(of("b"), Some(PropertyValue::Text("1".to_owned())));
    assert_eq!(of("c"), Some(PropertyValue::Int(1)));
    assert_eq!(of("d"), Some(PropertyValue::Double(1.5)));
    assert_eq!(of("e"), Some(PropertyValue::Bool(true)));
    let Some(PropertyValue::Typed(typed)) = of("f") else { panic!("{:?}", of("f")) };
    assert_eq!(typed.duration.map(|span| span.0.as_millis()), Some(5));
    let Some(PropertyValue::Typed(typed)) = of("g") else { panic!("{:?}", of("g")) };
    assert_eq!(typed.map.map(|map| map.0), Some(vec![("k".to_owned(), Text("1".to_owned()))]));
    let set = read.case.steps[0].set.as_ref().expect("it sets");
    assert_eq!(set.0, [("a".to_owned(), None), ("b".to_owned(), Some(PropertyValue::Int(2)))]);
}

#[test]
fn a_case_goes_over_the_defaults_of_its_file() {
    let cases = read_one(
        "
defaults:
  config: {a: 1}
  properties: {x: 1}
cases:
- name: one
- name: two
  config: {b: 1}
",
    )
    .cases;
    let configs: Vec<Vec<u8>> =
        cases.iter().map(|read| read.case.setup.config.as_ref().expect("one").bytes()).collect();
    assert_eq!(configs, [br#"{"a":1}"#, br#"{"b":1}"#]);
    assert!(cases[1].case.setup.properties.is_some());
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "
cases:
- name: [1]
  confg: {}
  steps:
  - request: {headers: {a: null}, body: {hex: f}}
    advance: 5 s
    expect: {outcome: stop, reply: {status: 1000}, metrics: [{value: 1}], logs: [{text: {matches: '('}}]}
  - {}
  - answer: {status: ok, fails: true}
  - request: {body: {hex: ff, text: a}}
- steps: 7
";
    let read = read_one(text);
    assert!(read.cases.is_empty());
    let told: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
    let expected = [
        "t.yaml:3:9  error BG0107: cases[0].name: expected a string, found a list",
        "t.yaml:4:3  error BG0106: cases[0].confg: there is no field `confg` here\n  help: did you mean `config`?",
        "t.yaml:6:5  error BG0701: cases[0].steps[0]: request, advance cannot stand together\n  help: write exactly one of request, response, downstream, upstream, answer, advance, close, set",
        "t.yaml:6:28  error BG0107: cases[0].steps[0].request.headers.a: expected a string or an integer or a number or true or false or a list or an object, found nothing",
        "t.yaml:6:47  error BG0108: cases[0].steps[0].request.body.hex: `f` is not hexadecimal\n  help: write two digits (0-9, a-f) for each byte",
        "t.yaml:7:14  error BG0112: cases[0].steps[0].advance: `5 s` is not a duration\n  help: write a number and a unit, such as 500ms, 15s or 1m30s; units: ns, us, ms, s, m, h",
        "t.yaml:8:23  error BG0108: cases[0].steps[0].expect.outcome: `stop` is not one of the values allowed here\n  help: allowed: continue, pause, reply, close",
        "t.yaml:8:45  error BG0111: cases[0].steps[0].expect.reply.status: 1000 is out of range\n  help: allowed: 100 to 999",
        "t.yaml:8:62  error BG0110: cases[0].steps[0].expect.metrics[0].name: `name` is missing\n  help: a case cannot do without it",
        "t.yaml:8:99  error BG0108: cases[0].steps[0].expect.logs[0].text.matches: `(` is not a regular expression: unclosed group\n  help: in doubt write `contains`",
        "t.yaml:9:5  error BG0701: cases[0].steps[1]: what it is is missing\n  help: write exactly one of request, response, downstream, upstream, answer, advance, close, set",
        "t.yaml:10:22  error BG0107: cases[0].steps[2].answer.status: expected an integer, found a string (`ok`)",
        "t.yaml:10:33  error BG0107: cases[0].steps[2].answer.fails: expected a string, found a boolean (`true`)\n  help: put it in quotes",
        "t.yaml:11:21  error BG0701: cases[0].steps[3].request.body: text, hex cannot stand together\n  help: write exactly one of text, hex, base64, json",
        "t.yaml:12:3  error BG0110: cases[1].name: `name` is missing\n  help: a case cannot do without it",
        "t.yaml:12:10  error BG0107: cases[1].steps: expected a list, found an integer (`7`)",
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn what_no_shape_says_is_told_too() {
    for (text, code, place) in [
        ("", codes::MISSING_FIELD, "t.yaml:1:1"),
        ("cases: []", codes::OUT_OF_RANGE, "t.yaml:1:8"),
        ("cases: {", codes::SYNTAX, "t.yaml:1:8"),
        ("cases:\n- name: a\n- name: a\n", SAME_NAME, "t.yaml:3:9"),
        ("cases:\n- name: a\n  steps: [{close: done}]\n  expect: {refused: true}\n", NO_STEPS, "t.yaml:3:10"),
    ] {
        let read = read_one(text);
        assert!(read.cases.is_empty());
        let told: Vec<(burgee_api::problem::Code, String)> = read
            .problems
            .iter()
            .map(|problem| (problem.code, problem.place.as_ref().expect("a place").to_string()))
            .collect();
        assert_eq!(told, [(code, place.to_owned())], "{text}");
    }
}
