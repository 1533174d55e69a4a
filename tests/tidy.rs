//! The rules that a reader would otherwise have to check.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 600;
const COLUMNS_MAX: usize = 120;

/// What scripts/venus-codec writes: nobody reads it from end to end.
const GENERATED: [&str; 6] = [
    "src/render/vulkan/driver/calls.rs",
    "src/sys/cstructs/registry.rs",
    "src/venus/tables/commands.rs",
    "src/venus/tables/layouts.rs",
    "src/venus/tables/names.rs",
    "src/venus/tables/structs.rs",
];

/// What may lie at the top of the repository.
const TOP_LEVEL: [&str; 13] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "proptest-regressions", // left by a property test that failed, and ignored
    "qemu",
    "scripts",
    "src",
    "target",
    "tests",
    "vmm-integration",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder of the repository, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() && !entry.ends_with("target") {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                found.push((entry.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found
}

/// Each module's row in the table of `src/lib.rs`.
fn rows(map: &str) -> BTreeMap<&str, u32> {
    let mut rows = BTreeMap::new();
    for line in map.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = line.split(" | ");
        let (Some(Ok(row)), Some(modules)) = (cells.next().map(str::parse), cells.next()) else { continue };
        rows.extend(modules.split(", ").map(|module| (module.trim_matches(['[', '`', ']']), row)));
    }
    rows
}

/// The modules that a file names after `crate::`, with the lines.
fn imports(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let code = line.split("//").next().unwrap_or_default();
        code.split("crate::").skip(1).flat_map(move |rest| {
            let list = rest.strip_prefix('{').unwrap_or(rest);
            let count = if rest.starts_with('{') { usize::MAX } else { 1 };
            list.split(',').take(count).map(move |item| {
                let item = item.trim();
                (index + 1, item.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
            })
        })
    })
}

#[test]
fn a_module_imports_only_from_rows_below_its_own() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = rows(&map);
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let module = path.components().nth(1).unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = rows.get(module) else { continue };
        for (line, imported) in imports(&text) {
            if imported != module && rows.get(imported).is_some_and(|row| row >= own) {
                wrong.push(format!("{}:{line}: {module} (row {own}) imports {imported}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_row() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();

    assert!(modules.contains(&"wire"), "no module was found in src/lib.rs");
    assert_eq!(modules, rows(&map).into_keys().collect::<Vec<_>>());
}

#[test]
fn files_and_lines_are_short() {
    let mut wrong = Vec::new();
    let generated = |path: &Path| GENERATED.iter().any(|name| path == Path::new(name));
    for (path, text) in ["src", "tests"].into_iter().flat_map(sources).filter(|(path, _)| !generated(path)) {
        if text.lines().count() > LINES_MAX {
            wrong.push(format!("{}: {} lines, at most {LINES_MAX}", path.display(), text.lines().count()));
        }
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.chars().count() > COLUMNS_MAX) {
            wrong.push(format!("{}:{}: {} columns", path.display(), index + 1, line.chars().count()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_is_in_sys_and_at_the_driver_alone() {
    let outside = |path: &Path| !path.starts_with("src/sys") && !path.starts_with("src/render/vulkan/driver");
    let mut allowing: Vec<PathBuf> = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .filter(|(path, text)| outside(path) && text.contains(concat!("allow(", "unsafe_code)")))
        .map(|(path, _)| path)
        .collect();
    allowing.sort();
    // KVM is told where memory lies; the driver's trait for memory, which is not ours, is an unsafe one.
    assert_eq!(allowing, ["tests/kvm/machine.rs", "tests/transport/independent.rs"].map(PathBuf::from));
}

#[test]
fn the_top_of_the_repository_stays_small() {
    let mut strangers: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    strangers.sort();
    assert_eq!(strangers, [""; 0]);
}
