//! What a GPU's driver needs of the host, and what its process therefore keeps.
//!
//! Nobody writes down what a driver opens. So a process that does with it what a guest will do says what it then had
//! mapped and open ([`Needs::of_this_process`]); to that comes what drivers read and close again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, read_dir, read_link};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Gid;
use serde::{Deserialize, Serialize};

/// What Vulkan's loader and the C library read whatever the GPU, and Mesa and LLVM too.
const READ_BY_ALL: [&str; 13] = [
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/etc/vulkan",
    "/etc/glvnd", // NVIDIA's Vulkan looks for its EGL there where there is no display
    "/usr/share/glvnd",
    "/proc/filesystems",
    "/etc/drirc",
    "/usr/share/vulkan",
    "/usr/local/share/vulkan",
    "/usr/share/drirc.d",
    "/proc/self",
    "/proc/cpuinfo",
    "/sys/devices/system",
];

/// What drivers of hardware read beside it.
const READ_FOR_HARDWARE: [&str; 11] = [
    "/proc/driver/nvidia",
    "/proc/devices",
    "/proc/meminfo",
    "/proc/modules",
    "/sys/bus/pci",
    "/sys/class/drm",
    "/sys/dev/char",
    "/sys/devices",
    "/sys/module/nvidia",
    "/usr/share/libdrm",
    "/usr/share/nvidia",
];

/// Where drivers are described.
const MANIFESTS: [&str; 5] = [
    "/etc/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/etc/glvnd/egl_vendor.d",
    "/usr/share/glvnd/egl_vendor.d",
];

/// Where GPUs' device nodes are.
const NODES: [&str; 4] = ["/dev/nvidia", "/dev/dri/", "/dev/kfd", "/dev/udmabuf"];

/// Nodes of no single GPU, which NVIDIA's driver opens anew for each device that a guest makes.
const NVIDIA_SHARED: [&str; 3] = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-modeset"];

/// Variables that name drivers. Whoever sets one has code of his choice run, so they come from the daemon's own
/// environment alone.
const DRIVER_VARIABLES: [&str; 3] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "__EGL_VENDOR_LIBRARY_FILENAMES"];

/// What keeps drivers from writing files, and from loading what belongs to a desktop.
///
/// Drivers in software take and give back megabytes for each draw. glibc would hand them to the host each time, in any
/// thread but the first, and have them zeroed anew.
const DRIVER_SETTINGS: [(&str, &str); 5] = [
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=8388608:glibc.malloc.trim_threshold=16777216"),
    ("MESA_SHADER_CACHE_DISABLE", "1"),
    ("__GL_SHADER_DISK_CACHE", "0"),
    ("VK_LOADER_LAYERS_DISABLE", "~all~"),
    ("NODEVICE_SELECT", "1"),
];

/// All of the environment that a driver is loaded in: nothing else of ours is to reach it.
pub fn driver_environment() -> impl Iterator<Item = (&'static str, OsString)> {
    let settings = DRIVER_SETTINGS.into_iter().map(|(name, value)| (name, value.into()));
    settings.chain(DRIVER_VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
}

/// What a driver needs of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Folders, with all below them, and files that it reads.
    pub read: BTreeSet<PathBuf>,
    /// Device nodes that it reads, writes and controls.
    pub nodes: BTreeSet<PathBuf>,
}

impl Needs {
    /// Those of this process, in which a driver runs.
    pub fn of_this_process() -> io::Result<Self> {
        let maps = fs::read_to_string("/proc/self/maps")?;
        let open = read_dir("/proc/self/fd")?.flatten().filter_map(|entry| read_link(entry.path()).ok());
        let mut nodes: BTreeSet<PathBuf> = open.filter(|path| is_node(path)).collect();
        if nodes.iter().any(|node| node.starts_with("/dev") && is_nvidias(node)) {
            nodes.extend(NVIDIA_SHARED.map(PathBuf::from));
        }
        let known =
            READ_BY_ALL.iter().chain((!nodes.is_empty()).then_some(&READ_FOR_HARDWARE).into_iter().flatten());
        // NVIDIA's driver reads the program that it is in.
        let program = std::env::current_exe().ok();
        let read = known.map(PathBuf::from).chain(program).chain(manifests()).chain(library_folders(&maps));
        Ok(Self {
            read: read.filter(|path| path.is_absolute() && path.exists()).collect(),
            nodes: nodes.into_iter().filter(|node| node.exists()).collect(),
        })
    }

    /// The groups without which the nodes could not be opened.
    pub(super) fn groups(&self) -> Vec<Gid> {
        let group = |node: &PathBuf| {
            let found = fs::metadata(node).ok()?;
            (found.mode() & 0o006 != 0o006 && found.mode() & 0o060 == 0o060).then(|| found.gid())
        };
        self.nodes.iter().filter_map(group).collect::<BTreeSet<_>>().into_iter().map(Gid::from_raw).collect()
    }

    /// For people: a line for each thing that stays open to the process. Nothing but Landlock keeps other files closed.
    pub(super) fn lines(&self, landlock: bool) -> Vec<String> {
        let list = |paths: &BTreeSet<PathBuf>| {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            if paths.is_empty() { "none".to_owned() } else { paths.join(" ") }
        };
        let files = match landlock {
            true => vec![
                format!("files that it may read: {}", list(&self.read)),
                format!("device nodes that it may read, write and control: {}", list(&self.nodes)),
            ],
            false => {
                vec!["every file and device node that its user may open, for want of Landlock".to_owned()]
            }
        };
        let driver = [
            "machine code: the driver compiles shaders and maps the result executable".to_owned(),
            "memory of the driver's own: it is not charged to the limit".to_owned(),
        ];
        files.into_iter().chain(driver).collect()
    }
}

/// The files that describe drivers, and what they are links to: a link that can be read is of no use alone.
fn manifests() -> impl Iterator<Item = PathBuf> {
    let variables = DRIVER_VARIABLES.iter().filter_map(std::env::var_os);
    let named = variables.flat_map(|list| std::env::split_paths(&list).collect::<Vec<_>>());
    let found = MANIFESTS.into_iter().filter_map(|folder| read_dir(folder).ok()).flatten().flatten();
    let all: Vec<PathBuf> = named.chain(found.map(|entry| entry.path())).collect();
    let links = all.iter().filter_map(|path| path.canonicalize().ok().filter(|target| target != path));
    let links: Vec<PathBuf> = links.collect();
    let named = all.into_iter().filter(|path| !MANIFESTS.iter().any(|folder| path.starts_with(folder)));
    named.chain(links)
}

fn is_node(path: &Path) -> bool {
    let text = path.to_string_lossy();
    NODES.iter().any(|start| text.starts_with(start))
}

fn is_nvidias(node: &Path) -> bool {
    node.to_string_lossy().starts_with("/dev/nvidia")
}

/// The folders of the libraries in a process's list of mappings.
fn library_folders(maps: &str) -> impl Iterator<Item = PathBuf> {
    let paths = maps.lines().filter_map(|line| line.split_once('/')).map(|(_, path)| format!("/{path}"));
    let libraries = paths.filter(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.ends_with(".so") || name.contains(".so.") && !path.ends_with(" (deleted)")
    });
    libraries.filter_map(|path| Path::new(&path).parent().map(Path::to_owned))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Needs, is_node, library_folders};

    #[test]
    fn folders_of_mapped_libraries_are_found_and_no_others() {
        let maps = "7f00-7f01 r-xp 00000000 fe:00 12   /usr/lib/x/libvulkan.so.1.3\n\
                    7f01-7f02 r--p 00000000 fe:00 13   /opt/driver/lib y/libgpu.so\n\
                    7f02-7f03 rw-s 00000000 00:01 14   /memfd:vgpu (deleted)\n\
                    7f03-7f04 rw-s 00000000 00:01 14   /dev/nvidiactl\n\
                    7f04-7f05 r-xp 00000000 fe:00 15   /home/a/bin/vgpu\n\
                    7f05-7f06 rw-p 00000000 00:00 0    [heap]\n";

        let folders: Vec<_> = library_folders(maps).collect();

        assert_eq!(folders, ["/usr/lib/x", "/opt/driver/lib y"].map(Path::new));
    }

    #[test]
    fn only_gpus_nodes_are_nodes() {
        let nodes = ["/dev/nvidia0", "/dev/nvidiactl", "/dev/dri/renderD128"];
        assert!(nodes.iter().all(|node| is_node(Path::new(node))));
        assert!(!["/dev/null", "/dev/pts/0", "socket:[7]"].iter().any(|node| is_node(Path::new(node))));
    }

    #[test]
    fn a_process_needs_the_folder_of_its_c_library_and_no_node() {
        let needs = Needs::of_this_process().unwrap();

        assert!(needs.read.iter().any(|path| path.join("libc.so.6").exists()), "{needs:?}");
        assert!(needs.nodes.is_empty(), "{needs:?}");
        assert!(
            !needs.read.iter().any(|path| path == Path::new("/") || path == Path::new("/etc")),
            "{needs:?}"
        );
    }
}
