//! Makes inputs out of exchanges: one thing is changed in each.

use crate::cases::format::{Case, Chunks, Close, Message, Step};
use crate::cases::values::{Data, Headers, Ordered, WrittenData};

use super::subject::step;

/// Bytes as a case writes them.
pub(super) fn data(bytes: &[u8]) -> Data {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Data::Text(crate::cases::values::Text(text.to_owned())),
        _ => Data::Written(WrittenData {
            hex: Some(data_encoding::HEXLOWER.encode(bytes)),
            ..WrittenData::default()
        }),
    }
}

/// Many of the same byte.
pub(super) fn many(byte: &str, times: u32) -> Data {
    let text = Some(crate::cases::values::Text(byte.to_owned()));
    Data::Written(WrittenData { text, times: Some(times), ..WrittenData::default() })
}

/// Headers, or trailers, of a step: whose and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Map {
    Headers,
    Trailers,
    AnswerHeaders,
    AnswerTrailers,
}

/// Every list of headers that a case has, by its step.
pub(super) fn maps(case: &Case) -> Vec<(usize, Map)> {
    let mut maps = Vec::new();
    for (at, step) in case.steps.iter().enumerate() {
        if let Some(message) = message(step) {
            maps.extend(message.headers.is_some().then_some((at, Map::Headers)));
            maps.extend(message.trailers.is_some().then_some((at, Map::Trailers)));
        }
        if step.answer.is_some() {
            maps.extend([(at, Map::AnswerHeaders), (at, Map::AnswerTrailers)]);
        }
    }
    maps
}

fn message(step: &Step) -> Option<&Message> {
    step.request.as_ref().or(step.response.as_ref())
}

/// The message of a step.
pub(super) fn message_mut(step: &mut Step) -> Option<&mut Message> {
    step.request.as_mut().or(step.response.as_mut())
}

/// The headers of a step as pairs.
pub(super) fn pairs(case: &Case, (at, map): (usize, Map)) -> Vec<(Data, Data)> {
    let Some(step) = case.steps.get(at) else { return Vec::new() };
    let headers = match map {
        Map::Headers => message(step).and_then(|message| message.headers.as_ref()),
        Map::Trailers => message(step).and_then(|message| message.trailers.as_ref()),
        Map::AnswerHeaders => step.answer.as_ref().map(|answer| &answer.headers),
        Map::AnswerTrailers => step.answer.as_ref().map(|answer| &answer.trailers),
    };
    headers.map(as_pairs).unwrap_or_default()
}

fn as_pairs(headers: &Headers) -> Vec<(Data, Data)> {
    match headers {
        Headers::Pairs(pairs) => pairs.clone(),
        Headers::ByName(_) => headers.pairs().iter().map(|(name, value)| (data(name), data(value))).collect(),
    }
}

/// The case with other headers.
pub(super) fn with_pairs(case: &Case, (at, map): (usize, Map), pairs: Vec<(Data, Data)>) -> Case {
    let mut case = case.clone();
    let headers = Headers::Pairs(pairs);
    if let Some(step) = case.steps.get_mut(at) {
        match map {
            Map::Headers => {
                message_mut(step).into_iter().for_each(|message| message.headers = Some(headers.clone()))
            }
            Map::Trailers => {
                message_mut(step).into_iter().for_each(|message| message.trailers = Some(headers.clone()))
            }
            Map::AnswerHeaders => step.answer.iter_mut().for_each(|answer| answer.headers = headers.clone()),
            Map::AnswerTrailers => {
                step.answer.iter_mut().for_each(|answer| answer.trailers = headers.clone())
            }
        }
    }
    case
}

/// The steps with a step for each part of a message, so that something can happen between them.
pub(super) fn in_parts(case: &Case) -> Case {
    let mut parts = Vec::new();
    for step in &case.steps {
        let Some(whole) = message(step) else {
            parts.push(step.clone());
            continue;
        };
        let is_request = step.request.is_some();
        let part = |message: Message| {
            let mut part = Step { stream: step.stream.clone(), ..self::step() };
            if is_request {
                part.request = Some(message)
            } else {
                part.response = Some(message)
            }
            part
        };
        if whole.headers.is_some() || whole.body.is_none() && whole.trailers.is_none() {
            let headers = whole.headers.clone();
            parts.push(part(Message { headers, bare: whole.bare, end: whole.end, ..Message::default() }));
        }
        for chunk in whole.body.iter().flat_map(Chunks::chunks) {
            parts.push(part(Message { body: Some(Chunks::One(chunk.clone())), ..Message::default() }));
        }
        if whole.trailers.is_some() {
            parts.push(part(Message { trailers: whole.trailers.clone(), ..Message::default() }));
        }
    }
    Case { steps: parts, ..case.clone() }
}

/// The case up to a step; then the client goes away, and what the filter asked is answered all the same.
pub(super) fn cut(case: &Case, at: usize) -> Case {
    let mut steps: Vec<Step> = case.steps.iter().take(at + 1).cloned().collect();
    // More was to come.
    if let Some(message) = steps.last_mut().and_then(message_mut)
        && message.trailers.is_none()
    {
        message.end = Some(false);
    }
    let mut streams: Vec<Option<String>> = steps
        .iter()
        .filter(|step| message(step).is_some() || step.downstream.is_some() || step.upstream.is_some())
        .map(|step| step.stream.clone())
        .collect();
    streams.dedup();
    for stream in streams {
        steps.push(Step { stream, close: Some(Close::Client), ..step() });
    }
    steps.extend([super::subject::answer(), super::subject::answer()]);
    Case { steps, ..case.clone() }
}

/// The case with these chunks in place of each body.
pub(super) fn with_bodies(case: &Case, chunks: &[Data]) -> Case {
    let mut case = case.clone();
    for step in &mut case.steps {
        if let Some(message) = message_mut(step) {
            message.body = Some(Chunks::Several(chunks.to_vec()));
        }
        if let Some(answer) = &mut step.answer {
            answer.body = chunks.first().cloned();
        }
        for transfer in [&mut step.downstream, &mut step.upstream].into_iter().flatten() {
            transfer.data = Some(Chunks::Several(chunks.to_vec()));
        }
    }
    case
}

/// The case with some properties of another value, or of none.
pub(super) fn with_properties(
    case: &Case,
    properties: &[(&str, Option<crate::cases::values::PropertyValue>)],
) -> Case {
    let mut case = case.clone();
    let known = case.setup.properties.get_or_insert_with(Ordered::default);
    for (path, value) in properties {
        // What the case itself says of it, or of what is below, would stand otherwise.
        let below = format!("{path}.");
        known.0.retain(|(other, _)| !path.is_empty() && other != path && !other.starts_with(&below));
        known.0.push(((*path).to_owned(), value.clone()));
    }
    case
}
