use std::path::PathBuf;

use clap::Parser;
use url::Url;

/// Makes this machine's libvirt look like what the control plane wants it to be.
#[derive(Debug, Clone, Parser)]
#[command(name = "yunshu-hypervisor", version)]
pub struct Settings {
    /// The gateway, for example <https://cloud.example:8443>.
    #[arg(long, env = "YUNSHU_GATEWAY")]
    pub gateway: Url,

    /// The certificate authority of the gateway, PEM; no other is trusted.
    #[arg(long, env = "YUNSHU_CA")]
    pub ca: PathBuf,

    /// The folder for this host's identity, images, disks and console logs.
    #[arg(long, env = "YUNSHU_STATE")]
    pub state: PathBuf,

    /// Which libvirt.
    #[arg(long, env = "YUNSHU_LIBVIRT", default_value = "qemu:///system")]
    pub libvirt: String,

    /// The one-use token of an enrolment; needed at the first start only.
    #[arg(long, env = "YUNSHU_ENROL", hide_env_values = true)]
    pub enrol: Option<String>,

    /// The name to enrol under; the machine's own when none is given.
    #[arg(long, env = "YUNSHU_HOST_NAME")]
    pub name: Option<String>,

    /// How to log: text or json.
    #[arg(long, env = "YUNSHU_LOG__FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What to log.
    #[arg(long, env = "YUNSHU_LOG__FILTER", default_value = "info")]
    pub log_filter: String,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Settings {
    /// The name to enrol under, in the form that names of hosts have: `a-z 0-9 -`, 1 to 63 characters.
    pub fn host_name(&self) -> String {
        let own = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = self.name.clone().unwrap_or_else(own).trim().to_ascii_lowercase();
        let plain: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(63)
            .collect();
        let plain = plain.trim_matches('-');
        if plain.is_empty() {
            "host".to_owned()
        } else {
            plain.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> String {
        let args = [
            "x",
            "--gateway",
            "https://h:8443",
            "--ca",
            "c",
            "--state",
            "s",
            "--name",
            name,
        ];
        Settings::try_parse_from(args).unwrap().host_name()
    }

    #[test]
    fn a_name_has_the_form_of_names() {
        assert_eq!(named("Rack-7.Example.Org"), "rack-7-example-org");
        assert_eq!(named("..."), "host");
        assert_eq!(named(&"x".repeat(99)).len(), 63);
    }
}
