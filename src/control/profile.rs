//! What a guest gets, as operators write it down: a TOML file.
//!
//! ```toml
//! name = "desktop-7"
//!
//! [[head]]
//! size = "1920x1080"
//! refresh_hz = 75
//!
//! [[head]]                # plugged in later
//! enabled = false
//!
//! [limits]
//! memory = "512MiB"
//! ```

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::device::{HeadSetup, Setup};
use crate::render::software::Image;
use crate::wire::{self, SCANOUTS_MAX, Size};

/// Characters in which a message quotes a line.
const QUOTE_MAX: usize = 80;

/// Characters that an EDID has for a monitor's name.
const MONITOR_NAME_MAX: usize = 13;

/// What a guest gets. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The vGPU's name in logs; its monitors' serial number is made of it.
    #[serde(deserialize_with = "printable::<64, _>")]
    pub name: String,
    /// The monitors, at least one.
    #[serde(rename = "head", deserialize_with = "some_heads")]
    pub heads: Vec<Head>,
    /// What the guest may use up.
    pub limits: Limits,
}

impl Default for Profile {
    fn default() -> Self {
        Self { name: "vgpu".to_owned(), heads: vec![Head::default()], limits: Limits::default() }
    }
}

/// A monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    /// The preferred mode, as in `"1280x800"`.
    #[serde(deserialize_with = "size_from_text", serialize_with = "size_as_text")]
    pub size: Size,
    /// Whether it is plugged in at the start.
    pub enabled: bool,
    /// Pictures a second of the preferred mode.
    #[serde(deserialize_with = "within::<1, 480, _>")]
    pub refresh_hz: u32,
    /// The monitor's name in its EDID; `vgpu-0` and so on if left out.
    #[serde(deserialize_with = "monitor_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Default for Head {
    fn default() -> Self {
        Self { size: Size { width: 1280, height: 800 }, enabled: true, refresh_hz: 60, name: None }
    }
}

/// What the guest may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of the host for images and for the lists that describe backings, as in `"256MiB"`.
    #[serde(deserialize_with = "bytes_from_text", serialize_with = "bytes_as_text")]
    pub memory: u64,
    /// Resources at one time.
    #[serde(deserialize_with = "within::<1, 1_048_576, _>")]
    pub resources: u32,
    /// Pieces of guest memory in one backing.
    #[serde(deserialize_with = "within::<1, 16_384, _>")]
    pub entries: u32,
    /// Pixels along a side of an image.
    #[serde(deserialize_with = "within::<64, 32_768, _>")]
    pub image_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 256 << 20, resources: 16_384, entries: 16_384, image_side: 16_384 }
    }
}

/// What is wrong with a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProfileError {
    message: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
}

impl Profile {
    /// Reads a profile; the first thing wrong with it ends the reading.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::new(text, &error))?;
        profile.heads.iter().enumerate().try_for_each(|(index, head)| profile.check(index, head))?;
        Ok(profile)
    }

    /// A head that can never show a picture of its size is a mistake of whoever wrote the profile.
    fn check(&self, index: usize, head: &Head) -> Result<(), ProfileError> {
        let (size, side) = (head.size, self.limits.image_side);
        let text = size_text(size);
        let bytes = Image::byte_count(size);
        if size.width.max(size.height) > side {
            return Err(ProfileError {
                message: format!("head {index} has the size {text}, but limits.image_side is {side}"),
                hint: Some("make the head smaller, or limits.image_side larger".to_owned()),
            });
        }
        if bytes > self.limits.memory {
            let (needed, there) = (bytes.div_ceil(1 << 20), self.limits.memory >> 20);
            return Err(ProfileError {
                message: format!(
                    "head {index} has the size {text}, a picture of {needed}MiB, but limits.memory is {there}MiB"
                ),
                hint: Some(format!("make the head smaller, or limits.memory at least \"{needed}MiB\"")),
            });
        }
        Ok(())
    }

    /// The device that a guest gets.
    pub fn setup(&self) -> Setup {
        let heads = self.heads.iter().enumerate().map(|(index, head)| HeadSetup {
            size: head.size,
            enabled: head.enabled,
            refresh_hz: head.refresh_hz,
            name: head.name.clone().unwrap_or_else(|| format!("vgpu-{index}")),
        });
        let limits = wire::Limits {
            memory_bytes: self.limits.memory,
            resources: self.limits.resources,
            entries: self.limits.entries,
            image_side: self.limits.image_side,
        };
        Setup { heads: heads.collect(), limits, serial: self.serial() }
    }

    /// A number that differs where names differ, for the monitors' EDIDs (FNV-1a).
    fn serial(&self) -> u32 {
        self.name.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }
}

impl ProfileError {
    fn new(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let (message, hint) = match unknown_key(error.message()) {
            Some((key, known)) => (format!("unknown key `{key}`"), Some(nearest(key, &known))),
            None => {
                let source = text.lines().nth(line - 1).unwrap_or_default().trim();
                let quote: String = source.chars().take(QUOTE_MAX).collect();
                let hint = (source == "[head]").then(|| "heads are a list: write `[[head]]`".to_owned());
                (format!("`{quote}`: {}", error.message()), hint)
            }
        };
        Self { message: format!("line {line}: {message}"), hint }
    }
}

/// The key and the known ones, out of serde's sentence "unknown field `a`, expected one of `b`, `c`".
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

/// What was probably meant, and what could have been.
pub(super) fn nearest(key: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    let likeness = |name: &str| strsim::jaro_winkler(key, name);
    match known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other))) {
        Some(name) if likeness(name) > 0.7 => format!("did you mean `{name}`? Known here: {list}"),
        _ => format!("known here: {list}"),
    }
}

fn some_heads<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Head>, D::Error> {
    let heads = Vec::<Head>::deserialize(from)?;
    match heads.len() {
        1..=SCANOUTS_MAX => Ok(heads),
        count => Err(D::Error::custom(format!("a vGPU has 1 to {SCANOUTS_MAX} heads, not {count}"))),
    }
}

fn within<'de, const LEAST: u32, const MOST: u32, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    match u32::try_from(number) {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        _ => Err(D::Error::custom(format!("must be from {LEAST} to {MOST}, not {number}"))),
    }
}

/// The largest side: that of the largest image, unless a profile says otherwise.
const HEAD_SIDE_MAX: u32 = 16384;

/// What belongs where a monitor's size is asked for.
pub(super) const SIZE_RULE: &str = "a width and a height from 64 to 16384, as in \"1280x800\"";

/// The size of a monitor as people write it.
pub(super) fn parse_size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (64..=HEAD_SIDE_MAX).contains(side));
    Some(Size { width: side(width)?, height: side(height)? })
}

fn size_from_text<'de, D: Deserializer<'de>>(from: D) -> Result<Size, D::Error> {
    let text = String::deserialize(from)?;
    parse_size(&text).ok_or_else(|| D::Error::custom(format_args!("must be {SIZE_RULE}")))
}

/// A size as [`parse_size`] reads it.
pub(super) fn size_text(size: Size) -> String {
    format!("{}x{}", size.width, size.height)
}

fn size_as_text<S: Serializer>(size: &Size, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&size_text(*size))
}

const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];

fn bytes_from_text<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let (least, most) = (1_u64 << 20, 1_u64 << 40);
    let (number, shift) =
        UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift))).unwrap_or((&text, &0));
    let bytes = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if (least..=most).contains(&bytes) => Ok(bytes),
        _ => Err(D::Error::custom("must be an amount from 1MiB to 1024GiB, as in \"256MiB\"")),
    }
}

fn bytes_as_text<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(bytes)
}

fn printable<'de, const MOST: usize, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match (1..=MOST).contains(&name.len()) && printable {
        true => Ok(name),
        false => Err(D::Error::custom(format!("must be 1 to {MOST} printable ASCII characters"))),
    }
}

fn monitor_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    printable::<MONITOR_NAME_MAX, D>(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::{Head, Profile};
    use crate::wire::Size;

    fn wrong(text: &str) -> (String, Option<String>) {
        let error = Profile::parse(text).unwrap_err();
        (error.to_string(), error.hint)
    }

    #[test]
    fn an_empty_profile_is_one_plugged_head_of_1280x800() {
        let profile = Profile::parse("").unwrap();

        assert_eq!(profile.heads, [Head::default()]);
        assert_eq!(profile.limits.memory, 256 << 20);
    }

    #[test]
    fn every_key_is_read() {
        let profile = Profile::parse(
            "name = \"a\"\n[[head]]\nsize = \"640x480\"\nenabled = false\nrefresh_hz = 75\nname = \"left\"\n\
             [limits]\nmemory = \"1 GiB\"\nresources = 10\nentries = 20\nimage_side = 4096",
        )
        .unwrap();

        let head = Head {
            size: Size { width: 640, height: 480 },
            enabled: false,
            refresh_hz: 75,
            name: Some("left".to_owned()),
        };
        assert_eq!((profile.name.as_str(), profile.heads), ("a", vec![head]));
        let limits = profile.limits;
        assert_eq!(
            (limits.memory, limits.resources, limits.entries, limits.image_side),
            (1 << 30, 10, 20, 4096)
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let (message, hint) = wrong("name = \"a\"\n\n[limits]\nmemroy = \"1GiB\"");

        assert_eq!(message, "line 4: unknown key `memroy`");
        assert_eq!(
            hint.unwrap(),
            "did you mean `memory`? Known here: memory, resources, entries, image_side"
        );
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_the_known_ones() {
        assert_eq!(wrong("qq = 1").1.unwrap(), "known here: name, head, limits");
    }

    #[test]
    fn values_out_of_bounds_are_refused_with_the_bounds() {
        let cases = [
            (
                "[[head]]\nsize = \"0x480\"",
                "must be a width and a height from 64 to 16384, as in \"1280x800\"",
            ),
            ("[[head]]\nrefresh_hz = 0", "must be from 1 to 480, not 0"),
            ("[[head]]\nname = \"fourteen chars\"", "must be 1 to 13 printable ASCII characters"),
            ("[limits]\nmemory = \"2TiB\"", "must be an amount from 1MiB to 1024GiB, as in \"256MiB\""),
            (
                "[limits]\nmemory = \"99999999999999999999\"",
                "must be an amount from 1MiB to 1024GiB, as in \"256MiB\"",
            ),
            ("[limits]\nresources = -1", "must be from 1 to 1048576, not -1"),
        ];
        for (text, expected) in cases {
            let line = text.lines().nth(1).unwrap();
            assert_eq!(wrong(text).0, format!("line 2: `{line}`: {expected}"));
        }
    }

    #[test]
    fn a_head_that_could_never_show_a_picture_is_refused_with_both_values_and_the_remedy() {
        let head = "[[head]]\n[[head]]\nenabled = false\nsize = \"1280x1024\"\n[limits]\n";
        let with = |limit: &str| format!("{head}{limit}");

        let (message, hint) = wrong(&with("image_side = 1279"));
        assert_eq!(message, "head 0 has the size 1280x800, but limits.image_side is 1279");
        assert_eq!(hint.unwrap(), "make the head smaller, or limits.image_side larger");
        let (message, hint) = wrong(&with("memory = \"4MiB\""));
        assert_eq!(message, "head 1 has the size 1280x1024, a picture of 5MiB, but limits.memory is 4MiB");
        assert_eq!(hint.unwrap(), "make the head smaller, or limits.memory at least \"5MiB\"");
        for enough in ["image_side = 1280", "memory = \"5MiB\""] {
            Profile::parse(&with(enough)).unwrap();
        }
    }

    #[test]
    fn a_single_table_of_heads_is_answered_with_how_a_list_is_written() {
        assert_eq!(wrong("[head]\nsize = \"640x480\"").1.unwrap(), "heads are a list: write `[[head]]`");
    }

    #[test]
    fn a_line_of_any_length_is_quoted_in_part() {
        assert!(wrong(&format!("name = [{}", "[".repeat(100_000))).0.len() < 1000);
    }

    #[test]
    fn more_than_sixteen_heads_and_none_are_refused() {
        assert!(wrong(&"[[head]]\n".repeat(17)).0.contains("a vGPU has 1 to 16 heads, not 17"));
        assert!(wrong("head = []").0.contains("a vGPU has 1 to 16 heads, not 0"));
    }

    #[test]
    fn heads_without_a_name_are_numbered_and_the_defaults_are_the_devices_own() {
        let setup = Profile::parse("[[head]]\n[[head]]\nname = \"left\"").unwrap().setup();

        assert_eq!(setup.heads.iter().map(|head| head.name.as_str()).collect::<Vec<_>>(), ["vgpu-0", "left"]);
        assert_eq!(setup.limits, crate::wire::Limits::default());
    }

    #[test]
    fn names_that_differ_give_serials_that_differ() {
        let named = |name: &str| Profile { name: name.to_owned(), ..Profile::default() }.serial();

        assert_ne!(named("a"), named("b"));
    }
}
