//! `vgpu cdi generate`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::super::api::Api;
use super::super::error::CommandError;
use super::super::file;
use super::super::gpu::Hardware;
use super::super::output;
use super::list;
use crate::control::api::Name;
use crate::control::cdi::{Class, Device, FOLDER, Spec, Unfit};
use crate::inventory::{Gpu, PciAddress, Piece};

/// As a file's name.
const STDOUT: &str = "-";

/// Write the file by which container runtimes know vGPUs, or GPUs of the host
///
/// It says what there is at this moment: write it anew when vGPUs are made or deleted, when a GPU is cut or changes its
/// driver, and after the host was started. Prints the names that runtimes take.
///
/// Example: vgpu cdi generate vgpu compute-1 --file -
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct GenerateArgs {
    #[command(subcommand)]
    class: ClassArgs,
}

#[derive(Clone, Debug, Subcommand)]
enum ClassArgs {
    /// vGPUs for programs (transport = "vtest"): the socket, and the environment by which Mesa finds it
    ///
    /// Example: vgpu cdi generate vgpu
    Vgpu {
        /// These alone; all that fit if left out
        #[arg(value_name = "NAME")]
        names: Vec<Name>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        api: Api,
    },
    /// GPUs of the host and their pieces: device nodes of the host's driver, or of VFIO
    ///
    /// GPUs and virtual functions are named by their addresses, with `-` for `:`, mdevs by their UUIDs, and instances
    /// of NVIDIA's as 0000-3b-00.0-gi1-ci0.
    ///
    /// Example: vgpu cdi generate gpu 3b:00.0
    Gpu {
        /// These alone, by name or by the GPU's address; all that can be opened if left out
        #[arg(value_name = "DEVICE")]
        devices: Vec<String>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        hardware: Hardware,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct Target {
    /// The file, ending in .json or .yaml, or `-` for standard output [default: in /var/run/cdi, by class]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Writes it.
pub(super) fn run(arguments: &GenerateArgs) -> Result<(), CommandError> {
    match &arguments.class {
        ClassArgs::Vgpu { names, target, api } => {
            let path = target.path(Class::Vgpu)?;
            let devices = chosen(vgpus(names, api)?, names.is_empty())?;
            target.write(Class::Vgpu, &path, devices)
        }
        ClassArgs::Gpu { devices, target, hardware } => {
            let path = target.path(Class::Gpu)?;
            if target.file.is_none() && hardware.is_of_another_host() {
                return Err(CommandError::cli("--sysfs-root is not this host, whose runtimes would read it")
                    .hint("say with --file where to write it, or `-` for standard output"));
            }
            let found = pieces(devices, hardware)?.iter().map(Device::of_piece).collect();
            target.write(Class::Gpu, &path, chosen(found, devices.is_empty())?)
        }
    }
}

fn vgpus(names: &[Name], api: &Api) -> Result<Vec<Result<Device, Unfit>>, CommandError> {
    let client = api.client();
    let vgpus = match names {
        [] => client.list()?.vgpus,
        names => names.iter().map(|name| client.show(name)).collect::<Result<_, _>>()?,
    };
    Ok(vgpus.iter().map(Device::of_vgpu).collect())
}

/// Every piece, or those that are called or lie at what is asked for.
fn pieces(asked: &[String], hardware: &Hardware) -> Result<Vec<Piece>, CommandError> {
    let inventory = hardware.read()?;
    let all: Vec<Piece> =
        inventory.devices.iter().flat_map(|gpu: &Gpu| gpu.pieces(hardware.root())).collect();
    if asked.is_empty() {
        return Ok(all);
    }
    let mut found = Vec::new();
    for text in asked {
        let address: Option<PciAddress> = text.parse().ok();
        if let Some(address) = address {
            inventory.find(address)?;
        }
        let is_meant = |piece: &&Piece| piece.to_string() == *text || Some(piece.of) == address;
        let before = found.len();
        found.extend(all.iter().filter(is_meant).cloned());
        if found.len() == before {
            let names: Vec<String> = all.iter().map(Piece::to_string).collect();
            return Err(CommandError::user(format_args!("no GPU and no piece of one is called {text}"))
                .hint(format_args!("there are: {}", names.join(", "))));
        }
    }
    Ok(found)
}

/// The devices by name, once each. If not a word was said of which, what does not fit is left out.
fn chosen(found: Vec<Result<Device, Unfit>>, may_leave_out: bool) -> Result<Vec<Device>, CommandError> {
    let mut devices = Vec::new();
    for device in found {
        match device {
            Ok(device) => devices.push(device),
            Err(unfit) if may_leave_out => {
                // Whoever closed our standard error does not want to know.
                let _ = writeln!(std::io::stderr(), "vgpu: left out: {unfit}");
            }
            Err(unfit) => return Err(unfit.into()),
        }
    }
    devices.sort_by(|one, other| one.name.cmp(&other.name));
    devices.dedup_by(|one, other| one.name == other.name);
    Ok(devices)
}

impl Target {
    /// Where it is written.
    fn path(&self, class: Class) -> Result<PathBuf, CommandError> {
        let path = self.file.clone().unwrap_or_else(|| class.file());
        let is_read = path.extension().is_some_and(|ending| ending == "json" || ending == "yaml");
        if is_read || path.as_os_str() == STDOUT {
            return Ok(path);
        }
        let message = format!("runtimes read no files but *.json and *.yaml: {}", path.display());
        Err(CommandError::cli(message)
            .hint("let --file end in one of them; what is written is JSON, which is YAML as well"))
    }

    fn write(&self, class: Class, path: &Path, devices: Vec<Device>) -> Result<(), CommandError> {
        if devices.is_empty() {
            return Err(nothing(class, path));
        }
        let spec = Spec::new(class, devices);
        let text = serde_json::to_string_pretty(&spec).map_err(CommandError::host)?;
        if path.as_os_str() == STDOUT {
            return output::text(&text);
        }
        if self.file.is_none() {
            fs::create_dir_all(FOLDER).map_err(|error| unwritable(Path::new(FOLDER), &error))?;
        }
        file::write(path, format!("{text}\n").as_bytes()).map_err(|error| unwritable(path, &error))?;
        output::text(&list::table(&list::entries(&spec, path)))
    }
}

fn nothing(class: Class, path: &Path) -> CommandError {
    let error = match class {
        Class::Vgpu => CommandError::user("no vGPU is for containers")
            .hint("make one whose profile has transport = \"vtest\": `vgpu create NAME --profile FILE`"),
        Class::Gpu => CommandError::user("no GPU of the host can be opened")
            .hint("`vgpu gpu list` lists GPUs and their drivers; `vgpu doctor` looks further"),
    };
    match path.exists() {
        true => error.hint(format_args!(
            "{} is from before: remove it, so that no container is given what is in it",
            path.display()
        )),
        false => error,
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CommandError {
    let said = CommandError::user(format_args!("cannot write {}: {error}", path.display()));
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            said.hint("make its folder first, or give another --file, or `-` for standard output")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => said
            .hint("root may write where runtimes look; else give another --file, or `-` for standard output"),
        _ => said.hint("give another --file, or `-` for standard output"),
    }
}

impl From<Unfit> for CommandError {
    fn from(unfit: Unfit) -> Self {
        Self::user(&unfit).hint(unfit.remedy())
    }
}
