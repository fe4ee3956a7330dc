/** Passkeys. */
export const passkeys = {
  "factor.kind.webauthn": "Passkey",
  "factor.add_passkey": "Add a passkey",
  "factor.rename": "Rename",
  "factor.rename.of": "Rename {{name}}",
  "factor.use_passkey": "Use a passkey",

  "passkey.name.usual": "Passkey",
  "passkey.hint":
    "Your device asks for your finger, your face or its PIN. A passkey signs you in without a password.",
  "passkey.go": "Go on",
  "passkey.second": "Your device asks for your finger, your face or its PIN.",
  "passkey.refused": "This passkey opens nothing here. Sign in another way.",
  "passkey.again": "This passkey was not taken. Try again, or show something else.",

  "problem.passkey_dismissed": "No passkey was shown",
  "problem.passkey_there": "This device has a passkey of yours already",
};
