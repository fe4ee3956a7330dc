/** Programs that people let act for them. */
export const oauth = {
  "consent.title": "Let {{name}} in?",
  "consent.ask": "Let a program in",
  "consent.as": "You are signed in as {{email}} in {{tenant}}.",
  "consent.what": "{{name}} would be able to:",
  "consent.bounds": "Never more than you may do yourself. You can end it at any time under “Your account”.",
  "consent.goes": "You then go on to {{host}}.",
  "consent.yes": "Let it in",
  "consent.no": "Refuse",
  "consent.broken": "This link is not whole. Go back to the program and start again.",
  "consent.other": "Sign in as somebody else",
  "scope.openid": "know who you are",
  "scope.profile": "read your name",
  "scope.email": "read your email address",
  "scope.all": "do all that you may do",
  "scope.action": "do {{action}}",
};
