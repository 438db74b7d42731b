//! A server of gRPC that says every part of an answer: initial metadata, a message, trailers; or a failure.

use std::net::TcpListener;

use h2::server::SendResponse;

/// Serves for as long as the process runs; gives its port.
pub(crate) fn grpc() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a socket that does not block");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(accept(listener));
    });
    port
}

async fn accept(listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(async move {
            // A connection that breaks is the other side's to tell of.
            let Ok(mut connection) = h2::server::handshake(socket).await else { return };
            while let Some(Ok((request, answer))) = connection.accept().await {
                tokio::spawn(async move { _ = serve(request, answer).await });
            }
        });
    }
}

/// Answers when the request has ended, by its path.
async fn serve(
    request: http::Request<h2::RecvStream>,
    mut answer: SendResponse<bytes::Bytes>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    while let Some(data) = body.data().await {
        let length = data?.len();
        body.flow_control().release_capacity(length)?;
    }
    let head = http::Response::builder().header("content-type", "application/grpc");
    if path.ends_with("/Fail") {
        let head = head.header("grpc-status", "5").header("grpc-message", "not here").body(())?;
        answer.send_response(head, true)?;
        return Ok(());
    }
    let mut sending = answer.send_response(head.header("x-initial", "first").body(())?, false)?;
    sending.send_data(bytes::Bytes::from_static(b"\0\0\0\0\x05reply"), false)?;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse()?);
    trailers.insert("x-trailing", "last".parse()?);
    sending.send_trailers(trailers)?;
    Ok(())
}
