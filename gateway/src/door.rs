//! Lets connections in: a place for each, the handshake, then HTTP.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_http::error::DispatchError;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::conn::{Conn, Guarded, Limits, Wire};
use crate::limit::Arrivals;
use crate::tls::fingerprint;

/// The way in of one listener.
#[derive(Clone)]
pub struct Door {
    /// None: plain HTTP.
    pub tls: Option<TlsAcceptor>,
    pub handshake: Duration,
    pub limits: Limits,
    pub places: Places,
    pub arrivals: Arrivals,
}

impl Door {
    /// Takes one connection as far as its first request.
    pub async fn admit(self, tcp: TcpStream) -> Result<(Guarded, Option<SocketAddr>), DispatchError> {
        let peer = tcp.peer_addr()?;
        let address = peer.ip().to_canonical();
        // No word of farewell: before the handshake there is no language for one.
        if !self.arrivals.welcome(address) {
            return Err(io::Error::other("too many new connections").into());
        }
        let place = self
            .places
            .take(address)
            .ok_or_else(|| io::Error::other("too many connections"))?;
        tcp.set_nodelay(true)?;
        let Some(acceptor) = self.tls else {
            let conn = Conn::new(address, false, None);
            return Ok((Guarded::new(Wire::Plain(tcp), conn, self.limits, place), Some(peer)));
        };
        let accepted = tokio::time::timeout(self.handshake, acceptor.accept(tcp)).await;
        let stream = accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let conn = Conn::new(address, true, shown.map(fingerprint));
        Ok((
            Guarded::new(Wire::Tls(Box::new(stream)), conn, self.limits, place),
            Some(peer),
        ))
    }
}

/// How many connections each address has open; the map never holds more entries than there are connections.
#[derive(Clone)]
pub struct Places {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

impl Places {
    pub fn new(most: usize) -> Self {
        Self {
            open: Arc::default(),
            most,
        }
    }

    fn take(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            places: self.clone(),
            address,
        })
    }
}

/// One open connection.
pub struct Place {
    places: Places,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_places_back() {
        let places = Places::new(2);
        let here = IpAddr::from([127, 0, 0, 1]);
        let (one, two) = (places.take(here).unwrap(), places.take(here).unwrap());
        assert!(places.take(here).is_none());
        assert!(
            places.take(IpAddr::from([127, 0, 0, 2])).is_some(),
            "others are not concerned"
        );
        drop(one);
        assert!(places.take(here).is_some());
        drop(two);
        assert!(places.open.lock().unwrap().is_empty());
    }
}
