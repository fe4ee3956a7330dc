//! What is done later for people who are not signed in.
//!
//! A request to reset a password is written down and answered before anybody looks whether its address is known: known
//! and unknown take the same time, because the same thing happens. [`crate::work::errands`] looks into it afterwards, and
//! sends the letter as another errand, in one commit with what the letter speaks of.
//!
//! Errands are done at least once. A letter carries its errand's id as `Message-ID`, so a mail server that sees it twice
//! can tell.

use auth::Principal;
use chrono::{SecondsFormat, TimeDelta};
use crypto::{Kek, Place, Unreadable};
use ids::EventId;
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::factor::sent::{Code, Phone};
use crate::password::Profile;

/// Tries before an errand is given up.
pub const MOST_ATTEMPTS: u16 = 12;
/// Whoever claims an errand has so long for it; then it is anybody's again.
pub const CLAIM: TimeDelta = TimeDelta::minutes(2);

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Errand {
    /// Whoever has this address wants a new password.
    Reset {
        /// The address, in lower case.
        email: String,
        /// The tenant's name, if one was given.
        tenant: Option<String>,
    },
    /// A letter to send.
    Letter(Letter),
    /// A text message to send.
    Text(Text),
}

/// A letter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text, plain.
    pub text: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(..)")
    }
}

/// A text message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The number.
    pub to: String,
    /// The words.
    pub text: String,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Text(..)")
    }
}

impl Errand {
    /// As it is kept.
    pub fn seal(&self, kek: &Kek, id: EventId) -> Result<Vec<u8>, Unreadable> {
        let plain = serde_json::to_vec(self).map_err(|_| Unreadable)?;
        kek.seal(&place(&id.to_string()), &plain)
    }

    /// From what is kept.
    pub fn open(kek: &Kek, id: EventId, sealed: &[u8]) -> Result<Self, Unreadable> {
        let plain = kek.open_sealed(&place(&id.to_string()), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Unreadable)
    }
}

fn place(id: &str) -> Place<'_> {
    Place {
        tenant: auth::PLATFORM,
        table: "identity.errands",
        column: "sealed",
        row: id,
    }
}

/// The longest pause after so many failed tries: doubling from 5 seconds to an hour. What is waited is a random part of
/// it (full jitter), so that a mail server that comes back is not met by all at once.
pub fn longest_pause(attempts: u16) -> TimeDelta {
    let seconds = 5_i64 << attempts.min(10);
    TimeDelta::seconds(seconds.min(3_600))
}

/// A page of the portal where a password is chosen. What stands behind the `#` no browser sends anywhere: the token, and by
/// which rules the password is judged, where they are not the usual ones.
pub fn link(page: &str, profile: Profile, token: &str) -> String {
    match profile {
        Profile::Nist => format!("{page}#token={token}"),
        Profile::Mlps3 => format!("{page}#rules={}&token={token}", profile.name()),
    }
}

/// The letter that lets somebody choose a new password.
pub fn reset_letter(to: &str, tenant: &str, link: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: format!("Choose a new password for {tenant} / 为 {tenant} 设置新密码"),
        text: format!(
            "Somebody asked for a new password for your account in \"{tenant}\". If it was you, open this within half an \
             hour:\n\n{link}\n\nIf it was not you, do nothing: your password stays as it is.\n\n\
             有人为您在“{tenant}”的账户申请设置新密码。如果是您本人，请在半小时内打开以上链接；如果不是，请忽略此邮件，密码不会改变。\n"
        ),
    }
}

/// The letter that asks whether a new address is right.
pub fn email_letter(to: &str, portal: &str, tenant: &str, token: &str) -> Letter {
    let link = format!("{portal}/email#token={token}");
    Letter {
        to: to.to_owned(),
        subject: format!("Confirm your new address for {tenant} / 确认您在 {tenant} 的新邮箱"),
        text: format!(
            "This address is to become that of an account in \"{tenant}\". If that is right, open this within a day:\n\n\
             {link}\n\nIf you know nothing of it, do nothing: nothing changes.\n\n\
             有人希望将此邮箱设为“{tenant}”中某账户的邮箱。如果无误，请在一天内打开以上链接；如果您不知情，请忽略此邮件，不会有任何改变。\n"
        ),
    }
}

/// The notice to the address that is to be replaced, with the way to undo it.
pub fn email_notice(to: &str, portal: &str, tenant: &str, token: &str) -> Letter {
    let link = format!("{portal}/email#undo={token}");
    Letter {
        to: to.to_owned(),
        subject: format!("Your address for {tenant} is being changed / 您在 {tenant} 的邮箱正在变更"),
        text: format!(
            "Somebody who is signed in as you asked for another address for your account in \"{tenant}\". If it was you, do \
             nothing. If it was not, open this, until three days after the change, to keep this address and to end every \
             session; then choose a new password:\n\n{link}\n\n\
             有人以您的身份为您在“{tenant}”的账户申请更换邮箱。如果是您本人，请忽略此邮件；如果不是，请在变更后三天内打开以上链接：\
             原邮箱将予保留，所有会话将结束，随后请设置新密码。\n"
        ),
    }
}

/// The letter that carries a code. Its subject does not: subjects are shown on locked screens.
pub fn code_letter(to: &str, code: &Code) -> Letter {
    let code = code.expose();
    Letter {
        to: to.to_owned(),
        subject: "Your one-time code / 您的一次性验证码".to_owned(),
        text: format!(
            "{code}\n\nThis code is good once, for ten minutes, where you have just asked for it. Nobody will ever ask you \
             for it: whoever does wants to come in as you. If you have asked for nothing, choose a new password: somebody \
             may know yours.\n\n\
             以上验证码仅可使用一次，十分钟内有效，仅用于您刚才的操作。任何人都不会向您索要验证码。如果不是您本人操作，请立即更换密码，您的密码可能已泄露。\n"
        ),
    }
}

/// The text message that carries a code: seventy characters at most, which is one message in any alphabet.
pub fn code_text(to: &Phone, code: &Code) -> Text {
    let code = code.expose();
    Text {
        to: to.expose().to_owned(),
        text: format!("Yunshu code {code}, 10 min. Tell nobody. 云枢验证码，10分钟内有效，请勿告知他人。"),
    }
}

/// The letter that invites somebody.
pub fn invitation_letter(to: &str, tenant: &str, link: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: format!("Invitation to {tenant} / {tenant} 邀请您加入"),
        text: format!(
            "You are invited to \"{tenant}\". Open this to choose a password and come in:\n\n{link}\n\n\
             If you do not know why you get this, ignore it.\n\n\
             “{tenant}”邀请您加入。请打开以上链接设置密码。如果您不了解此邮件的来由，请忽略。\n"
        ),
    }
}

/// The letter that tells a tenant's keepers of an emergency: nobody of theirs was asked. Who came in is named as in their log.
pub fn emergency_letter(to: &str, portal: &str, tenant: &str, access: &Access) -> Letter {
    let named = |operator| Principal::Operator(operator).to_string();
    let who = named(access.operator);
    let second = access.confirmed_by.map_or_else(String::new, named);
    let until = access.ends_at.unwrap_or(access.updated_at);
    let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (role, reason) = (access.role.name(), &access.reason);
    let (log, end) = (
        format!("{portal}/audit?actor={who}"),
        format!("{portal}/operator-access"),
    );
    Letter {
        to: to.to_owned(),
        subject: format!("Emergency access to {tenant} / {tenant} 的紧急访问"),
        text: format!(
            "An operator of the platform has been let into \"{tenant}\" without its consent, in an emergency, by the word of \
             a second operator.\n\n\
             Who / 访问者: {who}\nConfirmed by / 确认者: {second}\nAs / 角色: {role}\nWhy / 原因: {reason}\n\
             Until / 截止: {until}\n\n\
             Every call they make is in your audit log, reads too:\n{log}\n\nYou can shut them out at any time:\n{end}\n\n\
             平台运维人员因紧急情况，经第二名运维人员确认，未经贵方同意获准访问“{tenant}”。其每次调用（包括读取）均记入贵方审计日志，\
             贵方可随时终止其访问，见以上链接。\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_opens_in_its_own_row_alone() {
        let kek = Kek::new([7; 32]);
        let (id, other) = (EventId::mint(), EventId::mint());
        let errand = Errand::Reset {
            email: "ada@example.com".to_owned(),
            tenant: None,
        };
        let sealed = errand.seal(&kek, id).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("ada@"));
        assert_eq!(Errand::open(&kek, id, &sealed), Ok(errand));
        assert_eq!(Errand::open(&kek, other, &sealed), Err(Unreadable));
    }

    #[test]
    fn a_link_names_rules_that_are_not_the_usual_ones() {
        assert_eq!(link("/reset", Profile::Nist, "t"), "/reset#token=t");
        assert_eq!(link("/reset", Profile::Mlps3, "t"), "/reset#rules=mlps3&token=t");
    }

    #[test]
    fn t24_a_message_with_a_code_is_sealed_short_and_not_in_a_subject() {
        let kek = Kek::new([7; 32]);
        let (code, id) = (Code::make(), EventId::mint());
        let text = code_text(&Phone::check("", "+4915112345678").unwrap(), &code);
        assert!(text.text.contains(code.expose()) && text.text.chars().count() <= 70);
        let letter = code_letter("ada@example.com", &code);
        assert!(letter.text.starts_with(code.expose()) && !letter.subject.contains(code.expose()));
        assert_eq!(
            (format!("{text:?}"), format!("{letter:?}")),
            ("Text(..)".into(), "Letter(..)".into())
        );
        let errand = Errand::Text(text);
        let sealed = errand.seal(&kek, id).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains(code.expose()));
        assert_eq!(Errand::open(&kek, id, &sealed), Ok(errand));
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<_> = (0..20).map(longest_pause).collect();
        assert!(pauses.is_sorted());
        assert_eq!(pauses.first().unwrap().num_seconds(), 5);
        assert_eq!(pauses.last().unwrap().num_seconds(), 3_600);
    }
}
