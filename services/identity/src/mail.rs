//! How letters leave: by SMTP (RFC 5321), or into a folder where nothing may leave.

use std::path::PathBuf;
use std::time::Duration;

use ids::EventId;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::Deserialize;

use crate::errand::Letter;

/// How letters leave, as an operator sets it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailSettings {
    /// `smtps://mail.example.com` (TLS from the start), `smtp://mail.example.com:587?tls=required` (STARTTLS), or
    /// `smtp://127.0.0.1:25` to a relay on this machine.
    pub smtp: Option<String>,
    /// The account at the mail server.
    pub user: Option<String>,
    /// The file that holds its password.
    pub password_file: Option<PathBuf>,
    /// Writes letters there instead of sending them: for development.
    pub folder: Option<PathBuf>,
    /// Who sends, e.g. `Yunshu <no-reply@example.com>`.
    pub from: Option<String>,
    /// Where the portal is, for the links in letters.
    pub portal: Option<String>,
}

/// Sends letters.
pub struct Mailer {
    from: Mailbox,
    portal: String,
    way: Way,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
    /// Nobody has said how.
    None,
}

/// A letter did not leave.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mail server will never take it.
    #[error("the letter is refused: {0}")]
    Refused(String),
    /// It may be taken later.
    #[error("the letter could not be handed over: {0}")]
    Later(String),
}

impl Mailer {
    /// Checks the settings.
    pub fn new(settings: &MailSettings) -> Result<Self, String> {
        let from = settings.from.as_deref().unwrap_or("Yunshu <no-reply@localhost>");
        let from = from.parse().map_err(|error| format!("identity.mail.from: {error}"))?;
        let portal = settings.portal.as_deref().unwrap_or("https://localhost:8443");
        let way = match (&settings.smtp, &settings.folder) {
            (Some(_), Some(_)) => return Err("identity.mail: either smtp or folder, not both".to_owned()),
            (Some(url), None) => Way::Smtp(Self::smtp(url, settings)?),
            (None, Some(folder)) => Way::Folder(AsyncFileTransport::new(folder)),
            (None, None) => Way::None,
        };
        Ok(Self {
            from,
            portal: portal.trim_end_matches('/').to_owned(),
            way,
        })
    }

    fn smtp(url: &str, settings: &MailSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("identity.mail.smtp: {error}");
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|error| wrong(&error))?;
        if let Some(user) = &settings.user {
            let file = settings.password_file.as_ref();
            let file = file.ok_or("identity.mail.password_file is missing beside identity.mail.user")?;
            let password = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            server = server.credentials(Credentials::new(user.clone(), password.trim_end().to_owned()));
        }
        Ok(server.timeout(Some(Duration::from_secs(30))).build())
    }

    /// Can letters leave at all?
    pub const fn is_set_up(&self) -> bool {
        !matches!(self.way, Way::None)
    }

    /// Where links in letters lead.
    pub fn portal(&self) -> &str {
        &self.portal
    }

    /// Hands a letter over.
    pub async fn send(&self, id: EventId, letter: &Letter) -> Result<(), Error> {
        let refused = |error: &dyn std::fmt::Display| Error::Refused(error.to_string());
        let to: Mailbox = letter.to.parse().map_err(|error| refused(&error))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|error| refused(&error))?;
        match &self.way {
            Way::Smtp(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(Error::Refused(error.to_string())),
                Err(error) => Err(Error::Later(error.to_string())),
            },
            Way::Folder(folder) => {
                let written = folder.send(message).await;
                written.map(drop).map_err(|error| Error::Later(error.to_string()))
            }
            Way::None => Err(Error::Later("identity.mail says neither smtp nor folder".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_named() {
        let refuse = |settings: MailSettings| Mailer::new(&settings).err().unwrap();
        let url = |url: &str| MailSettings {
            smtp: Some(url.to_owned()),
            ..MailSettings::default()
        };
        assert!(refuse(url("http://x")).starts_with("identity.mail.smtp"));
        let from = MailSettings {
            from: Some("nobody".to_owned()),
            ..MailSettings::default()
        };
        assert!(refuse(from).starts_with("identity.mail.from"));
        let both = MailSettings {
            folder: Some("x".into()),
            ..url("smtp://localhost")
        };
        assert!(refuse(both).contains("not both"));
        let user = MailSettings {
            user: Some("u".to_owned()),
            ..url("smtp://localhost")
        };
        assert!(refuse(user).contains("password_file"));
        assert!(!Mailer::new(&MailSettings::default()).unwrap().is_set_up());
    }
}
