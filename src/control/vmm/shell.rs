//! Words for a shell.

use super::Argument;

/// Options as they are pasted into a shell's command line: one a line, each line but the last continued.
pub fn shell_lines(arguments: Vec<Argument>) -> String {
    let lines: Vec<String> =
        arguments.into_iter().map(|argument| argument.words().map(quoted).join(" ")).collect();
    lines.join(" \\\n")
}

/// A word that a POSIX shell takes as it is.
pub(super) fn quoted(word: String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Argument, shell_lines};

    #[test]
    fn a_shell_gives_back_every_word_as_it_was() {
        let values =
            ["plain,path=/a.b", "", "it's", "a b\tc\nd", "$HOME `id` \\ \"x\" * [a] ~ # !", "'", "-é"];
        let arguments = values.iter().map(|value| Argument::new("-x", *value)).collect();
        let script = format!("printf '%s\\0' {}", shell_lines(arguments));

        let output = Command::new("sh").args(["-c", &script]).output().unwrap();

        let words: Vec<u8> = values.iter().flat_map(|value| format!("-x\0{value}\0").into_bytes()).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&words));
    }
}
