//! node, and the packages that `tests/it/interop/node` locks, as they are published.

use super::command::{ensure, printed, run};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

const NEEDED: &str = "node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && npm --version";
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../interop/node/package.json")),
    ("package-lock.json", include_str!("../interop/node/package-lock.json")),
    (".npmrc", include_str!("../interop/node/.npmrc")),
];

/// Runs the first of these modules, which finds the others beside it, and the packages. It lives as long as the folder.
pub async fn node(modules: &[(&str, &str)]) -> (TempDir, Command) {
    static INSTALLED: OnceCell<PathBuf> = OnceCell::const_new();
    let packages = INSTALLED.get_or_init(install).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in modules {
        fs::write(folder.path().join(name), text).unwrap();
    }
    symlink(packages.join("node_modules"), folder.path().join("node_modules")).unwrap();
    let mut command = Command::new("node");
    // node takes proxies and authorities from the environment
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    // node 18, which is Debian 12's, has the Web Cryptography API and hides it
    command.arg("--experimental-global-webcrypto").arg(folder.path().join(modules[0].0));
    (folder, command)
}

/// From the registry that this machine's npm knows, into a folder of the build that bears the lock's digest. It appears when it is whole.
async fn install() -> PathBuf {
    ensure(&["sh", "-c", NEEDED], &["nodejs", "npm"]).await;
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let digest = Sha256::digest(FILES.map(|(_, text)| text).concat());
    let home = tmp.join(format!("npm-{:x}", u64::from_be_bytes(digest[..8].try_into().unwrap())));
    if home.exists() {
        return home;
    }
    fs::create_dir_all(tmp).unwrap();
    let folder = tempfile::tempdir_in(tmp).unwrap();
    for (name, text) in FILES {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder.path());
    printed(&run(npm, "").await);
    // another process may have been faster
    if fs::rename(folder.path(), &home).is_ok() {
        let _ = folder.keep();
    }
    assert!(home.join("node_modules").is_dir(), "{}", home.display());
    home
}
