//! What commands print, as files. VGPU_GOLDEN=write in the environment writes them anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::manager::Served;

/// Fails where the text is not that of the file.
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("VGPU_GOLDEN").is_some_and(|wish| wish == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, golden,
        "tests/golden/{name} differs: VGPU_GOLDEN=write writes it anew, then look at it"
    );
}

/// A terminal's text: commands and what they say.
pub(crate) struct Session {
    pub(crate) served: Served,
    text: String,
}

impl Session {
    pub(crate) fn start() -> Self {
        Self { served: Served::start(), text: String::new() }
    }

    /// `vgpu` in the folder of the manager's socket.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        command.args(arguments).current_dir(&self.served.folder).env("VGPU_API", "api.sock");
        command
    }

    /// Runs it to its end and writes down what it said.
    pub(crate) fn run(&mut self, line: &str) -> &mut Self {
        let output = self.command(&line.split(' ').collect::<Vec<_>>()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        write!(self.text, "$ vgpu {line}\n{}{}", text(output.stdout), text(output.stderr)).unwrap();
        match output.status.code() {
            Some(0) => self.text.push('\n'),
            code => write!(self.text, "exit code {}\n\n", code.unwrap()).unwrap(),
        }
        self
    }

    /// Compares all that was said with a file.
    pub(crate) fn compare(&self, name: &str) {
        compare(name, &self.text);
    }
}
