//! Where the private PostgreSQL lives, and as whom it runs.

use nix::unistd::{User, geteuid};
use std::{
    env,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    path::{Path, PathBuf},
};

/// `sun_path` holds 104 bytes on macOS (108 on Linux), the name `/.s.PGSQL.5432` and a NUL among them.
const MAX_SOCKET_DIR: usize = 88;

/// Where `guichet dev` keeps what must outlive it: the XDG state folder; for root one that user `postgres` can reach.
pub fn state_dir() -> PathBuf {
    if geteuid().is_root() {
        return "/var/lib/guichet-dev".into();
    }
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    home.map_or_else(|| format!("/var/tmp/guichet-{}", geteuid()).into(), |home| home.join("guichet"))
}

/// The database's folder in [`state_dir`].
pub fn default_data_dir() -> PathBuf {
    state_dir().join("postgres")
}

/// PostgreSQL refuses to run as root: then as `postgres`, else `nobody`. Otherwise as ourselves.
pub(super) fn run_as() -> io::Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    Err(io::Error::other("running as root, and there is no user postgres or nobody to run PostgreSQL as"))
}

/// Makes `dir` if need be, and makes sure that it belongs to who runs the server, to nobody else, and can be reached.
pub(super) fn private_dir(dir: &Path, user: Option<&User>) -> io::Result<()> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    let uid = user.map_or(geteuid(), |user| user.uid).as_raw();
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // also when another process, this moment or cut short long ago, made it and has not given it away
    if fs::symlink_metadata(dir)?.uid() == geteuid().as_raw() && fs::read_dir(dir)?.next().is_none() {
        chown(dir, Some(uid), user.map(|user| user.gid.as_raw()))?;
    }
    let (found, here) = (fs::symlink_metadata(dir)?, dir.display());
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!("{here} is to be a folder of user id {uid} with mode 0700: name another one")));
    }
    let closed = |above: &&Path| !fs::metadata(above).is_ok_and(|above| above.mode() & 0o001 != 0 || above.uid() == uid);
    match user.zip(dir.canonicalize()?.ancestors().skip(1).find(closed)) {
        None => Ok(()),
        Some((user, above)) => {
            let why = format!(
                "{} is closed to user {}, as whom PostgreSQL is to run: name another folder than {here}",
                above.display(),
                user.name
            );
            Err(io::Error::other(why))
        }
    }
}

/// The cluster's own folder, or one below the temporary folder when the path is too long for a socket.
pub(super) fn socket_dir(dir: &Path, user: Option<&User>) -> io::Result<PathBuf> {
    if dir.as_os_str().len() <= MAX_SOCKET_DIR {
        return Ok(dir.into());
    }
    let name = format!("guichet-pg-{:x}", fs::metadata(dir)?.ino());
    let short = Some(env::temp_dir().join(&name)).filter(|path| path.as_os_str().len() <= MAX_SOCKET_DIR);
    let socket = short.unwrap_or_else(|| Path::new("/tmp").join(name));
    private_dir(&socket, user)?;
    Ok(socket)
}
