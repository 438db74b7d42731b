//! Loopback ports that are ours before Envoy listens on them.
//!
//! A port that is picked, let go and named to another process can be taken in between. So the port stays bound
//! here, with `SO_REUSEPORT` and without listening: Envoy, which binds with the same option under the same user,
//! can join; nobody else can, and only Envoy is given connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use thiserror::Error;

/// Why a port cannot be had.
#[derive(Debug, Error)]
pub enum PortError {
    /// Somebody listens on it.
    #[error(
        "port {0} is taken: another process listens on it. Stop that process (`ss -ltnp 'sport = :{0}'` names it) \
         or choose another port"
    )]
    Taken(u16),
    /// The system keeps it for itself.
    #[error("port {0} needs rights that this process does not have. Choose a port from 1024 up")]
    Forbidden(u16),
    /// Anything else.
    #[error("cannot reserve a port on 127.0.0.1: {0}")]
    Other(io::Error),
}

/// A loopback port that nobody else can take while this lives.
#[derive(Debug)]
pub struct ReservedPort {
    _socket: Socket,
    number: u16,
}

impl ReservedPort {
    /// Reserves a port that the system picks.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn any() -> Result<ReservedPort, PortError> {
        ReservedPort::bind(0).map_err(PortError::Other)
    }

    /// Reserves a port that somebody named.
    ///
    /// # Errors
    /// When somebody has it, or may not be had.
    pub fn pinned(number: u16) -> Result<ReservedPort, PortError> {
        let explain = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => PortError::Taken(number),
            io::ErrorKind::PermissionDenied => PortError::Forbidden(number),
            _ => PortError::Other(error),
        };
        // Another user of SO_REUSEPORT would let us join and take half of our connections, so the first attempt
        // goes without it. SO_REUSEADDR only forgives connections of an earlier run that have ended.
        let alone = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(PortError::Other)?;
        alone.set_reuse_address(true).map_err(PortError::Other)?;
        alone.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, number)).into()).map_err(explain)?;
        drop(alone);
        ReservedPort::bind(number).map_err(explain)
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn bind(number: u16) -> io::Result<ReservedPort> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, number)).into())?;
        let address = socket.local_addr()?.as_socket();
        let number = address.map(|address| address.port()).unwrap_or(number);
        Ok(ReservedPort { _socket: socket, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_reserved_port_can_be_joined_with_reuse_port_and_not_without() {
        let reserved = ReservedPort::any().unwrap();
        assert!(TcpListener::bind(("127.0.0.1", reserved.number())).is_err());
        assert!(ReservedPort::bind(reserved.number()).is_ok());
    }

    #[test]
    fn two_reserved_ports_differ() {
        let (one, other) = (ReservedPort::any().unwrap(), ReservedPort::any().unwrap());
        assert_ne!(one.number(), other.number());
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_named_as_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let error = ReservedPort::pinned(number).unwrap_err();
        assert!(matches!(error, PortError::Taken(taken) if taken == number), "{error}");
    }

    #[test]
    fn a_port_that_another_run_has_reserved_is_taken() {
        let reserved = ReservedPort::any().unwrap();
        assert!(matches!(ReservedPort::pinned(reserved.number()), Err(PortError::Taken(_))));
    }

    #[test]
    fn a_free_port_can_be_pinned() {
        let number = ReservedPort::any().unwrap().number();
        assert_eq!(ReservedPort::pinned(number).unwrap().number(), number);
    }
}
