//! `vgpu screenshot`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::api::Api;
use super::error::CommandError;
use super::file;
use crate::control::api::Name;
use crate::control::client::Client;
use crate::wire::ScanoutId;

/// Write what a head shows, its pointer included, as a PNG
///
/// Example: vgpu screenshot desktop-7 screen.png
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "vgpu screenshot NAME OUT [--head N]\n       vgpu screenshot --control SOCKET OUT [--head N]"
)]
pub(super) struct ScreenshotArgs {
    /// Name of the vGPU; left out with --control
    #[arg(value_name = "NAME")]
    first: OsString,
    /// File to write; `-` is standard output
    #[arg(value_name = "OUT", required_unless_present = "control", conflicts_with = "control")]
    second: Option<PathBuf>,
    /// The head to look at
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_head)]
    head: ScanoutId,
    /// Instead of a name: the control socket that `vgpu run --control` was given
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    #[command(flatten)]
    api: Api,
}

/// Takes a screenshot.
pub(super) fn run(arguments: &ScreenshotArgs) -> Result<(), CommandError> {
    match (&arguments.control, &arguments.second) {
        (Some(control), _) => {
            write(&Client::new(control).screenshot(arguments.head)?, Path::new(&arguments.first))
        }
        (None, Some(out)) => {
            let name: Name = arguments.first.to_string_lossy().parse().map_err(CommandError::cli)?;
            write(&arguments.api.client().screenshot(&name, arguments.head)?, out)
        }
        (None, None) => Err(CommandError::cli("neither a name nor --control says which vGPU to look at")),
    }
}

fn write(picture: &[u8], out: &Path) -> Result<(), CommandError> {
    let written = match out.as_os_str() == "-" {
        true => io::stdout().lock().write_all(picture),
        false => file::write(out, picture),
    };
    written.map_err(|error| {
        CommandError::host(format_args!("cannot write {}: {error}", out.display()))
            .hint("choose a folder that exists and has room, or `-` for standard output")
    })
}

fn parse_head(text: &str) -> Result<ScanoutId, String> {
    text.parse().ok().and_then(ScanoutId::new).ok_or_else(|| "heads are numbered from 0 to 15".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::net::UnixListener;

    fn of(control: &Path, out: &Path) -> ScreenshotArgs {
        let line =
            [OsStr::new("vgpu"), "--control".as_ref(), control.as_ref(), out.as_ref(), "--head=1".as_ref()];
        let matches = ScreenshotArgs::augment_args(clap::Command::new("vgpu")).get_matches_from(line);
        ScreenshotArgs::from_arg_matches(&matches).unwrap()
    }

    /// Answers one client with these bytes.
    fn vgpu(answer: &'static [u8]) -> (tempfile::TempDir, ScreenshotArgs) {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("control");
        let listener = UnixListener::bind(&control).unwrap();
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = String::new();
            io::BufRead::read_line(&mut io::BufReader::new(&client), &mut request).unwrap();
            client.write_all(answer).unwrap();
        });
        let out = folder.path().join("out.png");
        (folder, of(&control, &out))
    }

    fn names(folder: &tempfile::TempDir) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_written_whole_and_replaces_what_was_there() {
        let (folder, arguments) = vgpu(b"{\"ok\":{},\"length\":3}\nPNG");
        fs::write(&arguments.first, "older").unwrap();

        run(&arguments).unwrap();

        assert_eq!(fs::read(&arguments.first).unwrap(), b"PNG");
        assert_eq!(names(&folder), ["control", "out.png"]);
    }

    #[test]
    fn a_head_that_shows_nothing_is_said_and_nothing_is_written() {
        let answer =
            br#"{"error":{"code":"head_shows_nothing","message":"head 1 shows nothing","remedy":"wait"}}
"#;
        let (folder, arguments) = vgpu(answer);

        let error = run(&arguments).unwrap_err();

        let expected = CommandError::user("head 1 shows nothing").hint("wait");
        assert_eq!(format!("{error:?}"), format!("{expected:?}"));
        assert_eq!(names(&folder), ["control"]);
    }

    #[test]
    fn an_answer_that_ends_early_leaves_no_file() {
        let (folder, arguments) = vgpu(b"{\"ok\":{},\"length\":4}\nPNG");
        assert!(run(&arguments).is_err());
        assert_eq!(names(&folder), ["control"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let (_folder, mut arguments) = vgpu(b"{\"ok\":{},\"length\":3}\nPNG");
        arguments.first = "/no/such/folder/out.png".into();
        let error = format!("{:?}", run(&arguments).unwrap_err());
        assert!(error.contains("/no/such/folder/out.png") && error.contains("choose a folder"), "{error}");
    }

    #[test]
    fn without_a_vgpu_the_socket_is_named_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("nobody");
        let out = folder.path().join("out.png");
        let arguments = of(&control, &out);
        let error = format!("{:?}", run(&arguments).unwrap_err());
        assert!(error.contains(control.to_str().unwrap()) && error.contains("vgpu run --control"), "{error}");
    }
}
