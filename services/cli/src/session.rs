//! Signing in and out.

use std::io::IsTerminal;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::{self, Client};
use crate::device;
use crate::field::text;
use crate::profile::{self, Profile, Profiles};

#[derive(Args)]
pub struct Login {
    /// With a password, typed here or read from standard input, instead of in a browser
    #[arg(long)]
    password: bool,
    /// The e-mail address
    #[arg(long)]
    email: Option<String>,
    /// The tenant, where the address is used in several
    #[arg(long)]
    tenant: Option<String>,
}

/// Signs in and keeps the session. A password comes from the terminal or from standard input, never from the command
/// line, where every process of the machine could read it.
pub async fn login(global: &Global, login: &Login) -> Result<()> {
    let file = profile::file()?;
    let known = Profiles::read(&file)?.pick(global.profile.as_deref()).ok();
    let name = global
        .profile
        .clone()
        .or_else(|| known.as_ref().map(|(name, _)| name.clone()));
    let name = name.unwrap_or_else(|| "default".to_owned());
    let known = known.map(|(_, profile)| profile).unwrap_or_default();
    let url = global.url.clone().unwrap_or(known.url);
    if url.is_empty() {
        bail!("say where: `yunshu login --url https://cloud.example.com`");
    }
    let ca = global.ca.clone().or(known.ca);
    let ca = ca.map(std::path::absolute).transpose()?;

    let with_ca = Global {
        profile: None,
        url: None,
        ca: ca.clone(),
        project: None,
        operator_access: None,
        output: global.output,
        dry_run: false,
    };
    let mut client = Client::anonymous(&url, &with_ca)?;
    let entered = if login.password {
        by_password(&mut client, login, known.email).await?
    } else {
        device::enter(&client).await?
    };
    let kept = Profile {
        url,
        ca,
        email: entered.email,
        project: global.project.clone().or(known.project),
        refresh_token: Some(entered.refresh_token),
        client: entered.client,
    };
    client::keep(&file, &name, kept)?;
    crate::output::tell(format_args!("Signed in; the session is kept as profile `{name}`."));
    Ok(())
}

/// What a sign-in gave.
pub struct Entered {
    pub email: Option<String>,
    pub refresh_token: String,
    /// The client it was given to; none with a password.
    pub client: Option<String>,
}

async fn by_password(client: &mut Client, login: &Login, known: Option<String>) -> Result<Entered> {
    let email = login
        .email
        .clone()
        .or(known)
        .context("say who: `--email ada@example.com`")?;
    let password = secret(&format!("Password of {email}: "))?;
    let ask = json!({"email": email, "password": password, "tenant": login.tenant});
    let mut answer = client.post("/auth/login", Some(&ask)).await?;
    if text(&answer, "status") == Some("mfa_required") {
        answer = second_factor(client, &answer).await?;
    }
    let token = text(&answer, "refresh_token").context("the platform gave no session")?;
    Ok(Entered {
        email: Some(email),
        refresh_token: token.to_owned(),
        client: None,
    })
}

/// A code of the authenticator, one that is sent to whoever has none, or a recovery code.
async fn second_factor(client: &mut Client, answer: &Value) -> Result<Value> {
    let challenge = text(answer, "challenge");
    let names = |field: &str| -> Vec<String> {
        let list = answer.get(field).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let sent = names("weaker").into_iter().next();
    let sent = sent.filter(|_| !names("methods").iter().any(|method| method == "totp"));
    let prompt = match &sent {
        Some(kind) => {
            let ask = json!({"challenge": challenge});
            let on_its_way = client.post(&format!("/auth/mfa/{kind}:send"), Some(&ask)).await?;
            let to = text(&on_its_way, "sent_to").unwrap_or_default();
            format!("Code that was sent to {to}, or a recovery code: ")
        }
        None => "Code of your authenticator, or a recovery code: ".to_owned(),
    };
    let code = secret(&prompt)?;
    let way = format!("/auth/mfa/{}", kind_of(&code, sent.as_deref()));
    client
        .post(&way, Some(&json!({"challenge": challenge, "code": code})))
        .await
}

/// What a code is, by its form: six digits of an authenticator, eight that were sent, or one that was written down.
fn kind_of<'a>(code: &str, sent: Option<&'a str>) -> &'a str {
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    match (digits, code.len(), sent) {
        (true, 6, _) => "totp",
        (true, 8, Some(kind)) => kind,
        _ => "recovery",
    }
}

pub(crate) fn secret(prompt: &str) -> Result<String> {
    if std::io::stdin().is_terminal() {
        rpassword::prompt_password(prompt).context("cannot read from the terminal")
    } else {
        profile::secret_from_stdin()
    }
}

pub async fn logout(client: &mut Client) -> Result<()> {
    let Some((name, file)) = client.profile().map(|(name, file)| (name.to_owned(), file.to_owned())) else {
        bail!("YUNSHU_API_KEY is no session: revoke the key instead, and unset the variable");
    };
    let ended = client.post("/auth/logout", None).await;
    profile::change(&file, |all| {
        let kept = all.profiles.get_mut(&name).context("the profile is gone")?;
        kept.refresh_token = None;
        Ok(())
    })?;
    ended.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_by_its_form() {
        for (code, sent, kind) in [
            ("287082", None, "totp"),
            ("287082", Some("sms"), "totp"),
            ("31415926", Some("email"), "email"),
            ("31415926", None, "recovery"),
            ("7k3m-9qxd-0f2h-vw8c-1n5t-rj6b", Some("sms"), "recovery"),
        ] {
            assert_eq!(kind_of(code, sent), kind, "{code}");
        }
    }
}
