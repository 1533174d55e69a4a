//! A kernel that is played on a host that is written down: writes have the effects that they have on real ones, and
//! fail where a test says.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use vgpu::partition::{Kernel, Sysfs};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The write is refused with this error.
    Refused(i32),
    /// The write is done, and we end right after it.
    CutOff,
    /// The write is taken, and nothing is done.
    Ignored,
}

pub(crate) struct Played {
    sysfs: Sysfs,
    /// The write that goes wrong, counted from 0, and how.
    pub(crate) fault: Option<(usize, Fault)>,
    pub(crate) writes: usize,
}

impl Played {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { sysfs: Sysfs { root }, fault: None, writes: 0 }
    }

    pub(crate) fn failing(root: PathBuf, at: usize, fault: Fault) -> Self {
        Self { fault: Some((at, fault)), ..Self::new(root) }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.sysfs.root.join(file)
    }

    fn read(&self, file: &Path) -> String {
        fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// What the kernel does on such a write.
    fn act(&mut self, file: &str, text: &str) -> io::Result<()> {
        let path = self.path(file).canonicalize()?;
        match path.file_name().unwrap().to_str().unwrap() {
            "sriov_numvfs" => self.set_functions(&path, text.parse().unwrap()),
            "create" => self.create_mdev(&path, text),
            "remove" => self.remove_mdev(&path),
            "current_vgpu_type" if text != "0" && self.read(&path) != "0" => Err(errno(libc::EBUSY)),
            "sched_priority" => {
                let words = ["low", "normal", "high"].map(|word| match word == text {
                    true => format!("[{word}]"),
                    false => word.to_owned(),
                });
                self.sysfs.write(file, &words.join(" "))
            }
            _ => self.sysfs.write(file, text),
        }
    }

    fn set_functions(&mut self, file: &Path, count: usize) -> io::Result<()> {
        let folder = file.parent().unwrap();
        let before: usize = self.read(file).parse().unwrap();
        if count > 0 && before > 0 {
            return Err(errno(libc::EBUSY));
        }
        let own = folder.file_name().unwrap().to_str().unwrap();
        let function = |number: usize| format!("{}{}", &own[..own.len() - 1], number + 1);
        for number in 0..before {
            fs::remove_file(folder.join(format!("virtfn{number}"))).unwrap();
            let vf = folder.with_file_name(function(number));
            assert!(!vf.join("mdev").exists(), "an mdev was left on it");
            fs::remove_dir_all(vf).unwrap();
            let quota = folder.join(format!("sriov_admin/vf{}/profile/vram_quota", number + 1));
            if quota.exists() {
                fs::write(quota, "0\n").unwrap();
            }
        }
        for number in 0..count {
            let vf = folder.with_file_name(function(number));
            fs::create_dir(&vf).unwrap();
            for name in ["class", "vendor", "device"] {
                fs::copy(folder.join(name), vf.join(name)).unwrap();
            }
            symlink(format!("../{own}"), vf.join("physfn")).unwrap();
            symlink(format!("../{}", function(number)), folder.join(format!("virtfn{number}"))).unwrap();
        }
        fs::write(file, format!("{count}\n"))
    }

    fn create_mdev(&mut self, file: &Path, uuid: &str) -> io::Result<()> {
        let mdev_type = file.parent().unwrap();
        let free: u32 = self.read(&mdev_type.join("available_instances")).parse().unwrap();
        if free == 0 {
            return Err(errno(libc::ENOSPC));
        }
        fs::write(mdev_type.join("available_instances"), format!("{}\n", free - 1)).unwrap();
        fs::create_dir(mdev_type.join("devices").join(uuid)).unwrap();
        let device = self.path("bus/mdev/devices").join(uuid);
        fs::create_dir(&device).unwrap();
        symlink(mdev_type, device.join("mdev_type")).unwrap();
        fs::write(device.join("remove"), "")
    }

    fn remove_mdev(&mut self, file: &Path) -> io::Result<()> {
        let device = file.parent().unwrap();
        let uuid = device.file_name().unwrap();
        let mdev_type = device.join("mdev_type").canonicalize()?;
        let free: u32 = self.read(&mdev_type.join("available_instances")).parse().unwrap();
        fs::write(mdev_type.join("available_instances"), format!("{}\n", free + 1)).unwrap();
        remove(&mdev_type.join("devices").join(uuid));
        remove(&self.path("bus/mdev/devices").join(uuid));
        Ok(())
    }
}

/// Removes a folder, or a link to one.
fn remove(path: &Path) {
    match path.symlink_metadata().unwrap().is_symlink() {
        true => fs::remove_file(path).unwrap(),
        false => fs::remove_dir_all(path).unwrap(),
    }
}

fn errno(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

impl Kernel for Played {
    fn write(&mut self, file: &str, text: &str) -> io::Result<()> {
        let number = self.writes;
        self.writes += 1;
        match self.fault {
            Some((at, Fault::Refused(code))) if at == number => Err(errno(code)),
            Some((at, Fault::Ignored)) if at == number => Ok(()),
            Some((at, Fault::CutOff)) if at == number => {
                self.act(file, text)?;
                Err(errno(libc::EINTR))
            }
            _ => self.act(file, text),
        }
    }
}
