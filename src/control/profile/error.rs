//! What is wrong with a profile, and what was probably meant.

use crate::control::Refusal;

/// Characters in which a message quotes a line.
const QUOTE_MAX: usize = 80;

/// What is wrong with a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProfileError {
    message: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
}

impl From<Refusal> for ProfileError {
    fn from(refusal: Refusal) -> Self {
        Self { message: refusal.message, hint: refusal.remedy }
    }
}

impl ProfileError {
    pub(super) fn new(text: &str, error: &toml::de::Error) -> Self {
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
pub(in crate::control) fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

/// What was probably meant, and what could have been.
pub(in crate::control) fn nearest(key: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    let likeness = |name: &str| strsim::jaro_winkler(key, name);
    match known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other))) {
        Some(name) if likeness(name) > 0.7 => format!("did you mean `{name}`? Known here: {list}"),
        _ => format!("known here: {list}"),
    }
}
