import type { passkeys as en } from "./en-passkeys";

/** Passkeys. */
export const passkeys: Record<keyof typeof en, string> = {
  "factor.kind.webauthn": "通行密钥",
  "factor.add_passkey": "添加通行密钥",
  "factor.rename": "重命名",
  "factor.rename.of": "重命名 {{name}}",
  "factor.use_passkey": "使用通行密钥",

  "passkey.name.usual": "通行密钥",
  "passkey.hint": "您的设备将要求验证指纹、面容或 PIN 码。使用通行密钥登录无需密码。",
  "passkey.go": "继续",
  "passkey.second": "您的设备将要求验证指纹、面容或 PIN 码。",
  "passkey.refused": "此通行密钥无法在此登录，请使用其他方式。",
  "passkey.again": "通行密钥未通过验证。请重试或使用其他方式。",

  "problem.passkey_dismissed": "未出示通行密钥",
  "problem.passkey_there": "此设备已有您的通行密钥",
};
