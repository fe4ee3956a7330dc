import type { duties as en } from "./en-duties";

export const duties: Record<keyof typeof en, string> = {
  "role.system_administrator": "系统管理员",
  "role.security_administrator": "安全管理员",
  "role.what.system_administrator": "管理项目、云主机和服务账号；不管理人员，不查看审计日志",
  "role.what.security_administrator": "管理人员、角色和规则，可任命所有角色；不操作云主机，不查看审计日志",

  "duty.system": "系统管理",
  "duty.security": "安全管理",
  "duty.audit": "审计管理",
  "duty.several": "多种职责",

  "duties.title": "三员分立",
  "duties.what":
    "系统管理、安全管理、审计管理由不同的人担任（GB/T 22239-2019）。所有者和管理员的角色兼有多种职责，因此分立后无人持有；用户组也不承担任何一种职责。",
  "duties.apart": "三员已分立",
  "duties.apart.hint": "任何途径都无法让一人担任第二种职责。",
  "duties.together": "三员未分立",
  "duties.clear": "没有任何障碍。",
  "duties.ways": "障碍",
  "duties.ways.hint": "请收回这些角色，或改授他人。",
  "duties.why.combines": "角色兼有多种职责",
  "duties.why.by_group": "用户组承担职责",
  "duties.why.several": "角色属于不同职责",
  "duties.lacking": "没有可登录的{{role}}",
  "duties.bindings.of": "{{name}} 的角色",
  "duties.separate": "启用三员分立",
  "duties.separate.ask": "启用三员分立？",
  "duties.separate.hint": "此后任何人都不能再获得第二种职责的角色，立即生效。",
  "duties.separated": "三员已分立",
  "duties.join": "停用三员分立",
  "duties.join.ask": "停用三员分立？",
  "duties.join.hint": "之后一人又可担任多种职责。审计日志会记录操作者。",
  "duties.joined": "三员分立已停用",
};
