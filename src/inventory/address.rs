//! Where a device is on PCI.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The address of a PCI function, as the kernel writes it: `0000:3b:00.0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    /// 16 bits on most hosts; the kernel makes up longer ones where a controller hides a bus of its own.
    domain: u32,
    bus: u8,
    device: u8,
    function: u8,
}

impl PciAddress {
    /// One of these numbers; nothing where there can be no such device or function.
    pub fn new(domain: u32, bus: u8, device: u8, function: u8) -> Option<Self> {
        (device <= DEVICE_MAX && function <= FUNCTION_MAX).then_some(Self { domain, bus, device, function })
    }

    /// Whether both are functions of the same card.
    pub fn shares_slot(self, other: Self) -> bool {
        (self.domain, self.bus, self.device) == (other.domain, other.bus, other.device)
    }
}

const DEVICE_MAX: u8 = 0x1f;
const FUNCTION_MAX: u8 = 7;

/// What is no PCI address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no PCI address: those look like 0000:3b:00.0, or 3b:00.0 in domain 0000")]
pub struct NoAddress(String);

impl FromStr for PciAddress {
    type Err = NoAddress;

    /// As the kernel writes it, in either case; the domain may be left out where it is 0.
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        parse(text).ok_or_else(|| NoAddress(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<PciAddress> {
    let (rest, function) = text.rsplit_once('.')?;
    let (rest, device) = rest.rsplit_once(':')?;
    let (domain, bus) = rest.split_once(':').unwrap_or(("0", rest));
    let hex = |text: &str, digits: usize| {
        let plain = (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(text, 16).ok().filter(|_| plain)
    };
    let byte = |text: &str| u8::try_from(hex(text, 2)?).ok();
    PciAddress::new(hex(domain, 8)?, byte(bus)?, byte(device)?, byte(function)?)
}

impl fmt::Display for PciAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(out, "{domain:04x}:{bus:02x}:{device:02x}.{function:x}")
    }
}

impl fmt::Debug for PciAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for PciAddress {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PciAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::PciAddress;

    #[test]
    fn addresses_are_read_as_people_write_them_and_written_as_the_kernel_does() {
        for (text, written) in [
            ("0000:3b:00.0", "0000:3b:00.0"),
            ("3b:00.0", "0000:3b:00.0"),
            ("3B:1F.7", "0000:3b:1f.7"),
            ("10000:e1:00.0", "10000:e1:00.0"),
        ] {
            assert_eq!(text.parse::<PciAddress>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "3b", "3b:00", "3b:20.0", "3b:00.8", "100:00.0", "0000:3b:00.0.0", "x:3b:00.0", "+3b:00.0"]
        {
            assert!(text.parse::<PciAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn functions_of_a_card_share_its_slot() {
        let address = |text: &str| text.parse::<PciAddress>().unwrap();
        assert!(address("3b:00.0").shares_slot(address("3b:00.1")));
        assert!(!address("3b:00.0").shares_slot(address("3b:01.0")));
    }
}
