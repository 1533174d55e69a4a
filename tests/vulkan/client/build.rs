//! Compiles the shaders; scripts/setup installs what it takes.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"));
    println!("cargo::rerun-if-changed=shaders");
    for shader in Path::new("shaders").read_dir().expect("there are shaders").flatten() {
        let name = shader.file_name().into_string().expect("a shader has a name");
        let status = Command::new("glslangValidator")
            .args(["-V", "--quiet", "--target-env", "vulkan1.1", "-o"])
            .arg(out.join(format!("{name}.spv")))
            .arg(shader.path())
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(_) => panic!("{} does not compile", shader.path().display()),
            Err(error) => panic!("cannot run glslangValidator ({error}): run scripts/setup"),
        }
    }
}
