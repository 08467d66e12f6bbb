//! The container image without an engine: the Dockerfile's steps are read from it and done, and the program runs in the tree that
//! they lay out as an engine would run it, read-only and as nobody in particular, before a real database.
//!
//! `deploy/container/exercise` does the same with the release build.

use crate::harness::{
    Bank, BankOptions, CIC,
    bank::pki,
    command::{printed, run},
    hello::{Hello, exchange, status},
};
use nix::unistd::{Uid, chown, geteuid};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
};

const SETTINGS: &str = "/etc/guichet";
const SECRETS: &str = "/run/secrets";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The instructions of the Dockerfile, by stage: name and what follows it, lines joined.
fn stages() -> Vec<Vec<(String, String)>> {
    let text = fs::read_to_string(repository().join("Dockerfile")).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let mut stages: Vec<Vec<(String, String)>> = vec![];
    for line in joined.lines() {
        let (name, rest) = line.trim().split_once(' ').unwrap();
        if name == "FROM" {
            stages.push(vec![]);
        }
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        stages.last_mut().expect("FROM is first").push((name.to_owned(), rest));
    }
    stages
}

/// What all instructions of this name say.
fn all<'s>(stage: &'s [(String, String)], name: &str) -> Vec<&'s str> {
    stage.iter().filter(|(known, _)| known == name).map(|(_, rest)| rest.as_str()).collect()
}

fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// What `.dockerignore` lets through: everything below these.
fn context() -> Vec<String> {
    let text = fs::read_to_string(repository().join(".dockerignore")).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    assert_eq!(lines.next(), Some("*"), "nothing but what is named");
    lines.map(|line| line.strip_prefix('!').expect("an exception").to_owned()).collect()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

/// The targets that Cargo finds, the build script among them.
async fn targets(folder: &Path) -> BTreeSet<String> {
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(["metadata", "--no-deps", "--offline", "--locked", "--format-version=1"]).current_dir(folder);
    let told: serde_json::Value = serde_json::from_str(&printed(&run(cargo, "").await)).unwrap();
    let all = told["packages"][0]["targets"].as_array().unwrap().iter();
    all.map(|target| format!("{} {}", target["kind"][0], target["name"])).filter(|target| !target.starts_with("\"test\"")).collect()
}

/// What the compiler wrote down that it read when it last built the library.
fn read_by_the_compiler() -> BTreeSet<PathBuf> {
    let listings = fs::read_dir(Path::new(env!("CARGO_BIN_EXE_guichet")).parent().unwrap().join("deps")).unwrap();
    let listings = listings.map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("guichet-") && name.ends_with(".d")
    });
    let of_library = listings.map(|path| (path.metadata().unwrap().modified().unwrap(), fs::read_to_string(path).unwrap()));
    let newest = of_library.filter(|(_, text)| text.contains(" src/lib.rs ")).max().expect("a listing of the library's").1;
    let files = newest.lines().filter_map(|line| line.strip_suffix(':')).map(|file| {
        let mut plain = PathBuf::new();
        for part in Path::new(file.strip_prefix(env!("CARGO_MANIFEST_DIR")).map_or(file, |rest| &rest[1..])) {
            if part == ".." { assert!(plain.pop(), "{file}") } else { plain.push(part) }
        }
        plain
    });
    files.filter(|file| file.is_relative() && !file.starts_with("target")).collect()
}

#[tokio::test]
async fn the_builder_is_given_all_that_the_build_reads() {
    let [build, _] = &stages()[..] else { panic!("two stages") };
    let folder = tempfile::tempdir().unwrap();
    let (context, sent) = (context(), folder.path().join("context"));
    for name in &context {
        copy(&repository().join(name), &sent.join(name));
    }
    assert_eq!(targets(&sent).await, targets(repository()).await);

    let read = read_by_the_compiler();
    assert!(read.len() > 300 && read.contains(Path::new("config/default.toml")), "{}", read.len());
    let missing: Vec<_> = read.iter().filter(|file| !sent.join(file).exists()).collect();
    assert!(missing.is_empty(), ".dockerignore keeps back {missing:?}");

    // the layer of the dependencies: its files, and what it makes up before it builds
    let copies = all(build, "COPY");
    let [manifest, everything] = copies[..] else { panic!("{copies:?}") };
    assert_eq!(everything, ". .");
    let stub = folder.path().join("stub");
    let mut files: Vec<_> = manifest.split(' ').collect();
    assert_eq!(files.pop(), Some("./"));
    for file in files {
        copy(&sent.join(file), &stub.join(file));
    }
    let runs = all(build, "RUN");
    let made = runs.iter().find_map(|line| line.split_once("&& cargo build")).expect("a layer of dependencies").0;
    let mut shell = Command::new("sh");
    shell.args(["-ec", made]).current_dir(&stub);
    printed(&run(shell, "").await);
    assert!(targets(&stub).await.contains("\"bin\" \"guichet\""));
    let builds: Vec<_> = runs.iter().flat_map(|line| line.split(" && ")).filter(|step| step.starts_with("cargo build")).collect();
    assert_eq!(builds, ["cargo build --release --locked --bin guichet"; 2], "both alike, or the layer is for nothing");
}

/// A tree laid out by the Dockerfile's own step, and how its last stage says to run it.
struct Image {
    folder: tempfile::TempDir,
    user: u32,
    environment: Vec<(String, String)>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    health: Vec<String>,
}

impl Image {
    async fn lay_out() -> Self {
        let stages = stages();
        let [build, last] = &stages[..] else { panic!("two stages") };
        assert_eq!((all(last, "FROM"), all(last, "COPY"), all(last, "RUN").len()), (vec!["scratch"], vec!["--from=build /image /"], 0));
        let step = *all(build, "RUN").last().unwrap();
        let program = env::var("GUICHET_IMAGE_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_guichet").to_owned());
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("image");
        assert!(step.contains(" target/release/guichet ") && step.ends_with(" /image"), "{step}");
        let step = step.replace("target/release/guichet", &program).replace("/image", place.to_str().unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-ec", &step]).current_dir(repository());
        printed(&run(shell, "").await);

        let one = |name: &str| all(last, name).last().copied().unwrap_or_else(|| panic!("no {name}")).to_owned();
        let user = one("USER").split(':').next().unwrap().parse().unwrap();
        assert_ne!(user, 0);
        let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        Self {
            folder,
            user,
            environment: all(last, "ENV").into_iter().map(pair).collect(),
            entrypoint: words(&one("ENTRYPOINT")),
            command: words(&one("CMD")),
            health: words(one("HEALTHCHECK").split_once("CMD ").unwrap().1),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// What an engine mounts into it.
    fn mounted(&self, name: &str) -> PathBuf {
        let place = self.folder.path().join(name);
        if !place.exists() {
            fs::create_dir(&place).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        }
        place
    }

    /// A file that only the image's user can read.
    fn give(&self, name: &str, file: &str, content: &[u8]) {
        let path = self.mounted(name).join(file);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        if geteuid().is_root() {
            chown(&path, Some(Uid::from_raw(self.user)), None).unwrap();
        }
    }

    /// `words` in the tree: everything read-only, no capabilities, no new rights, nothing of this process's environment.
    ///
    /// As root with the image's user. Otherwise in a user namespace, where it has our own user, which is said: less is shown then.
    fn start(&self, words: &[String], log: &Path) -> Child {
        const SCRIPT: &str = r#"
            root=$1 settings=$2 secrets=$3 switch=$4; shift 4
            mount --bind "$root" "$root"
            mount --bind "$settings" "$root/etc/guichet"
            mount --bind "$secrets" "$root/run/secrets"
            for place in "$root/run/secrets" "$root/etc/guichet" "$root"; do mount -o remount,ro,bind "$place"; done
            exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid chroot $switch "$root" "$@"
        "#;
        let mut command = Command::new("unshare");
        let switch = if geteuid().is_root() {
            format!("--userspec={0}:{0} --groups=", self.user)
        } else {
            eprintln!("not root: the container runs as this user, in a user namespace, not as {}", self.user);
            command.args(["--user", "--map-root-user"]);
            String::new()
        };
        command.args(["--mount", "--propagation=private", "sh", "-euc", SCRIPT, "sh"]);
        command.arg(self.root()).arg(self.mounted("settings")).arg(self.mounted("secrets")).arg(switch).args(words);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap()).envs(self.environment.clone());
        let file = fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap()
    }

    /// Every file of the tree and of what is mounted: size and time of change.
    fn files(&self) -> BTreeMap<PathBuf, (u64, SystemTime)> {
        let (mut open, mut found) = (vec![self.folder.path().to_owned()], BTreeMap::new());
        while let Some(path) = open.pop() {
            let about = fs::symlink_metadata(&path).unwrap();
            if about.is_dir() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            found.insert(path, (about.len(), about.modified().unwrap()));
        }
        found
    }
}

/// PostgreSQL's socket is for its own user; a container comes over TCP.
async fn over_tcp(bank: &Bank) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = bank.database.get_socket().unwrap().join(".s.PGSQL.5432");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut server = UnixStream::connect(socket).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let (user, name) = (bank.database.get_username(), bank.database.get_database().unwrap());
    format!("postgres://{user}@{address}/{name}?sslmode=disable")
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_image_serves_as_an_unprivileged_user_on_a_read_only_tree() {
    let image = Image::lay_out().await;
    let (bytes, program) = (image.files().values().map(|(bytes, _)| bytes).sum::<u64>(), image.root().join("usr/bin/guichet"));
    println!("program {} MB, image {} MB", program.metadata().unwrap().size() / 1_000_000, bytes / 1_000_000);
    for absent in ["bin/sh", "usr/bin/env", "tmp", "home"] {
        assert!(!image.root().join(absent).exists(), "{absent}");
    }

    let bank = Bank::unserved(BankOptions::default()).await;
    let files = pki().1.file("server.pem").parent().unwrap().to_owned();
    let settings = fs::read_to_string(bank.config_file()).unwrap().replace(files.to_str().unwrap(), SECRETS);
    let settings = settings.replace("url = \"postgres://localhost/unused\"", &format!("url_file = \"{SECRETS}/database-url\""));
    assert!(settings.contains(&format!("{SECRETS}/database-url")));
    image.give("settings", "guichet.toml", settings.as_bytes());
    assert!(image.environment.contains(&("GUICHET_CONFIG".to_owned(), format!("{SETTINGS}/guichet.toml"))));
    image.give("secrets", "database-url", over_tcp(&bank).await.as_bytes());
    for name in settings.split('"').filter_map(|word| word.strip_prefix(&format!("{SECRETS}/"))).filter(|name| *name != "database-url") {
        image.give("secrets", name, &fs::read(files.join(name)).unwrap());
    }
    let before = image.files();

    let log = bank.folder().join("container.log");
    let command: Vec<_> = image.entrypoint.iter().chain(&image.command).cloned().collect();
    let mut server = Killed(image.start(&command, &log));
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(30);
    while bank.ops_status("/readyz").await != 200 {
        let ended = server.0.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < until, "{ended:?}: {}", said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(bank.ops_status("/livez").await, 200);

    let mut stream = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    let asked = format!("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: {}\r\n\r\n", CIC.psu_host);
    let (head, body) = exchange(&mut stream, &asked).await.unwrap();
    assert!(status(&head) == 200 && body.contains(&bank.issuer(CIC)), "{head}{body}");

    let about = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", server.0.id())).unwrap();
    let row = |name: &str| about("status").lines().find_map(|line| line.strip_prefix(name).map(|rest| rest.trim().to_owned())).unwrap();
    if geteuid().is_root() {
        assert_eq!(row("Uid:"), [image.user.to_string().as_str(); 4].join("\t"));
        assert_eq!(
            (row("Groups:").as_str(), row("CapEff:").as_str(), row("CapPrm:").as_str()),
            ("", "0000000000000000", "0000000000000000")
        );
    }
    assert_eq!(row("NoNewPrivs:"), "1");
    let mounts = about("mountinfo");
    let options: BTreeMap<_, _> =
        mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).map(|words| (words[4], words[5])).collect();
    assert_eq!(options.keys().copied().collect::<Vec<_>>(), ["/", SETTINGS, SECRETS]);
    assert!(options.values().all(|options| options.split(',').any(|option| option == "ro")), "{options:?}");

    let healthy = tokio::task::spawn_blocking({
        let mut check = Killed(image.start(&image.health, &log));
        move || check.0.wait().unwrap()
    });
    assert!(healthy.await.unwrap().success(), "{}", said());
    assert_eq!(image.files(), before, "nothing was written");

    drop(server);
    let mut check = Killed(image.start(&image.health, &log));
    assert_eq!(tokio::task::spawn_blocking(move || check.0.wait().unwrap()).await.unwrap().code(), Some(5), "{}", said());
}
