//! Which network addresses are special, and networks written as CIDR.
//!
//! Knows nothing of policies or names: [`special`] is a fact about an address, what
//! follows from it is decided in `egress`. Source: the IANA registries of special
//! purpose IPv4 and IPv6 addresses, and the metadata addresses of the large clouds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not a public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Special {
    pub(crate) what: &'static str,
    /// Whether an allowed *name* may resolve to it. True for what intranets are made
    /// of. Never for link-local and metadata addresses: no intranet name points
    /// there honestly, and one that does is after the machine's cloud credentials.
    pub(crate) by_name: bool,
}

type Row<A> = (A, u8, &'static str, bool);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// The first row that contains an address counts.
const SPECIAL_V4: &[Row<Ipv4Addr>] = &[
    (v4(100, 100, 100, 200), 32, "a cloud metadata address", false),
    (v4(168, 63, 129, 16), 32, "a cloud platform address", false),
    (v4(169, 254, 0, 0), 16, "a link-local or cloud metadata address", false),
    (v4(0, 0, 0, 0), 8, "an unspecified address", false),
    (v4(10, 0, 0, 0), 8, "a private address", true),
    (v4(100, 64, 0, 0), 10, "a carrier's private address", true),
    (v4(127, 0, 0, 0), 8, "a loopback address", true),
    (v4(172, 16, 0, 0), 12, "a private address", true),
    (v4(192, 0, 0, 0), 24, "a reserved address", false),
    (v4(192, 0, 2, 0), 24, "a documentation address", false),
    (v4(192, 88, 99, 0), 24, "a reserved address", false),
    (v4(192, 168, 0, 0), 16, "a private address", true),
    (v4(198, 18, 0, 0), 15, "a benchmarking address", true),
    (v4(198, 51, 100, 0), 24, "a documentation address", false),
    (v4(203, 0, 113, 0), 24, "a documentation address", false),
    (v4(224, 0, 0, 0), 4, "a multicast address", false),
    (v4(240, 0, 0, 0), 4, "a reserved or broadcast address", false),
];

const SPECIAL_V6: &[Row<Ipv6Addr>] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified address", false),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address", true),
    (v6(0xfd00, 0xec2, 0), 32, "a cloud metadata address", false),
    (v6(0xfd20, 0xce, 0), 32, "a cloud metadata address", false),
    (v6(0xfc00, 0, 0), 7, "a private address", true),
    (v6(0xfe80, 0, 0), 10, "a link-local address", false),
    (v6(0xfec0, 0, 0), 10, "a private address", true),
    (v6(0xff00, 0, 0), 8, "a multicast address", false),
    // Also holds Teredo (2001::/32), which hides an IPv4 address.
    (v6(0x2001, 0, 0), 23, "a reserved address", false),
    (v6(0x2001, 0xdb8, 0), 32, "a documentation address", false),
    (v6(0x3fff, 0, 0), 20, "a documentation address", false),
];

/// Says why an address is special; `None` for a public one.
pub(crate) fn special(address: IpAddr) -> Option<Special> {
    match canonical(address) {
        IpAddr::V4(address) => SPECIAL_V4
            .iter()
            .find(|row| shares_prefix_v4(row.0, address, row.1))
            .map(|row| Special { what: row.2, by_name: row.3 }),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    if let Some(row) = SPECIAL_V6.iter().find(|row| shares_prefix_v6(row.0, address, row.1)) {
        return Some(Special { what: row.2, by_name: row.3 });
    }
    if let Some(inside) = embedded(IpAddr::V6(address)) {
        return special(IpAddr::V4(inside)).map(|found| Special { by_name: false, ..found });
    }
    // Only 2000::/3 is handed out for global use; what is not, is nobody's server.
    if shares_prefix_v6(v6(0x2000, 0, 0), address, 3) {
        return None;
    }
    Some(Special { what: "a reserved address", by_name: false })
}

/// The IPv4 address behind an IPv4-mapped one (`::ffff:127.0.0.1` reaches the same
/// socket as `127.0.0.1`); every other address as it is.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The IPv4 address that a translator or relay would reach: NAT64 (64:ff9b::/96) and
/// 6to4 (2002::/16).
pub(crate) fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let bytes = address.octets();
    if shares_prefix_v6(v6(0x64, 0xff9b, 0), address, 96) {
        return Some(Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]));
    }
    if shares_prefix_v6(v6(0x2002, 0, 0), address, 16) {
        return Some(Ipv4Addr::new(bytes[2], bytes[3], bytes[4], bytes[5]));
    }
    None
}

fn shares_prefix_v4(a: Ipv4Addr, b: Ipv4Addr, prefix: u8) -> bool {
    let differing = a.to_bits() ^ b.to_bits();
    differing.leading_zeros() >= u32::from(prefix)
}

fn shares_prefix_v6(a: Ipv6Addr, b: Ipv6Addr, prefix: u8) -> bool {
    let differing = a.to_bits() ^ b.to_bits();
    differing.leading_zeros() >= u32::from(prefix)
}

/// A network: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads CIDR or a single address; the error says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Network, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("'{address}' is not an IP address; a name takes no '/'"))?;
        if canonical(address) != address {
            let inside = canonical(address);
            return Err(format!("write the IPv4 address it stands for, {inside}"));
        }
        let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(text) => text
                .parse()
                .ok()
                .filter(|prefix| *prefix <= bits)
                .ok_or_else(|| format!("'/{text}' is not a length between 0 and {bits}"))?,
        };
        let network = Network { address: first(address, prefix), prefix };
        if network.address != address {
            let first = network.address;
            return Err(format!("it has bits beyond its length; write {first}/{prefix}"));
        }
        Ok(network)
    }

    /// Whether an address (in its canonical form) lies in this network.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => shares_prefix_v4(own, other, self.prefix),
            (IpAddr::V6(own), IpAddr::V6(other)) => shares_prefix_v6(own, other, self.prefix),
            _ => false,
        }
    }
}

/// The address with all bits behind the prefix cleared.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}
