//! PCI functions bound to vfio-pci and given back: on hosts that are written down, by a kernel that is played and fails
//! at every write.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

#[path = "../support/listing.rs"]
mod listing;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use vgpu::inventory::{Function, PciAddress};
use vgpu::partition::{Kernel, Sysfs};
use vgpu::vfio::{BindError, Binder};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The write is refused with this error.
    Refused(i32),
    /// The write is done, and we end right after it.
    CutOff,
}

/// What the kernel does on writes to `driver_override`, `unbind`, `bind` and `drivers_probe`.
struct Played {
    sysfs: Sysfs,
    fault: Option<(usize, Fault)>,
    writes: usize,
}

impl Played {
    fn new(root: PathBuf, fault: Option<(usize, Fault)>) -> Self {
        Self { sysfs: Sysfs { root }, fault, writes: 0 }
    }

    fn set_driver(&self, address: &str, driver: &str) -> io::Result<()> {
        let folder = self.sysfs.root.join("bus/pci/devices").join(address);
        let kept = fs::read_to_string(folder.join("driver_override"))?;
        // One that is kept for another driver is refused, as the kernel does.
        if !["", "(null)", driver].contains(&kept.trim()) {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        symlink(format!("../../../bus/pci/drivers/{driver}"), folder.join("driver"))
    }

    fn act(&mut self, file: &str, text: &str) -> io::Result<()> {
        let path = self.sysfs.root.join(file);
        match path.file_name().unwrap().to_str().unwrap() {
            "driver_override" => self.sysfs.write(file, text),
            "unbind" => fs::remove_file(path.parent().unwrap()),
            "bind" => self.set_driver(text, path.parent().unwrap().file_name().unwrap().to_str().unwrap()),
            "drivers_probe" => {
                let folder = self.sysfs.root.join("bus/pci/devices").join(text);
                let driver = fs::read_to_string(folder.join("driver_override"))?;
                self.set_driver(text, driver.trim())
            }
            other => panic!("what is {other}?"),
        }
    }
}

impl Kernel for Played {
    fn write(&mut self, file: &str, text: &str) -> io::Result<()> {
        let number = self.writes;
        self.writes += 1;
        match self.fault {
            Some((at, Fault::Refused(code))) if at == number => Err(io::Error::from_raw_os_error(code)),
            Some((at, Fault::CutOff)) if at == number => {
                self.act(file, text)?;
                Err(io::Error::from_raw_os_error(libc::EINTR))
            }
            _ => self.act(file, text),
        }
    }
}

/// A host, and where it is remembered what was before.
struct Bench {
    host: listing::Host,
    root: PathBuf,
    state: tempfile::TempDir,
}

impl Bench {
    fn new(name: &str, addresses: &[PciAddress]) -> Self {
        let host = listing::Host::unpack(name);
        let root = host.sysfs();
        for address in addresses {
            fs::write(root.join(Function::folder(*address)).join("driver_override"), "(null)\n").unwrap();
        }
        Self { host, root, state: tempfile::tempdir().unwrap() }
    }

    fn bind(&self, addresses: &[PciAddress], fault: Option<(usize, Fault)>) -> Result<usize, BindError> {
        let mut kernel = Played::new(self.root.clone(), fault);
        Binder::new(&self.root, self.state.path()).bind(&mut kernel, addresses).map(|_| kernel.writes)
    }

    fn unbind(&self, address: PciAddress, fault: Option<(usize, Fault)>) -> Result<usize, BindError> {
        let mut kernel = Played::new(self.root.clone(), fault);
        Binder::new(&self.root, self.state.path()).unbind(&mut kernel, address).map(|_| kernel.writes)
    }

    fn now(&self, address: PciAddress) -> (Option<String>, Option<String>) {
        let function = Function::read(&self.root, address).unwrap();
        (function.driver, function.driver_override)
    }
}

fn at(text: &str) -> PciAddress {
    text.parse().unwrap()
}

/// A GPU in a group of its own.
const GPU: (&str, &str, &str) = ("nvidia-mdev", "0000:17:00.4", "nvidia");
const FAULTS: [Fault; 4] = [
    Fault::Refused(libc::EBUSY),
    Fault::Refused(libc::ENODEV),
    Fault::Refused(libc::ENOENT), // the file vanished
    Fault::CutOff,
];

fn bound() -> (Option<String>, Option<String>) {
    (Some("vfio-pci".to_owned()), Some("vfio-pci".to_owned()))
}

fn before() -> (Option<String>, Option<String>) {
    (Some(GPU.2.to_owned()), None)
}

#[test]
fn a_function_is_bound_and_given_back_to_the_driver_that_it_had() {
    let gpu = at(GPU.1);
    let bench = Bench::new(GPU.0, &[gpu]);

    assert_eq!(bench.bind(&[gpu], None).unwrap(), 3);
    assert_eq!(bench.now(gpu), bound());
    assert_eq!(bench.bind(&[gpu], None).unwrap(), 0, "it is bound already");

    assert_eq!(bench.unbind(gpu, None).unwrap(), 3);
    assert_eq!(bench.now(gpu), before());
    assert!(matches!(bench.unbind(gpu, None), Err(BindError::NotOurs { .. })));
}

#[test]
fn whatever_goes_wrong_at_whichever_write_either_way_mends_it() {
    let gpu = at(GPU.1);
    for fault in (0..3).flat_map(|write| FAULTS.map(|fault| Some((write, fault)))) {
        for again in [false, true] {
            let bench = Bench::new(GPU.0, &[gpu]);
            bench.bind(&[gpu], fault).unwrap_err();
            if again {
                bench.bind(&[gpu], None).unwrap();
                assert_eq!(bench.now(gpu), bound(), "{fault:?}");
            }
            bench.unbind(gpu, None).unwrap();
            assert_eq!(bench.now(gpu), before(), "binding, {fault:?}, {again}");

            bench.bind(&[gpu], None).unwrap();
            bench.unbind(gpu, fault).unwrap_err();
            if again {
                bench.bind(&[gpu], None).unwrap();
                assert_eq!(bench.now(gpu), bound(), "{fault:?}");
            }
            bench.unbind(gpu, None).unwrap();
            assert_eq!(bench.now(gpu), before(), "giving back, {fault:?}, {again}");
        }
    }
}

#[test]
fn a_group_goes_as_one_or_not_at_all() {
    let (gpu, sound, disk) = (at("0000:0a:00.0"), at("0000:0a:00.1"), at("0000:0b:00.0"));
    let bench = Bench::new("shared-group", &[gpu, sound, disk]);
    let Err(BindError::Group { others, .. }) = bench.bind(&[gpu], None) else { panic!("it was bound alone") };
    assert!(others.contains(&"0000:0a:00.1 (snd_hda_intel)".to_owned()), "{others:?}");
    assert_eq!(bench.now(gpu).0.as_deref(), Some("nouveau"));

    let all = [gpu, sound, disk];
    bench.bind(&all, None).unwrap();
    assert_eq!(all.map(|address| bench.now(address)), [bound(), bound(), bound()]);

    // Not while a driver of the host has a part of it.
    bench.unbind(sound, None).unwrap();
    let binder = Binder::new(&bench.root, bench.state.path());
    assert!(matches!(binder.bound(gpu), Err(BindError::Group { .. })));
    bench.unbind(disk, None).unwrap();
    bench.unbind(gpu, None).unwrap();
    let now = all.map(|address| bench.now(address).0.unwrap());
    assert_eq!(now, ["nouveau", "snd_hda_intel", "nvme"]);
}

#[test]
fn only_what_is_bound_and_free_is_opened() {
    let gpu = at(GPU.1);
    let bench = Bench::new(GPU.0, &[gpu]);
    let binder = Binder::new(&bench.root, bench.state.path());
    let refusal = binder.bound(gpu).unwrap_err().to_string();
    assert_eq!(refusal, "0000:17:00.4 is not bound to vfio-pci: its driver is nvidia");

    bench.bind(&[gpu], None).unwrap();
    let node = format!("/dev/vfio/{}", binder.bound(gpu).unwrap().number);

    let fds = bench.host.path("/proc/4711/fd");
    fs::create_dir_all(&fds).unwrap();
    symlink(&node, fds.join("7")).unwrap();
    let refusal = binder.bound(gpu).unwrap_err().to_string();
    assert_eq!(refusal, format!("0000:17:00.4 is in use: process 4711 has {node} open"));
}

#[test]
fn a_function_that_is_in_use_or_cut_is_never_taken() {
    let gpu = at(GPU.1);
    let bench = Bench::new(GPU.0, &[gpu]);
    let fds = bench.host.path("/proc/4711/fd");
    fs::create_dir_all(&fds).unwrap();
    symlink("/dev/vfio/32", fds.join("7")).unwrap();
    let error = bench.bind(&[gpu], None).unwrap_err().to_string();
    assert_eq!(error, "0000:17:00.4 is in use: process 4711 has /dev/vfio/32 open");
    assert_eq!(bench.now(gpu), before());

    let cut = at("0000:17:00.0");
    assert!(matches!(bench.bind(&[cut], None), Err(BindError::HasFunctions(address)) if address == cut));
}

/// Its driver would keep whoever takes it away waiting until they end.
#[test]
fn a_gpu_that_programs_compute_on_is_never_taken() {
    let gpu = at(GPU.1);
    let bench = Bench::new(GPU.0, &[gpu]);
    let (facts, fds) =
        (bench.host.path("/proc/driver/nvidia/gpus/0000:17:00.4"), bench.host.path("/proc/4711/fd"));
    fs::create_dir_all(&facts).unwrap();
    fs::write(facts.join("information"), "Model: \t\t NVIDIA A16\nDevice Minor: \t 3\n").unwrap();
    fs::create_dir_all(&fds).unwrap();
    symlink("/dev/nvidia3", fds.join("7")).unwrap();

    let error = bench.bind(&[gpu], None).unwrap_err().to_string();

    assert_eq!(error, "0000:17:00.4 is in use: process 4711 has /dev/nvidia3 open");
    assert_eq!(bench.now(gpu), before());
}

#[test]
fn what_cannot_be_bound_is_told_with_the_remedy() {
    for (host, address, error, hint) in [
        ("intel-xe", "0000:03:00.9", "is no PCI address", "look like 0000:3b:00.0"),
        ("intel-xe", "0000:03:00.7", "there is no PCI function at 0000:03:00.7", "0000:03:00.0"),
        ("no-iommu", "0000:00:02.0", "0000:00:02.0 cannot be kept apart", "intel_iommu=on"),
        (
            "shared-group",
            "0000:0a:00.0",
            "shares IOMMU group 13 with",
            "vgpu gpu bind 0000:0a:00.0 0000:0a:00.1",
        ),
    ] {
        let (host, state) = (listing::Host::unpack(host), tempfile::tempdir().unwrap());
        let output = Command::new(env!("CARGO_BIN_EXE_vgpu"))
            .args(["gpu", "bind", address, "--state"])
            .arg(state.path())
            .arg("--sysfs-root")
            .arg(host.sysfs())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(error), "{said}");
        assert!(said.contains(hint), "{said}");
    }
}
