import type { codes as en } from "./en-codes";

/** Codes by SMS and mail. */
export const codes: Record<keyof typeof en, string> = {
  "factor.kind.sms": "短信验证码",
  "factor.kind.email": "邮件验证码",
  "factor.weaker": "较弱",
  "factor.use_sms": "使用短信验证码",
  "factor.use_email": "使用邮件验证码",

  "sent.send": "发送验证码",
  "sent.again": "重新发送验证码",
  "sent.weaker": "仅在您请求时发送验证码。验证码仅可使用一次，十分钟内有效。",
  "sent.on_its_way": "验证码已发往 {{to}}，仅可使用一次，十分钟内有效；重新发送后旧验证码失效。",
  "sent.code.hint": "最近一条消息中的八位数字。",
  "sent.code.bad": "请输入八位数字",
  "sent.add.sms": "添加短信验证码",
  "sent.add.email": "添加邮件验证码",
  "sent.name.sms": "手机",
  "sent.name.email": "邮箱",
  "sent.why.sms": "弱于通行密钥和身份验证器：短信可能在途中被截取，号码也可能被转移到他人的卡上。",
  "sent.why.email": "弱于通行密钥和身份验证器：能读取您邮件的人既能重设密码，也能收到验证码。",
  "sent.phone": "手机号码",
  "sent.phone.hint": "请加上国家代码，例如 +86。",

  "policy.weaker": "允许使用的较弱因素",
  "policy.weaker.hint":
    "短信和邮件比通行密钥更容易落入他人之手，因此这些验证码不计入必需的第二因素；已有更强因素的人也不能用它们重新验证身份。取消后，它们不再作为因素使用。",
  "policy.weaker.none": "本平台的运营者尚未配置短信或邮件。",
};
