//! PostgreSQL's disk: full, or slow.

use crate::{
    Outcome,
    ledger::Ledger,
    load::{Load, around},
    site::{Cluster, SECOND, Site},
};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;
use tokio::time::sleep;

/// A file system of its own, in memory: small, and gone with this value.
struct Mounted(TempDir);

impl Mounted {
    fn of(size: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "tmpfs"]).arg(folder.path()).output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self(folder)),
            Ok(output) => Err(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("mount: {error}")),
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(self.0.path()).output();
    }
}

/// Not a byte more can be written for some seconds.
pub async fn full() -> Outcome {
    let disk = Mounted::of("400m")?;
    let mut site = Site::on(Cluster::start_in(disk.path()).await).await;
    let (load, ledger) = (Load::prepare(&site).await, Ledger::default());
    let mut cluster = std::mem::replace(&mut site.cluster, Cluster::none());
    let filler = disk.path().join("filler");
    let fault = async {
        fs::write(&filler, vec![0; 400 << 20]).expect_err("it fits: the disk is not full");
        sleep(6 * SECOND).await;
        fs::remove_file(&filler).unwrap();
        // a log that cannot be written ends PostgreSQL; what watches over it starts it again
        sleep(SECOND).await;
        if cluster.ended() {
            cluster.restart().await;
        }
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    let summary = ledger.close(&site, injected, healed).await;
    drop(cluster);
    drop(site);
    Ok(summary)
}

/// Each flush takes 50 ms longer.
pub async fn slow() -> Outcome {
    let (site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let cluster = &site.cluster;
    let fault = async {
        cluster.execute("alter system set commit_delay = 50000").await;
        cluster.execute("alter system set commit_siblings = 0").await;
        cluster.execute("select pg_reload_conf()").await;
        sleep(6 * SECOND).await;
        cluster.execute("alter system reset commit_delay").await;
        cluster.execute("select pg_reload_conf()").await;
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    Ok(ledger.close(&site, injected, healed).await)
}
