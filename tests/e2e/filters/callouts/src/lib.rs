//! Asks a service in the way that the path of a request says, and answers with what came of it in headers.

use std::time::Duration;

use burgee_kit::{
    CallError, ConfigurationError, GrpcOpen, GrpcRequest, Host, HttpFilter, HttpRequest, Message, Outcome,
    Phases, RequestHeadersHost, Response, RootHost,
};

/// The cluster of the service.
const SERVICE: &str = "service";
/// How long an answer may take where it comes.
const PATIENCE: Duration = Duration::from_secs(10);

struct Callouts;

fn request(method: &str) -> GrpcRequest {
    GrpcRequest {
        service: "test.Service".to_owned(),
        method: method.to_owned(),
        metadata: vec![(b"x-asked-by".to_vec(), b"callouts".to_vec())],
        message: b"question".to_vec(),
    }
}

fn open(method: &str) -> GrpcOpen {
    GrpcOpen { service: "test.Service".to_owned(), method: method.to_owned(), metadata: Vec::new() }
}

fn failed(error: CallError) -> Outcome {
    Outcome::Respond(Response::new(503).with_header("x-error", error.to_string()))
}

/// A call, a stream and a request, one after the other.
async fn all<H: Host + burgee_kit::CallHost>(host: H) -> Result<Outcome, CallError> {
    let call = host.grpc_call(SERVICE, &request("Call"), PATIENCE).await?;
    let mut response = Response::new(200).with_header("x-call", call);

    let mut stream = host.grpc_stream(SERVICE, &open("Stream"))?;
    stream.send(b"one")?;
    let first = stream.receive().await?.unwrap_or_default();
    response = response.with_header("x-first", first);
    for (name, value) in stream.initial_metadata() {
        if name == b"x-initial" {
            response = response.with_header("x-initial", value);
        }
    }
    stream.send_last(b"two")?;
    let second = stream.receive().await?.unwrap_or_default();
    response = response.with_header("x-second", second);
    let is_over = stream.receive().await?.is_none();
    response = response.with_header("x-over", is_over.to_string());
    for (name, value) in stream.trailing_metadata() {
        if name == b"x-trailing" {
            response = response.with_header("x-trailing", value);
        }
    }

    let answer = host.http_call(SERVICE, &HttpRequest::new("GET", "service", "/http"), PATIENCE).await?;
    response = response.with_header("x-http", answer.header("x-answer").unwrap_or_default());
    Ok(Outcome::Respond(response.with_body(answer.body)))
}

/// What is shared and set, and what the host says of it.
fn keep<H: Host>(host: &H) -> Response {
    let before = host.shared_data("count").ok().flatten();
    let next = before.as_ref().map_or(1, |shared| shared.value.len() + 1);
    let change = before.map(|shared| shared.change);
    let set = host.set_shared_data("count", &vec![b'x'; next], change);
    let late = change.map(|change| host.set_shared_data("count", b"late", Some(change)));
    let property = host.set_property(&["asked"], b"yes");
    let read = host.property(&["asked"]);
    Response::new(200)
        .with_header("x-set", format!("{set:?}"))
        .with_header("x-late", format!("{late:?}"))
        .with_header("x-count", next.to_string())
        .with_header("x-property", format!("{property:?} {read:?}"))
}

impl HttpFilter for Callouts {
    const PHASES: Phases =
        Phases::REQUEST_HEADERS.and(Phases::HTTP_CALLS).and(Phases::GRPC_STREAMS).and(Phases::TIMERS);

    type Stream = ();

    fn configure<H: RootHost>(_: &H, _: &[u8]) -> Result<Callouts, ConfigurationError> {
        Ok(Callouts)
    }

    fn on_request_headers<H: RequestHeadersHost>(&self, (): &mut (), host: &H, _: bool) -> Outcome {
        let path = host.header(Message::Request, ":path").ok().flatten().unwrap_or_default();
        let host = host.clone();
        match path.as_slice() {
            b"/all" => Outcome::pause_until_or(all(host), failed),
            b"/keep" => Outcome::Respond(keep(&host)),
            b"/late" => Outcome::pause_until_or(
                async move {
                    host.grpc_call(SERVICE, &request("Never"), Duration::from_millis(100)).await?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            b"/denied" => Outcome::pause_until_or(
                async move {
                    let mut stream = host.grpc_stream(SERVICE, &open("Denied"))?;
                    stream.close()?;
                    stream.receive().await?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            b"/nobody" => Outcome::pause_until_or(
                async move {
                    host.grpc_stream("nobody", &open("Stream"))?.receive().await?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            b"/nameless" => Outcome::pause_until_or(
                async move {
                    host.grpc_call("", &request("Call"), PATIENCE).await?;
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            // Until the client is gone.
            b"/endless" => Outcome::pause_until_or(
                async move {
                    let mut stream = host.grpc_stream(SERVICE, &open("Endless"))?;
                    while stream.receive().await?.is_some() {}
                    Ok(Outcome::Continue)
                },
                failed,
            ),
            _ => Outcome::Continue,
        }
    }
}

burgee_kit::export!(http Callouts);
