//! Memory that PostgreSQL shares among its processes. In pages of 4 KiB, each process finds out about each page by itself, and a random
//! read of gigabytes pays for that longer than any benchmark lasts; so PostgreSQL's manual recommends huge pages.

use std::fs;

const FILE: &str = "/proc/sys/vm/nr_hugepages";
/// MiB.
const PAGE: u64 = 2;

/// Reserved in this machine's kernel until this value goes.
pub struct HugePages {
    before: String,
}

impl HugePages {
    /// For so many MiB of shared buffers, and what else is shared.
    pub fn reserve(shared_buffers: u64) -> Self {
        let before = fs::read_to_string(FILE).unwrap();
        let pages = (shared_buffers + shared_buffers / 20 + 200) / PAGE;
        fs::write(FILE, pages.to_string()).unwrap_or_else(|e| panic!("{FILE}: {e}; only root may reserve huge pages"));
        Self { before }
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let _ = fs::write(FILE, &self.before);
    }
}

/// Whether anybody has some, which on a machine for measuring is PostgreSQL.
pub fn in_huge_pages() -> bool {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    number(&text, "HugePages_Total:") - number(&text, "HugePages_Free:") + number(&text, "HugePages_Rsvd:") > 0
}

/// Of the machine, in MiB.
pub fn of_machine() -> u64 {
    number(&fs::read_to_string("/proc/meminfo").unwrap(), "MemTotal:") / 1024
}

fn number(meminfo: &str, name: &str) -> u64 {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    rest.trim().trim_end_matches(" kB").parse().unwrap()
}
