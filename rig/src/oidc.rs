//! An OpenID provider of one's own: `oidc-provider` from npm, as `scripts/setup` installs it.

use anyhow::{Context, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running provider. Dropping it ends it.
pub struct Oidc {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    child: Child,
}

impl Oidc {
    /// Starts one on a free port; what the settings say is in `rig/oidc/provider.mjs`.
    pub fn start(settings: &str) -> anyhow::Result<Oidc> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc");
        if !directory.join("node_modules/oidc-provider").is_dir() {
            bail!("oidc-provider is not installed; 'scripts/setup' does it");
        }
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .arg(settings)
            .current_dir(&directory)
            // it ends with this, and so with us
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("node ('scripts/setup' says what is missing)")?;
        let output = child.stdout.take().context("its output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address).context("its address")?;
        let mut oidc = Oidc { address: address.trim().to_owned(), child };
        if oidc.address.is_empty() {
            bail!("the provider ended: {:?}", oidc.child.wait());
        }
        Ok(oidc)
    }
}

impl Drop for Oidc {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
