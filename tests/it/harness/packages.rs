//! Libraries written by others, as they are published: what `tests/it/interop` locks, from the registries that this machine's own npm and
//! Maven know.

use super::command::{ensure, printed, run};
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Runs the first of these modules, which finds the others beside it, and the packages. It lives as long as the folder.
pub async fn node(modules: &[(&str, &str)]) -> (TempDir, Command) {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    let packages = INSTALLED.get_or_init(npm_ci).await.join("node_modules");
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in modules {
        fs::write(folder.path().join(name), text).unwrap();
    }
    symlink(packages, folder.path().join("node_modules")).unwrap();
    let mut command = alone("node");
    // node 18, which is Debian 12's, has the Web Cryptography API and hides it
    command.arg("--experimental-global-webcrypto").arg(folder.path().join(modules[0].0));
    (folder, command)
}

/// Runs a program of one file among the archives of Maven Central, where `hosts` are this machine.
pub async fn java(name: &str, text: &str, hosts: &[&str]) -> (TempDir, Command) {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    let jars = INSTALLED.get_or_init(maven_jars).await.join("*");
    let folder = tempfile::tempdir().unwrap();
    let [program, names] = [name, "hosts"].map(|name| folder.path().join(name));
    fs::write(&program, text).unwrap();
    fs::write(&names, hosts.iter().map(|host| format!("127.0.0.1 {host}\n")).collect::<String>()).unwrap();
    let mut command = alone("java");
    // since Java 18 everybody's encoding; before it the locale's, and here is none
    command.arg("-Dfile.encoding=UTF-8").arg(format!("-Djdk.net.hosts.file={}", names.display())).arg("-cp").arg(jars).arg(program);
    (folder, command)
}

/// Proxies, authorities and options of this machine's are none of its business.
fn alone(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

async fn npm_ci() -> PathBuf {
    const NEEDED: &str = "node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && npm --version";
    const FILES: [(&str, &str); 3] = [
        ("package.json", include_str!("../interop/node/package.json")),
        ("package-lock.json", include_str!("../interop/node/package-lock.json")),
        (".npmrc", include_str!("../interop/node/.npmrc")),
    ];
    ensure(&["sh", "-c", NEEDED], &["nodejs", "npm"]).await;
    installed("npm", &FILES, "npm ci --ignore-scripts --no-audit --no-fund").await
}

async fn maven_jars() -> PathBuf {
    const FILES: [(&str, &str); 2] =
        [("pom.xml", include_str!("../interop/java/pom.xml")), ("jars.sha256", include_str!("../interop/java/jars.sha256"))];
    // `java` runs a source file where there is a compiler beside it
    ensure(&["sh", "-c", "javac -version && mvn --version"], &["default-jdk-headless", "maven"]).await;
    // Maven locks no digests; `cmp` sees what is one too many
    const FETCH: &str = "mvn -q -B -C dependency:copy-dependencies -DoutputDirectory=. && sha256sum *.jar | cmp - jars.sha256";
    installed("maven", &FILES, FETCH).await
}

/// A folder of the build that bears the digest of these files. It appears when it is whole.
async fn installed(name: &str, files: &[(&str, &str)], fetch: &str) -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let digest = Sha256::digest(files.iter().map(|(_, text)| *text).collect::<String>());
    let home = tmp.join(format!("{name}-{:016x}", u64::from_be_bytes(digest[..8].try_into().unwrap())));
    if home.exists() {
        return home;
    }
    fs::create_dir_all(tmp).unwrap();
    let folder = tempfile::tempdir_in(tmp).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", fetch]).current_dir(folder.path());
    printed(&run(shell, "").await);
    // another process may have been faster
    if fs::rename(folder.path(), &home).is_ok() {
        let _ = folder.keep();
    }
    assert!(home.is_dir(), "{}", home.display());
    home
}
