//! Who may connect to a vGPU.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// The permission to write, for everybody: on a socket that is the permission to connect.
const OTHERS_WRITE: u32 = 0o002;

/// Characters in the name of a user or group.
const NAME_MAX: usize = 32;

/// Who may connect to a vGPU: the owner, group and mode of its front-end socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SocketAccess {
    /// The user that the VMM runs as; the daemon's own if left out.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_account")]
    pub owner: Option<Account>,
    /// The group; the daemon's own if left out.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_account")]
    pub group: Option<Account>,
    /// Permissions as octal text. Who may write may connect; never everybody.
    #[serde(with = "mode")]
    #[schema(value_type = String, pattern = "^0?[0-7][0-7][014-5]$", default = "0600", example = "0660")]
    pub mode: u32,
}

impl Default for SocketAccess {
    fn default() -> Self {
        Self { owner: None, group: None, mode: 0o600 }
    }
}

impl SocketAccess {
    /// Whether everybody could connect.
    pub(super) fn is_open_to_all(&self) -> bool {
        self.mode & OTHERS_WRITE != 0
    }

    /// The mode as people write it.
    pub fn mode_text(&self) -> String {
        format!("{:04o}", self.mode)
    }
}

/// A user or a group: its number, or a name that the host knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Account {
    /// A number.
    Number(u32),
    /// A name.
    Name(String),
}

impl utoipa::PartialSchema for Account {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema;

        let number = schema::ObjectBuilder::new()
            .schema_type(schema::Type::Integer)
            .minimum(Some(0))
            .maximum(Some(u32::MAX - 1))
            .examples([64055]);
        let name = schema::ObjectBuilder::new()
            .schema_type(schema::Type::String)
            .pattern(Some("^[A-Za-z0-9_][A-Za-z0-9._@$-]{0,31}$"))
            .examples(["libvirt-qemu"]);
        let text = "A user or a group: its number, or a name that the host knows.";
        schema::OneOfBuilder::new().item(number).item(name).description(Some(text)).into()
    }
}

impl ToSchema for Account {}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Name(name) => name.fmt(out),
        }
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl serde::de::Visitor<'_> for Either {
            type Value = Account;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number or a name")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Account, E> {
                // The largest is what system calls take for "leave it as it is".
                let valid = u32::try_from(number).ok().filter(|number| *number != u32::MAX);
                valid.map(Account::Number).ok_or_else(|| {
                    E::custom(format_args!("must be a number from 0 to {}, not {number}", u32::MAX - 1))
                })
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Account, E> {
                self.visit_u64(u64::try_from(number).unwrap_or(u64::MAX))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Account, E> {
                if let Ok(number) = text.parse() {
                    return self.visit_u64(number);
                }
                let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                let other = |byte: u8| first(byte) || b".@$-".contains(&byte);
                match text.bytes().next().is_some_and(first)
                    && text.bytes().all(other)
                    && text.len() <= NAME_MAX
                {
                    true => Ok(Account::Name(text.to_owned())),
                    false => Err(E::custom("must be the name or the number of a user or group")),
                }
            }
        }

        from.deserialize_any(Either)
    }
}

fn some_account<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Account>, D::Error> {
    Account::deserialize(from).map(Some)
}

/// Permission bits as octal text.
mod mode {
    use super::{Deserialize, Deserializer, Error, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's interface")]
    pub(super) fn serialize<S: Serializer>(mode: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if digits && mode <= 0o777 => Ok(mode),
            _ => Err(D::Error::custom(
                "must be permissions as octal text, from \"0000\" to \"0777\", as in \"0660\"",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, SocketAccess};
    use crate::control::profile::Profile;

    fn socket(text: &str) -> SocketAccess {
        Profile::parse(&format!("[socket]\n{text}")).unwrap().socket
    }

    fn wrong(text: &str) -> (String, Option<String>) {
        let error = Profile::parse(&format!("[socket]\n{text}")).unwrap_err();
        (error.to_string(), error.hint)
    }

    #[test]
    fn without_a_word_only_the_daemons_own_user_may_connect() {
        assert_eq!(socket(""), SocketAccess { owner: None, group: None, mode: 0o600 });
    }

    #[test]
    fn owner_and_group_are_names_or_numbers() {
        let expected = SocketAccess {
            owner: Some(Account::Name("libvirt-qemu".to_owned())),
            group: Some(Account::Number(64055)),
            mode: 0o660,
        };
        assert_eq!(socket("owner = \"libvirt-qemu\"\ngroup = 64055\nmode = \"0660\""), expected);
        assert_eq!(socket("owner = \"libvirt-qemu\"\ngroup = \"64055\"\nmode = \"660\""), expected);
    }

    #[test]
    fn what_is_no_account_is_refused() {
        for (value, reason) in [
            ("-1", "must be a number from 0 to 4294967294, not 18446744073709551615"),
            ("4294967295", "must be a number from 0 to 4294967294, not 4294967295"),
            ("\"../x\"", "must be the name or the number of a user or group"),
            ("\"\"", "must be the name or the number of a user or group"),
            ("true", "invalid type: boolean `true`, expected a number or a name"),
        ] {
            assert_eq!(wrong(&format!("owner = {value}")).0, format!("line 2: `owner = {value}`: {reason}"));
        }
    }

    #[test]
    fn a_mode_is_octal_text_of_permissions() {
        for value in ["\"0999\"", "\"u+rw\"", "\"+660\"", "\"1660\"", "\"60\"", "\"\""] {
            let reason = "must be permissions as octal text, from \"0000\" to \"0777\", as in \"0660\"";
            assert_eq!(wrong(&format!("mode = {value}")).0, format!("line 2: `mode = {value}`: {reason}"));
        }
        assert!(wrong("mode = 660").0.contains("invalid type: integer `660`, expected a string"));
    }

    #[test]
    fn a_socket_that_everybody_could_connect_to_is_refused_with_the_remedy() {
        let (message, hint) = wrong("mode = \"0666\"");

        assert_eq!(message, "socket.mode is 0666, so that everybody on the host could connect");
        assert_eq!(
            hint.unwrap(),
            "name the VMM's user or group in socket.owner or socket.group, with mode \"0660\""
        );
    }

    #[test]
    fn an_unknown_key_of_the_table_is_named_with_the_near_one() {
        let (message, hint) = wrong("gruop = 7");

        assert_eq!(message, "line 2: unknown key `gruop`");
        assert_eq!(hint.unwrap(), "did you mean `group`? Known here: owner, group, mode");
    }
}
