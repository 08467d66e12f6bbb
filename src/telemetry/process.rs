//! What this process takes of its machine, read from `/proc` when somebody asks for the metrics.

use std::fs;

/// Linux counts memory in pages; 4 KiB on every platform that we build for.
const PAGE: f64 = 4096.0;

/// Nothing where there is no `/proc`.
pub fn measure() {
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("guichet_process_open_files").set(files.count() as f64);
    }
    if let Some(most) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(most_files) {
        metrics::gauge!("guichet_process_most_files").set(most);
    }
    if let Some(pages) = fs::read_to_string("/proc/self/statm").ok().as_deref().and_then(resident_pages) {
        metrics::gauge!("guichet_process_resident_bytes").set(pages * PAGE);
    }
}

fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn resident_pages(statm: &str) -> Option<f64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 524288               files\n";
        assert_eq!((most_files(limits), resident_pages("24010 5120 3110 812 0 9001 0")), (Some(1024.0), Some(5120.0)));
        assert_eq!((most_files("Max open files  unlimited unlimited files"), resident_pages("")), (None, None));
    }
}
