//! The leading master as others find it: Mesos' `MasterInfo`, in a group as JSON.
//!
//! Programs that look for the leader in ZooKeeper by themselves (mesos-dns, marathon-lb, client libraries) read the
//! field `address`, and where that is missing `hostname` or `ip`, and `port`.

use std::net::{IpAddr, SocketAddr};

use super::Leader;
use crate::{v1, wire};

impl Leader {
    /// A leader of which only the address is known.
    pub fn at(address: SocketAddr, hostname: &str) -> Leader {
        let ip = match address {
            // Mesos reads the bytes of an IPv4 address, in network order, as an integer of its
            // (little-endian) machine.
            SocketAddr::V4(v4) => u32::from_le_bytes(v4.ip().octets()),
            SocketAddr::V6(_) => 0,
        };
        let info = v1::MasterInfo {
            ip,
            port: u32::from(address.port()),
            pid: Some(format!("master@{address}")),
            hostname: Some(hostname.to_string()),
            address: Some(v1::Address {
                hostname: Some(hostname.to_string()),
                ip: Some(address.ip().to_string()),
                port: i32::from(address.port()),
            }),
            ..Default::default()
        };
        Leader { address, info }
    }

    /// As masters write it into their node.
    pub fn to_json(&self) -> Vec<u8> {
        wire::encode_json(&self.info)
    }

    /// As it is read from a master's node.
    ///
    /// # Errors
    /// It is no `MasterInfo`, or without an address.
    pub fn from_json(data: &[u8]) -> Result<Leader, String> {
        let info: v1::MasterInfo = wire::decode_json(data).map_err(|error| error.to_string())?;
        Leader::of(info)
    }

    /// The master with this description.
    ///
    /// # Errors
    /// It is without an address.
    pub fn of(info: v1::MasterInfo) -> Result<Leader, String> {
        let address = info.address.as_ref();
        let ip = match address.and_then(|address| address.ip.as_deref()) {
            Some(ip) => ip
                .parse()
                .map_err(|_| format!("address.ip '{ip}' is no address"))?,
            None => IpAddr::from(info.ip.to_le_bytes()),
        };
        let port = match address {
            Some(address) => u16::try_from(address.port),
            None => u16::try_from(info.port),
        };
        let port = port.ok().filter(|port| *port != 0);
        let port = port.ok_or("it has no port")?;
        Ok(Leader {
            address: SocketAddr::new(ip, port),
            info,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_address_as_recorded() {
        let leader = Leader::at("127.0.0.1:15060".parse().unwrap(), "localhost");
        assert_eq!(leader.info.ip, 16777343);
        assert_eq!(leader.info.pid.as_deref(), Some("master@127.0.0.1:15060"));
    }

    #[test]
    fn is_read_back() {
        let leader = Leader::at("10.0.0.7:5050".parse().unwrap(), "m7");
        assert_eq!(Leader::from_json(&leader.to_json()), Ok(leader));
    }

    /// As a master of Mesos 1.11 writes it.
    #[test]
    fn reads_what_mesos_writes() {
        let json = br#"{"address":{"hostname":"host","ip":"10.1.2.3","port":5050},"capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"hostname":"host","id":"ad02afe1-7e63-4a12-85df-b2b4f16d8f6c","ip":50462986,"pid":"master@10.1.2.3:5050","port":5050,"version":"1.11.0"}"#;
        let leader = Leader::from_json(json).unwrap();
        assert_eq!(leader.address, "10.1.2.3:5050".parse().unwrap());
        assert_eq!(leader.info.hostname.as_deref(), Some("host"));
    }

    /// The first ones that wrote JSON knew no `address`.
    #[test]
    fn reads_an_address_in_an_integer() {
        let leader = Leader::from_json(br#"{"id":"x","ip":50462986,"port":5050}"#).unwrap();
        assert_eq!(leader.address, "10.1.2.3:5050".parse().unwrap());
    }

    #[test]
    fn says_what_is_wrong() {
        for (json, expected) in [
            ("[]", "expected"),
            (r#"{"id":"x","ip":1}"#, "port"),
            (r#"{"id":"x","ip":1,"port":0}"#, "no port"),
            (
                r#"{"id":"x","ip":1,"port":1,"address":{"ip":"me","port":1}}"#,
                "'me' is no address",
            ),
        ] {
            let error = Leader::from_json(json.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{json} gave: {error}");
        }
    }
}
