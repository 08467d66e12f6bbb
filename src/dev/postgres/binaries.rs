//! Finding PostgreSQL's server binaries, and installing them where that can be done without a question.

use crate::dev::install::install;
use std::{
    env, error, fmt, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// As root, before the installation: keeps Debian from starting a system-wide cluster, which nobody here asked for.
const NO_CLUSTER: &str = r#"
conf=/etc/postgresql-common/createcluster.conf
if [ ! -e "$conf" ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' > "$conf"
fi
"#;

/// A folder with `postgres` and `initdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinDir(PathBuf);

impl BinDir {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `15` from `postgres (PostgreSQL) 15.14`.
    fn major(&self) -> Option<String> {
        let out = Command::new(self.0.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(out.stdout).ok()?;
        Some(text.split(' ').nth(2)?.chars().take_while(char::is_ascii_digit).collect())
    }
}

/// No server binaries, and why they could not be had.
#[derive(Debug)]
pub struct MissingPostgres {
    /// What was tried and how it ended; empty when nothing could be tried.
    pub attempt: String,
}

impl fmt::Display for MissingPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no PostgreSQL server found. Install package `postgresql` (Debian, Ubuntu: apt-get install -y postgresql; ")?;
        f.write_str("macOS: brew install postgresql@17), or set PG_BIN_DIR to the folder with `postgres` and `initdb`")?;
        if self.attempt.is_empty() { Ok(()) } else { write!(f, ".\nTried to install it: {}", self.attempt) }
    }
}

impl error::Error for MissingPostgres {}

/// The server binaries; installed first, with Debian's package manager, when there are none and no password is needed for it.
pub fn ensure_installed() -> Result<BinDir, MissingPostgres> {
    if let Some(found) = candidates().next() {
        return Ok(found);
    }
    let attempt = install(&["postgresql"], NO_CLUSTER).err().unwrap_or_else(|| "it left no server binaries".into());
    candidates().next().ok_or(MissingPostgres { attempt })
}

/// The newest binaries, or for existing data those of the version that wrote it.
pub(super) fn find_for(data: &Path) -> io::Result<BinDir> {
    let missing = || io::Error::other(MissingPostgres { attempt: String::new() });
    let Ok(wrote) = fs::read_to_string(data.join("PG_VERSION")) else { return candidates().next().ok_or_else(missing) };
    let wrote = wrote.trim();
    if candidates().next().is_none() {
        return Err(missing());
    }
    let why = || format!("{} was written by PostgreSQL {wrote}, which is not installed: install it, or remove the folder", data.display());
    candidates().find(|found| found.major().as_deref() == Some(wrote)).ok_or_else(|| io::Error::other(why()))
}

/// `PG_BIN_DIR`, `PATH`, then where Debian, Red Hat and Homebrew put them, newest first.
fn candidates() -> impl Iterator<Item = BinDir> {
    let mut versioned: Vec<(u32, PathBuf)> = vec![];
    for root in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"] {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().replace("postgresql@", "").replace("pgsql-", "");
            versioned.extend(name.parse().ok().map(|version| (version, entry.path().join("bin"))));
        }
    }
    versioned.sort_by(|one, other| other.cmp(one));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = env::var_os("PG_BIN_DIR").map(PathBuf::from).into_iter().collect();
    all.extend(env::split_paths(&path));
    all.extend(versioned.into_iter().map(|(_, dir)| dir));
    all.into_iter().filter(|dir| dir.join("postgres").is_file() && dir.join("initdb").is_file()).map(BinDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_configuration_that_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let script = NO_CLUSTER.replace("/etc/", &format!("{}/etc/", dir.path().display()));
        let prepare = || assert!(Command::new("/bin/sh").args(["-ec", &script]).status().unwrap().success());
        prepare();
        let conf = dir.path().join("etc/postgresql-common/createcluster.conf");
        assert_eq!(fs::read_to_string(&conf).unwrap(), "create_main_cluster = false\n");
        fs::write(&conf, "somebody's own").unwrap();
        prepare();
        assert_eq!(fs::read_to_string(&conf).unwrap(), "somebody's own");
    }
}
