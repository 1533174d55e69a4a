//! Values as people write them: sizes, amounts, names.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::wire::Size;

pub(super) fn within<'de, const LEAST: u32, const MOST: u32, D: Deserializer<'de>>(
    from: D,
) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    match u32::try_from(number) {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        _ => Err(D::Error::custom(format!("must be from {LEAST} to {MOST}, not {number}"))),
    }
}

pub(in crate::control) fn some_within<'de, const LEAST: u32, const MOST: u32, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<u32>, D::Error> {
    within::<LEAST, MOST, D>(from).map(Some)
}

/// The largest side: that of the largest image, unless a profile says otherwise.
const HEAD_SIDE_MAX: u32 = 16384;

/// What belongs where a monitor's size is asked for.
pub(in crate::control) const SIZE_RULE: &str = "a width and a height from 64 to 16384, as in \"1280x800\"";

/// The size of a monitor as people write it.
pub(in crate::control) fn parse_size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| {
        let plain = text.starts_with(|first: char| matches!(first, '1'..='9'));
        text.parse().ok().filter(|side| plain && (64..=HEAD_SIDE_MAX).contains(side))
    };
    Some(Size { width: side(width)?, height: side(height)? })
}

/// A size as [`parse_size`] reads it.
pub(in crate::control) fn size_text(size: Size) -> String {
    format!("{}x{}", size.width, size.height)
}

fn must_be_a_size<E: Error>(text: &str) -> Result<Size, E> {
    parse_size(text).ok_or_else(|| E::custom(format_args!("must be {SIZE_RULE}")))
}

/// A [`Size`] as text.
pub(super) mod size {
    use super::{Deserialize, Deserializer, Serializer, Size, must_be_a_size, size_text};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Size, D::Error> {
        must_be_a_size(&String::deserialize(from)?)
    }

    pub(in super::super) fn serialize<S: Serializer>(size: &Size, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&size_text(*size))
    }
}

/// Sizes as a list of texts.
pub(super) mod sizes {
    use super::{Deserialize, Deserializer, Error, Serializer, Size, must_be_a_size, size_text};

    /// As many as a monitor's EDID surely has room for.
    const COUNT_MAX: usize = 8;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Size>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        if texts.len() > COUNT_MAX {
            return Err(D::Error::custom(format!("must be at most {COUNT_MAX} sizes, not {}", texts.len())));
        }
        texts.iter().map(|text| must_be_a_size(text)).collect()
    }

    pub(in super::super) fn serialize<S: Serializer>(sizes: &[Size], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(sizes.iter().map(|size| size_text(*size)))
    }
}

const UNITS: [(&str, u32); 4] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];

/// An amount of bytes in the largest unit that says it exactly.
pub(crate) fn bytes_text(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    exact.map_or_else(|| bytes.to_string(), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

/// An amount of bytes as people write it.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, &'static str> {
    let (least, most) = (1_u64 << 20, 1_u64 << 40);
    let unit = UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let bytes = unit.and_then(|(number, shift)| number.trim().parse::<u64>().ok()?.checked_mul(1 << shift));
    let within = bytes.filter(|bytes| (least..=most).contains(bytes));
    within.ok_or("must be an amount from 1MiB to 1024GiB, as in \"256MiB\"")
}

/// An amount of bytes as text with a unit.
pub(super) mod bytes {
    use super::{Deserialize, Deserializer, Error, Serializer, bytes_text, parse_bytes};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        parse_bytes(&String::deserialize(from)?).map_err(D::Error::custom)
    }

    pub(in super::super) fn serialize<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&bytes_text(*bytes))
    }
}

/// The same where it may be left out, but is not null where it is there.
pub(super) mod some_bytes {
    use super::{Deserializer, Serializer, bytes};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        bytes::deserialize(from).map(Some)
    }

    #[expect(clippy::ref_option, reason = "serde's interface")]
    pub(in super::super) fn serialize<S: Serializer>(bytes: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        bytes::serialize(&bytes.unwrap_or_default(), to)
    }
}

pub(super) fn printable<'de, const MOST: usize, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match (1..=MOST).contains(&name.len()) && printable {
        true => Ok(name),
        false => Err(D::Error::custom(format!("must be 1 to {MOST} printable ASCII characters"))),
    }
}

/// Characters that an EDID has for a monitor's name.
const MONITOR_NAME_MAX: usize = 13;

/// Characters of a GPU's name in Vulkan.
const DEVICE_NAME_MAX: usize = 255;

pub(in crate::control) fn device<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    printable::<DEVICE_NAME_MAX, D>(from).map(Some)
}

pub(super) fn monitor_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    printable::<MONITOR_NAME_MAX, D>(from).map(Some)
}
