//! What `vgpu cdi` writes, against the schema that the specification's authors publish.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use crate::daemon::Daemon;
use crate::listing::Host;

/// What Debian's validator says of a document.
fn validated(document: &[u8]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/vm/cdi");
    assert!(folder.join("schema.json").exists(), "{} is missing: run scripts/setup", folder.display());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(document).unwrap();
    Command::new("/usr/bin/jsonschema")
        .args(["--base-uri", &format!("file://{}/", folder.canonicalize().unwrap().display())])
        .args([Path::new("--instance"), file.path()])
        .arg(folder.join("schema.json"))
        .output()
        .expect("jsonschema is missing: run scripts/setup")
}

fn assert_valid(document: &[u8]) {
    let output = validated(document);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn files_of_vgpus_and_of_gpus_are_valid() {
    assert_valid(&Daemon::start(&["compute-1", "2nd"]).generated());

    let host = Host::unpack("containers");
    let output = Command::new(env!("CARGO_BIN_EXE_vgpu"))
        .args(["cdi", "generate", "gpu", "--file", "-", "--sysfs-root"])
        .arg(host.sysfs())
        .output()
        .unwrap();
    assert_valid(&output.stdout);
}

/// The schema is found, and so is the other file that it is made of.
#[test]
fn what_is_not_valid_is_noticed() {
    let file = |edits: &str| {
        format!(
            r#"{{"cdiVersion":"0.5.0","kind":"a.b/c","devices":[{{"name":"d","containerEdits":{edits}}}]}}"#
        )
    };
    assert_valid(file(r#"{"deviceNodes":[{"path":"/dev/null"}]}"#).as_bytes());
    for wrong in [r#"{"deviceNodes":[{"hostPath":"/dev/null"}]}"#, r#"{"mounts":{}}"#] {
        assert!(!validated(file(wrong).as_bytes()).status.success(), "{wrong}");
    }
}
