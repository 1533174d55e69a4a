//! Where vGPUs' sockets may be.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::control::api::Name;
use crate::control::{Code, Refusal};
use crate::supervisor::PATH_BYTES_MAX;

/// The folders in which operators may have sockets made, and what in them is not for vGPUs.
#[derive(Debug)]
pub(super) struct Folders {
    allowed: Vec<PathBuf>,
    api: PathBuf,
    state: PathBuf,
}

impl Folders {
    /// All of these must exist, but for the API's socket itself.
    pub(super) fn new(allowed: &[PathBuf], api: &Path, state: &Path) -> io::Result<Self> {
        let missing = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        let resolve = |path: &Path| {
            let found = path.canonicalize().and_then(|folder| match folder.is_dir() {
                true => Ok(folder),
                false => Err(io::ErrorKind::NotADirectory.into()),
            });
            found.map_err(|error| missing(path, error))
        };
        let parent = api.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let api_folder = resolve(parent)?;
        let allowed: Vec<PathBuf> = match allowed {
            [] => vec![api_folder.clone()],
            folders => folders.iter().map(|folder| resolve(folder)).collect::<Result<_, _>>()?,
        };
        let api = api_folder.join(api.file_name().unwrap_or_default());
        Ok(Self { allowed, api, state: resolve(state)? })
    }

    pub(super) fn allowed(&self) -> &[PathBuf] {
        &self.allowed
    }

    /// The path for a vGPU's socket, with no link in it.
    pub(super) fn place(&self, name: &Name, asked: Option<&Path>) -> Result<PathBuf, Refusal> {
        let path = match asked {
            Some(path) => self.resolve(path)?,
            None => {
                let folder =
                    self.allowed.first().ok_or_else(|| refuse("there is no folder for sockets", ""))?;
                folder.join(format!("{name}.sock"))
            }
        };
        if path.as_os_str().len() > PATH_BYTES_MAX {
            let message =
                format!("the socket's path {} is longer than {PATH_BYTES_MAX} bytes", path.display());
            return Err(refuse(message, "use a shorter path: a socket address has no room for more"));
        }
        if path == self.api {
            let message = format!("the API itself is served on {}", path.display());
            return Err(refuse(message, "choose another file name"));
        }
        Ok(path)
    }

    fn resolve(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let shown = path.display();
        if !path.is_absolute() {
            let message = format!("the socket's path {shown} is not absolute");
            return Err(refuse(message, self.choices()));
        }
        // It is to be pasted, and shown in tables and on terminals.
        if path.to_string_lossy().contains(char::is_control) {
            let message = format!("the socket's path {path:?} has a control character in it");
            return Err(refuse(message, "choose a name of printable characters"));
        }
        let file = match (path.components().any(|part| part == Component::ParentDir), path.file_name()) {
            (false, Some(file)) if path.as_os_str().as_encoded_bytes().ends_with(file.as_encoded_bytes()) => {
                file
            }
            _ => {
                let message =
                    format!("the socket's path {shown} has `..` in it, or does not end in a file's name");
                return Err(refuse(message, self.choices()));
            }
        };
        self.folder_of(path)
            .map(|folder| folder.join(file))
            .ok_or_else(|| refuse(format!("{shown} is in no folder for vGPUs' sockets"), self.choices()))
    }

    /// The folder that the path is in, if sockets may be there.
    fn folder_of(&self, path: &Path) -> Option<PathBuf> {
        let folder = path.parent()?.canonicalize().ok().filter(|folder| folder.is_dir())?;
        let allowed = self.allowed.iter().any(|allowed| folder.starts_with(allowed));
        (allowed && !folder.starts_with(&self.state)).then_some(folder)
    }

    fn choices(&self) -> String {
        let folders: Vec<_> = self.allowed.iter().map(|folder| folder.display().to_string()).collect();
        format!(
            "use an existing folder in {}, or start the daemon with another --socket-folder",
            folders.join(" or ")
        )
    }
}

fn refuse(message: impl Display, remedy: impl AsRef<OsStr> + Display) -> Refusal {
    Refusal::new(Code::BadPath, message).field("socket").remedy(remedy)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Host {
        root: tempfile::TempDir,
        folders: Folders,
    }

    /// A host with `sockets`, in which the API's socket is, `sockets/deep`, `sockets/state` and `elsewhere`.
    fn host() -> Host {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for folder in ["sockets", "sockets/deep", "sockets/state", "elsewhere"] {
            fs::create_dir(path(folder)).unwrap();
        }
        let folders = Folders::new(&[], &path("sockets/api"), &path("sockets/state")).unwrap();
        Host { root, folders }
    }

    impl Host {
        fn place(&self, asked: &str) -> Result<PathBuf, Refusal> {
            self.folders.place(&"a".parse().unwrap(), Some(&self.root.path().join(asked)))
        }
    }

    #[test]
    fn a_socket_is_beside_the_apis_unless_asked_for_elsewhere() {
        let host = host();

        let place = host.folders.place(&"a".parse().unwrap(), None).unwrap();

        assert_eq!(place, host.root.path().canonicalize().unwrap().join("sockets/a.sock"));
        assert_eq!(host.place("sockets/a.sock").unwrap(), place);
        assert!(host.place("sockets/deep/b").is_ok());
    }

    #[test]
    fn paths_that_are_not_for_vgpus_are_refused_with_the_field_and_what_to_do() {
        let host = host();
        symlink(host.root.path().join("elsewhere"), host.root.path().join("sockets/link")).unwrap();
        let long = format!("sockets/{}", "x".repeat(PATH_BYTES_MAX));
        for asked in [
            "elsewhere/a",
            "sockets/../elsewhere/a",
            "sockets/deep/../a",
            "sockets/link/a",
            "sockets/missing/a",
            "sockets/api",
            "sockets/state/a",
            "sockets/deep/",
            "sockets/deep/.",
            "sockets/two\nlines",
            "sockets/\u{1b}[31mred",
            &long,
        ] {
            let refusal = host.place(asked).expect_err(asked);

            assert_eq!((refusal.code, refusal.field.as_deref()), (Code::BadPath, Some("socket")), "{asked}");
            assert!(refusal.remedy.is_some_and(|remedy| !remedy.is_empty()), "{asked}");
        }
        let relative = host.folders.place(&"a".parse().unwrap(), Some(Path::new("a.sock")));
        assert!(relative.unwrap_err().message.contains("is not absolute"));
    }

    #[test]
    fn a_folder_for_sockets_that_is_none_is_named() {
        let host = host();
        let file = host.root.path().join("file");
        fs::write(&file, "").unwrap();

        for folder in [file, host.root.path().join("missing")] {
            let api = host.root.path().join("api");
            let error = Folders::new(std::slice::from_ref(&folder), &api, host.root.path()).unwrap_err();
            assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn a_link_within_the_folder_leads_to_the_one_true_path() {
        let host = host();
        symlink(host.root.path().join("sockets/deep"), host.root.path().join("sockets/link")).unwrap();

        assert_eq!(host.place("sockets/link/a").unwrap(), host.place("sockets/deep/a").unwrap());
    }
}
