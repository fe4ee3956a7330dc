import type { oauth as en } from "./en-oauth";

export const oauth: Record<keyof typeof en, string> = {
  "consent.title": "允许 {{name}} 访问吗？",
  "consent.ask": "允许应用访问",
  "consent.as": "当前登录：{{email}}（{{tenant}}）。",
  "consent.what": "{{name}} 将可以：",
  "consent.bounds": "不会超出你自己的权限。可随时在“你的账户”中结束。",
  "consent.goes": "之后将转到 {{host}}。",
  "consent.yes": "允许",
  "consent.no": "拒绝",
  "consent.broken": "链接不完整。请回到应用重新开始。",
  "consent.other": "以其他身份登录",
  "scope.openid": "知道你是谁",
  "scope.profile": "读取你的姓名",
  "scope.email": "读取你的邮箱地址",
  "scope.all": "执行你能执行的所有操作",
  "scope.action": "执行 {{action}}",
};
