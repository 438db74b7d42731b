//! Bytes without HTTP: an app sends back what comes, and calls others that do.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Sends back what comes until the other side has no more to say.
pub(crate) async fn echo(mut stream: TcpStream) {
    let (mut from, mut to) = stream.split();
    // Who goes away in the middle is no fault of the app.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

/// Connects to `HOST:PORT`, from an address of this machine if one is given.
pub(crate) async fn connect(address: &str, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(address).await };
    let is_alike = |to: &SocketAddr| to.is_ipv4() == from.is_ipv4();
    let to = lookup_host(address).await?.find(is_alike);
    let to = to.ok_or_else(|| io::Error::other(format!("{address} has no address like {from}")))?;
    let socket = if from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// Sends some bytes and waits until as many have come back.
///
/// # Errors
/// When nobody listens, the connection ends before, or other bytes come back.
pub(crate) async fn there_and_back(address: &str, from: Option<IpAddr>, bytes: &[u8]) -> Result<(), String> {
    let mut stream = connect(address, from).await.map_err(|error| error.to_string())?;
    stream.write_all(bytes).await.map_err(|error| error.to_string())?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).await.map_err(|error| format!("its answer broke off: {error}"))?;
    if back == bytes { Ok(()) } else { Err("what came back is not what was sent".to_owned()) }
}
