//! A certificate authority of one's own, made with the program `openssl`.

use anyhow::{Context, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// An authority, which nobody believes who is not told to.
pub struct Authority {
    directory: PathBuf,
    own: Certificate,
}

/// Keys of this kind are made in no time.
const CURVE: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/// What the assertions of identity clients are signed with.
const RSA: [&str; 2] = ["-newkey", "rsa:2048"];

impl Authority {
    /// Makes one in a directory.
    pub fn create(directory: &Path) -> anyhow::Result<Authority> {
        let own = files(directory, "authority");
        let extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
        make(&own, &CURVE, "test authority", &extensions, None)?;
        Ok(Authority { directory: directory.to_owned(), own })
    }

    /// Its certificate, for those who are to believe it.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.own.certificate
    }

    /// A certificate by which a program is let in.
    pub fn issue_client(&self, name: &str) -> anyhow::Result<Certificate> {
        let made = files(&self.directory, name);
        let extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth"];
        make(&made, &RSA, name, &extensions, Some(&self.own))?;
        Ok(made)
    }

    /// A certificate of a server for these hosts.
    pub fn issue(&self, name: &str, hosts: &[&str]) -> anyhow::Result<Certificate> {
        let made = files(&self.directory, name);
        let hosts: Vec<String> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
        let extensions = [
            "basicConstraints=critical,CA:FALSE",
            "extendedKeyUsage=serverAuth",
            &format!("subjectAltName={}", hosts.join(",")),
        ];
        make(&made, &CURVE, name, &extensions, Some(&self.own))?;
        Ok(made)
    }
}

/// A certificate that nobody has signed, with which a program shows who it is.
pub fn self_signed(directory: &Path, name: &str) -> anyhow::Result<Certificate> {
    let made = files(directory, name);
    make(&made, &RSA, name, &["basicConstraints=critical,CA:FALSE"], None)?;
    Ok(made)
}

/// A certificate with its key as a PFX file.
pub fn pfx(of: &Certificate, password: &str) -> anyhow::Result<Vec<u8>> {
    let made = of.certificate.with_extension("pfx");
    let mut command = Command::new("openssl");
    command.args(["pkcs12", "-export", "-passout", &format!("pass:{password}")]);
    command.args([OsStr::new("-in"), of.certificate.as_os_str()]);
    command.args([OsStr::new("-inkey"), of.key.as_os_str()]);
    command.args([OsStr::new("-out"), made.as_os_str()]);
    run(command)?;
    fs::read(&made).context("the PFX file that openssl made")
}

fn files(directory: &Path, name: &str) -> Certificate {
    let file = |kind: &str| directory.join(format!("{name}.{kind}.pem"));
    Certificate { certificate: file("certificate"), key: file("key") }
}

fn make(
    made: &Certificate,
    key: &[&str],
    name: &str,
    extensions: &[&str],
    by: Option<&Certificate>,
) -> anyhow::Result<()> {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "2"]).args(key);
    command.args(["-subj", &format!("/CN={name}")]);
    command.args([OsStr::new("-keyout"), made.key.as_os_str()]);
    command.args([OsStr::new("-out"), made.certificate.as_os_str()]);
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    if let Some(by) = by {
        command.args([OsStr::new("-CA"), by.certificate.as_os_str()]);
        command.args([OsStr::new("-CAkey"), by.key.as_os_str()]);
    }
    run(command)?;
    fs::metadata(&made.certificate).context("the certificate that openssl made").map(|_| ())
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().context("openssl ('scripts/setup' installs it)")?;
    if !output.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
