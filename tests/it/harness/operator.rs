//! The bank's operator: the program's verbs, in a process of its own, against the database that servers use.

use super::{
    bank::Bank,
    command::{printed, run},
};
use std::process::Output;

impl Bank {
    /// A verb that may fail. The settings are those of [`Bank::write_config`].
    pub async fn try_operator(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.env("USER", "operator");
        run(command, "").await
    }

    /// What a verb printed, having ended well.
    pub async fn operator(&self, args: &[&str]) -> String {
        printed(&self.try_operator(args).await)
    }

    /// Exit code and message of a verb that must fail.
    pub async fn operator_refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.try_operator(args).await;
        assert!(!output.status.success(), "{args:?}: {output:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Blocks, and returns the block's id.
    pub async fn block(&self, args: &[&str]) -> String {
        let args: Vec<_> = ["block", "add", "--reason", "fraud suspected"].into_iter().chain(args.iter().copied()).collect();
        let said = self.operator(&args).await;
        let id = said.lines().find_map(|line| line.strip_prefix("block ")).unwrap_or_else(|| panic!("{said}"));
        id.trim().to_owned()
    }

    pub async fn unblock(&self, id: &str) {
        self.operator(&["block", "lift", id, "--reason", "cleared"]).await;
    }
}
