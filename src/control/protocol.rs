//! Requests, answers and refusals as values and as JSON.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::profile::{SIZE_RULE, nearest, parse_size, size_text};
use crate::wire::{SCANOUTS_MAX, ScanoutId, Size};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A PNG of what a head shows.
    Screenshot(ScanoutId),
    /// The state of the vGPU.
    Status,
    /// Other monitors: all of these changes or none.
    Set(Vec<HeadChange>),
    /// The client keeps this vGPU from now on: after the answer the connection is its keeper channel.
    Keep,
    /// The GPU is lost, and why: all programs that use Vulkan are to be told that their devices are.
    Lose(String),
}

/// A monitor plugged into a head, or taken away. As JSON: `{"head":1,"size":"1024x768"}`, or `"off"` for no monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadChange {
    /// The head.
    #[serde(with = "head_number")]
    #[schema(value_type = u32, maximum = 15, example = 1)]
    pub head: ScanoutId,
    /// The monitor's width and height, each from 64 to 16384; `off` for none.
    #[serde(with = "monitor")]
    #[schema(value_type = String, pattern = "^(off|[1-9][0-9]{1,4}x[1-9][0-9]{1,4})$", example = "1024x768")]
    pub size: Option<Size>,
}

/// A head as its number.
mod head_number {
    use serde::de::{Deserialize, Deserializer, Error};

    use crate::wire::{SCANOUTS_MAX, ScanoutId};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's interface")]
    pub(super) fn serialize<S: serde::Serializer>(head: &ScanoutId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(head.get())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ScanoutId, D::Error> {
        let number = u32::deserialize(from)?;
        ScanoutId::new(number).ok_or_else(|| {
            D::Error::custom(format!("there is no head {number}; heads are 0 to {}", SCANOUTS_MAX - 1))
        })
    }
}

/// A monitor as its size, or `off`.
mod monitor {
    use serde::de::{Deserialize, Deserializer, Error};

    use super::{SIZE_RULE, parse_monitor, size_text};
    use crate::wire::Size;

    #[expect(clippy::ref_option, reason = "serde's interface")]
    pub(super) fn serialize<S: serde::Serializer>(size: &Option<Size>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&size.map_or_else(|| "off".into(), size_text))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Size>, D::Error> {
        let text = String::deserialize(from)?;
        parse_monitor(&text).ok_or_else(|| D::Error::custom(format!("`{text}`: write `off` or {SIZE_RULE}")))
    }
}

/// The state of a vGPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The device process.
    pub pid: i32,
    /// Its heads.
    pub heads: Vec<HeadStatus>,
    /// Whether the VMM shows the pictures in a window. Then that decides the monitors' sizes.
    pub window: bool,
    /// The virtio-gpu features that the guest's driver took.
    pub features: Vec<String>,
    /// Host memory charged for images and the lists that describe backings.
    pub memory_bytes_used: u64,
    /// How much of it the guest may have.
    pub memory_bytes_max: u64,
    /// Resources that the guest made.
    pub resources_used: usize,
    /// How many it may have.
    pub resources_max: u32,
    /// What the sandbox holds and what the host could not give, a line each.
    pub sandbox: Vec<String>,
    /// What the sandbox leaves open because the GPU's driver needs it, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_open: Vec<String>,
    /// The GPU that Vulkan runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = GpuStatus)]
    pub gpu: Option<GpuStatus>,
}

/// The GPU of a [`Status`], and who uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GpuStatus {
    /// Its name, as its driver gives it.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// Bytes of its memory that the driver takes for itself, beside what programs allocate.
    #[serde(default)]
    pub memory_bytes_driver: u64,
    /// What checks programs' shaders before the driver sees them.
    pub shader_checks: String,
    /// Programs that use it.
    pub clients: usize,
    /// How many may at a time.
    pub clients_max: u32,
}

/// One head of a [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeadStatus {
    /// Its number.
    pub head: u32,
    /// Size of the monitor that is plugged in, like `1280x800`.
    pub monitor: Option<String>,
    /// Size of the picture that the guest shows.
    pub picture: Option<String>,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind, for programs.
    pub code: Code,
    /// The part of the request that is wrong, like `heads[1].size`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

/// Kinds of refusals; programs may rely on the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The line is no JSON object, or none came.
    BadJson,
    /// The line is too long.
    TooLong,
    /// The line did not come in time.
    TooSlow,
    /// No such request.
    UnknownRequest,
    /// A field is missing, not known, or has a value that it cannot have.
    BadField,
    /// The vGPU has no such head.
    UnknownHead,
    /// The guest shows nothing on this head.
    HeadShowsNothing,
    /// The VMM's window decides the monitors' sizes.
    WindowDecides,
    /// There is no vGPU of this name.
    NotFound,
    /// Another vGPU has this name, this socket or this path already.
    Conflict,
    /// A name that is none.
    BadName,
    /// A path that may not be used.
    BadPath,
    /// The vGPU is not on offer.
    NotRunning,
    /// The vGPU's process has nothing to hand to a keeper.
    NotKept,
    /// The API has no such path.
    NoSuchRequest,
    /// The API has this path, but not with this method.
    NoSuchMethod,
    /// The request's content is not of the type that belongs there.
    BadContentType,
    /// Too many clients at one time.
    Busy,
    /// The host could not do it.
    HostFailed,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

impl Refusal {
    /// A refusal about nothing in particular.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, field: None, message: message.to_string(), remedy: None }
    }

    /// Names the wrong part of the request.
    #[must_use]
    pub fn field(mut self, field: impl fmt::Display) -> Self {
        self.field = Some(field.to_string());
        self
    }

    /// Names the part of the request that the wrong part is in.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let field = self.field.map(|field| format!("{outer}.{field}"));
        Self { field, ..self }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl fmt::Display) -> Self {
        self.remedy = Some(remedy.to_string());
        self
    }
}

const REQUESTS: [&str; 5] = ["screenshot", "status", "set", "keep", "lose"];

impl Request {
    /// Reads a request's line.
    pub fn parse(line: &[u8]) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            Refusal::new(Code::BadJson, format_args!("the request is not JSON: {error}"))
                .remedy("send one line like {\"request\":\"status\"}")
        })?;
        let mut fields = Fields::of(value, String::new())?;
        let name: String =
            fields.take("request", "the name of a request", |value| value.as_str().map(Into::into))?;
        let request = match name.as_str() {
            "screenshot" => Self::Screenshot(fields.head()?),
            "status" => Self::Status,
            "set" => Self::Set(fields.changes()?),
            "keep" => Self::Keep,
            "lose" => Self::Lose(
                fields.take("reason", "why the GPU is lost", |value| Some(value.as_str()?.into()))?,
            ),
            _ => return Err(unknown_request(&name)),
        };
        fields.finish()?;
        Ok(request)
    }

    /// The request as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Screenshot(head) => json!({"request": "screenshot", "head": head.get()}),
            Self::Status => json!({"request": "status"}),
            Self::Keep => json!({"request": "keep"}),
            Self::Lose(reason) => json!({"request": "lose", "reason": reason}),
            Self::Set(changes) => {
                let size = |size: Option<Size>| size.map_or_else(|| "off".into(), size_text);
                let change =
                    |change: &HeadChange| json!({"head": change.head.get(), "size": size(change.size)});
                json!({"request": "set", "heads": changes.iter().map(change).collect::<Vec<_>>()})
            }
        }
    }
}

fn unknown_request(name: &str) -> Refusal {
    let shown: String = name.chars().take(64).collect();
    Refusal::new(Code::UnknownRequest, format_args!("there is no request `{shown}`"))
        .field("request")
        .remedy(nearest(&shown, &REQUESTS))
}

/// The fields of an object, taken one by one; what is left over is unknown.
struct Fields {
    map: Map<String, Value>,
    /// Where the object is in the request, for messages.
    path: String,
}

impl Fields {
    fn of(value: Value, path: String) -> Result<Self, Refusal> {
        match value {
            Value::Object(map) => Ok(Self { map, path }),
            _ => {
                Err(Refusal::new(Code::BadJson, "a JSON object belongs here, like {\"request\":\"status\"}")
                    .field(path.trim_end_matches('.')))
            }
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Refusal> {
        let refusal = |message: String| {
            Refusal::new(Code::BadField, message).field(format_args!("{}{name}", self.path))
        };
        let value = self.map.remove(name).ok_or_else(|| refusal(format!("`{name}` is missing: {what}")))?;
        let shown: String = value.to_string().chars().take(64).collect();
        read(&value).ok_or_else(|| refusal(format!("`{name}` is {shown}; {what} belongs there")))
    }

    fn head(&mut self) -> Result<ScanoutId, Refusal> {
        let number = |value: &Value| ScanoutId::new(u32::try_from(value.as_u64()?).ok()?);
        self.take("head", &format!("the number of a head, 0 to {}", SCANOUTS_MAX - 1), number)
    }

    fn changes(&mut self) -> Result<Vec<HeadChange>, Refusal> {
        let list = self
            .take("heads", "a list like [{\"head\":1,\"size\":\"1024x768\"}]", |v| v.as_array().cloned())?;
        list.into_iter()
            .enumerate()
            .map(|(place, item)| Self::change(item, format!("heads[{place}].")))
            .collect()
    }

    fn change(item: Value, path: String) -> Result<HeadChange, Refusal> {
        let mut fields = Self::of(item, path)?;
        let head = fields.head()?;
        let size = fields
            .take("size", &format!("`off`, or {SIZE_RULE},"), |value| parse_monitor(value.as_str()?))?;
        fields.finish()?;
        Ok(HeadChange { head, size })
    }

    fn finish(self) -> Result<(), Refusal> {
        let Some(name) = self.map.keys().next() else { return Ok(()) };
        let shown: String = name.chars().take(64).collect();
        Err(Refusal::new(Code::BadField, format_args!("there is no field `{shown}` here"))
            .field(format_args!("{}{shown}", self.path)))
    }
}

fn parse_monitor(text: &str) -> Option<Option<Size>> {
    if text == "off" { Some(None) } else { parse_size(text).map(Some) }
}

/// As on the command line: `1=1024x768` or `1=off`.
impl FromStr for HeadChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (head, monitor) = text.split_once('=').ok_or("write HEAD=SIZE, like 1=1024x768, or HEAD=off")?;
        let head = head.parse().ok().and_then(ScanoutId::new);
        Ok(Self {
            head: head.ok_or_else(|| format!("the number of a head is 0 to {}", SCANOUTS_MAX - 1))?,
            size: parse_monitor(monitor).ok_or_else(|| format!("write `off` or {SIZE_RULE}"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(number: u32) -> ScanoutId {
        ScanoutId::new(number).unwrap()
    }

    fn refusal(line: &str) -> Refusal {
        Request::parse(line.as_bytes()).unwrap_err()
    }

    #[test]
    fn requests_are_read_as_they_are_written() {
        let size = Some(Size { width: 1024, height: 768 });
        let changes = vec![HeadChange { head: head(1), size }, HeadChange { head: head(2), size: None }];
        for request in [
            Request::Screenshot(head(15)),
            Request::Status,
            Request::Set(changes),
            Request::Set(vec![]),
            Request::Keep,
            Request::Lose("it fell off".into()),
        ] {
            assert_eq!(Request::parse(request.to_json().to_string().as_bytes()), Ok(request));
        }
        let written = r#" {"heads":[{"size":"off","head":0}],"request":"set"} "#;
        let change = HeadChange { head: head(0), size: None };
        assert_eq!(Request::parse(written.as_bytes()), Ok(Request::Set(vec![change])));
    }

    #[test]
    fn an_unknown_request_names_the_near_one() {
        for (line, remedy) in [
            (
                r#"{"request":"screnshot"}"#,
                "did you mean `screenshot`? Known here: screenshot, status, set, keep, lose",
            ),
            (
                r#"{"request":"stats"}"#,
                "did you mean `status`? Known here: screenshot, status, set, keep, lose",
            ),
            (r#"{"request":"kill"}"#, "known here: screenshot, status, set, keep, lose"),
        ] {
            let refusal = refusal(line);
            assert_eq!((refusal.code, refusal.remedy.as_deref()), (Code::UnknownRequest, Some(remedy)));
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (line, code, field) in [
            ("", Code::BadJson, None),
            ("{", Code::BadJson, None),
            ("[1]", Code::BadJson, Some("")),
            ("{}", Code::BadField, Some("request")),
            (r#"{"request":7}"#, Code::BadField, Some("request")),
            (r#"{"request":"screenshot"}"#, Code::BadField, Some("head")),
            (r#"{"request":"screenshot","head":16}"#, Code::BadField, Some("head")),
            (r#"{"request":"screenshot","head":-1}"#, Code::BadField, Some("head")),
            (r#"{"request":"screenshot","head":0,"hed":1}"#, Code::BadField, Some("hed")),
            (r#"{"request":"set","heads":{}}"#, Code::BadField, Some("heads")),
            (r#"{"request":"set","heads":[3]}"#, Code::BadJson, Some("heads[0]")),
            (
                r#"{"request":"set","heads":[{"head":0,"size":"off"},{"head":1}]}"#,
                Code::BadField,
                Some("heads[1].size"),
            ),
            (r#"{"request":"set","heads":[{"head":0,"size":"0x5"}]}"#, Code::BadField, Some("heads[0].size")),
            (
                r#"{"request":"set","heads":[{"head":0,"size":"off","x":1}]}"#,
                Code::BadField,
                Some("heads[0].x"),
            ),
        ] {
            let refusal = refusal(line);
            assert_eq!((refusal.code, refusal.field.as_deref()), (code, field), "{line}: {refusal}");
        }
    }

    #[test]
    fn changes_are_read_from_the_command_line() {
        let size = Some(Size { width: 640, height: 480 });
        assert_eq!("3=640x480".parse(), Ok(HeadChange { head: head(3), size }));
        assert_eq!("0=off".parse(), Ok(HeadChange { head: head(0), size: None }));
        for text in ["3", "16=off", "x=off", "1=640", "1=640x", "1=-1x3", "1=0x0", "1=4294967296x1", "1=on"] {
            assert!(text.parse::<HeadChange>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_read_as_some_other() {
        let read: Refusal = serde_json::from_str(r#"{"code":"on_fire","message":"it burns"}"#).unwrap();
        assert_eq!(read, Refusal::new(Code::Other, "it burns"));
    }
}
