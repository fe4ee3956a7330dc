/** Codes by SMS and mail. */
export const codes = {
  "factor.kind.sms": "Codes by SMS",
  "factor.kind.email": "Codes by mail",
  "factor.weaker": "Weaker",
  "factor.use_sms": "Use a code by SMS",
  "factor.use_email": "Use a code by mail",

  "sent.send": "Send a code",
  "sent.again": "Send another code",
  "sent.weaker": "We send a code when you ask for it. It is good once, for ten minutes.",
  "sent.on_its_way":
    "A code is on its way to {{to}}. It is good once, for ten minutes; another takes its place.",
  "sent.code.hint": "The eight digits of the last message.",
  "sent.code.bad": "Eight digits",
  "sent.add.sms": "Add codes by SMS",
  "sent.add.email": "Add codes by mail",
  "sent.name.sms": "Telephone",
  "sent.name.email": "Mail",
  "sent.why.sms":
    "Weaker than a passkey or an authenticator: text messages are read on their way, and numbers are moved to the cards of others.",
  "sent.why.email":
    "Weaker than a passkey or an authenticator: who reads your letters can choose a new password and gets the code as well.",
  "sent.phone": "Telephone number",
  "sent.phone.hint": "With the country in front, like +49.",

  "policy.weaker": "Weaker factors that people may have",
  "policy.weaker.hint":
    "Text messages and letters are read by others more easily than a passkey is stolen, so these codes never count where a second factor is asked for, and prove nothing anew for whoever has a stronger one. Taken away, they are no factors any more.",
  "policy.weaker.none": "The operator of this platform has set up neither.",
};
