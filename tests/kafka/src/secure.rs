//! What brokers show over TLS, and who may log in there.

use crate::jars::Missing;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may log in over TLS, mechanism `SCRAM-SHA-512`, and may do everything.
pub const OWNER: &str = "owner";

/// The password of [`OWNER`].
pub const OWNER_PASSWORD: &str = "owner-secret";

/// Protects keystores of tests from nobody; the tool wants one.
const STORE_PASSWORD: &str = "in-a-folder-of-tests";

/// A certificate for brokers at the own machine, which vouches for itself.
#[derive(Debug)]
pub struct Certificate {
    keystore: PathBuf,
    /// What whoever trusts it is given.
    pub authority: PathBuf,
}

impl Certificate {
    /// Makes one in a folder.
    ///
    /// # Errors
    /// [`Missing`] where there is no `keytool`; it comes with Java.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let keystore = folder.join("broker.p12");
        let authority = folder.join("authority.pem");
        let made = ["-genkeypair", "-keyalg", "EC", "-validity", "30", "-dname", "CN=flow-test"];
        let names = ["-ext", "san=ip:127.0.0.1", "-ext", "bc:critical=ca:true"];
        keytool(&keystore, &[made.as_slice(), &names].concat(), None)?;
        keytool(&keystore, &["-exportcert", "-rfc"], Some(&authority))?;
        Ok(Self { keystore, authority })
    }

    /// What a broker is told, beside what every broker is.
    pub(crate) fn settings(&self) -> String {
        let store = self.keystore.display();
        format!(
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,\
             SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
             super.users=User:ANONYMOUS;User:{OWNER}\n\
             listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.sasl_ssl.ssl.keystore.type=PKCS12\n\
             listener.name.sasl_ssl.ssl.keystore.location={store}\n\
             listener.name.sasl_ssl.ssl.keystore.password={STORE_PASSWORD}\n"
        )
    }

    /// How the storage is formatted, so that [`OWNER`] is known from the start.
    pub(crate) fn format() -> [String; 2] {
        let user = format!("SCRAM-SHA-512=[name={OWNER},password={OWNER_PASSWORD}]");
        ["--add-scram".to_owned(), user]
    }
}

fn keytool(keystore: &Path, args: &[&str], file: Option<&Path>) -> anyhow::Result<()> {
    let mut command = Command::new("keytool");
    command.args(args).args(["-alias", "broker", "-storetype", "PKCS12"]);
    command.args(["-storepass", STORE_PASSWORD, "-keystore"]).arg(keystore);
    command.args(file.iter().flat_map(|file| [Path::new("-file"), file]));
    let out = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Missing::Keytool.into());
        }
        other => other.context("run `keytool`")?,
    };
    anyhow::ensure!(
        out.status.success(),
        "no certificate: {}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(())
}
