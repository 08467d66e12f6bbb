//! The program of the release before this one, built from the repository's own history.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The commit of the release before. A new release writes its own commit here once it is out.
const RELEASE: &str = include_str!("../../previous_release");

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// Built once; later runs find it. Blocks for a minute or two.
pub fn program() -> PathBuf {
    let release = RELEASE.trim();
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    // a benchmark's own program is an optimised one; this one need not be
    let ours = &Path::new(env!("CARGO_BIN_EXE_guichet")).ancestors().nth(2).unwrap().join("debug");
    let folder = ours.join("previous").join(release);
    let program = folder.join("target/debug/guichet");
    if !program.exists() {
        let shown = Command::new("git").current_dir(home).args(["cat-file", "-e", release]).stderr(Stdio::null()).status();
        assert!(
            shown.is_ok_and(|status| status.success()),
            "the release before is commit {release} of this repository, and it is not here: fetch the whole history (git fetch --unshallow)"
        );
        build(home, ours, release, &folder);
    }
    program
}

/// What others wrote is taken over compiled from our own build: only this program differs.
fn build(home: &Path, ours: &Path, release: &str, folder: &Path) {
    let (source, target) = (folder.join("source"), folder.join("target"));
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(&source).unwrap();
    fs::create_dir_all(target.join("debug")).unwrap();
    let unpack = format!("git archive {release} | tar -x -C '{}'", source.display());
    run(Command::new("sh").current_dir(home).args(["-c", &unpack]));
    for part in ["deps", "build", ".fingerprint"] {
        if ours.join(part).exists() {
            run(Command::new("cp").arg("-al").arg(ours.join(part)).arg(target.join("debug")));
        }
    }
    const OWN: [&str; 4] = ["guichet-", "it-", "portal-", "sca_backend-"];
    for part in ["deps", "build", ".fingerprint"] {
        for entry in fs::read_dir(target.join("debug").join(part)).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            // a link: what is removed here stays there, what would be written anew would be written there, too
            if OWN.iter().any(|own| name.strip_prefix("lib").unwrap_or(&name).starts_with(own)) {
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
            }
        }
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&source).args(["build", "--locked", "--bin", "guichet"]).env("CARGO_TARGET_DIR", &target);
    run(&mut command);
    let _ = fs::remove_dir_all(&source);
}
