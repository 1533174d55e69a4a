//! GPUs in software that stand for pieces of hardware: lavapipe under other names, by a driver of the tests' own.
#![allow(dead_code, reason = "not every test loses its GPU")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use vgpu::inventory::PciAddress;

/// What does the work.
const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// A GPU, and the folder of its driver.
pub(crate) struct Piece {
    folder: PathBuf,
    pub(crate) name: &'static str,
    pub(crate) uuid: String,
}

impl Piece {
    /// Makes a driver for a GPU of this name, with this byte sixteen times as its UUID. One with an address on PCI says
    /// that it is a card.
    pub(crate) fn make(folder: &Path, name: &'static str, byte: u8, address: Option<&str>) -> Self {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        let uuid = uuid::Uuid::from_bytes([byte; 16]).to_string();
        let piece = Self { folder, name, uuid };
        let lavapipe: serde_json::Value = serde_json::from_slice(&fs::read(LAVAPIPE).unwrap()).unwrap();
        let real = lavapipe["ICD"]["library_path"].as_str().unwrap();
        let text = |name: &str, value: &str| format!("-D{name}=\"{value}\"");
        let path = |file: &str| piece.folder.join(file).to_str().unwrap().to_owned();
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-Wall", "-o", &path("driver.so")]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/piece.c"));
        command.args([text("REAL", real), text("NAME", name), format!("-DUUID={byte}")]);
        command.args([text("LOST", &path("lost")), text("GONE", &path("gone"))]);
        command.args(address.into_iter().flat_map(|address| defines(address.parse().unwrap())));
        assert!(command.status().unwrap().success());
        let version = &lavapipe["ICD"]["api_version"];
        let icd = serde_json::json!({ "library_path": path("driver.so"), "api_version": version });
        let manifest = serde_json::json!({ "file_format_version": "1.0.0", "ICD": icd });
        fs::write(piece.manifest(), manifest.to_string()).unwrap();
        piece
    }

    /// The file by which the loader finds its driver.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join("driver.json")
    }

    /// From now on whatever is submitted to it is answered by `VK_ERROR_DEVICE_LOST`, or it works again.
    pub(crate) fn lose(&self, lost: bool) {
        self.there("lost", lost);
    }

    /// From now on no process finds it any more, or those that look from now on do again.
    pub(crate) fn vanish(&self, gone: bool) {
        self.there("gone", gone);
    }

    fn there(&self, file: &str, there: bool) {
        match there {
            true => drop(File::create(self.folder.join(file)).unwrap()),
            false => fs::remove_file(self.folder.join(file)).unwrap(),
        }
    }
}

/// All of them, as the loader takes a list.
pub(crate) fn manifests(pieces: &[Piece]) -> String {
    let paths: Vec<String> =
        pieces.iter().map(|piece| piece.manifest().to_str().unwrap().to_owned()).collect();
    paths.join(":")
}

fn defines(address: PciAddress) -> Vec<String> {
    let text = address.to_string();
    let numbers: Vec<&str> = text.split([':', '.']).collect();
    let names = ["DOMAIN", "BUS_NUMBER", "DEVICE", "FUNCTION"];
    let define = |(name, number): (&str, &&str)| format!("-D{name}=0x{number}");
    let defines = names.into_iter().zip(&numbers).map(define);
    std::iter::once("-DHAS_ADDRESS".to_owned()).chain(defines).collect()
}
