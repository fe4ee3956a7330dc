import type { retention as en } from "./en-retention";

export const retention: Record<keyof typeof en, string> = {
  "retention.title": "留存",
  "retention.days": "记录内容保留",
  "retention.days.hint":
    "单位为天，至少半年（180 天）。到期后抹除变更内容与地址；谁在何时做了什么仍然保留，所有证明依旧成立。",
  "retention.days.unit": "天",
  "retention.save": "保存",
  "retention.saved": "已保存",
  "retention.held": "目前不抹除任何内容：有 {{number}} 项法律保留生效。",
  "retention.holds": "法律保留",
  "retention.holds.hint": "只要有一项生效，无论多旧的内容都不会从日志中抹除。",
  "retention.holds.none": "从未设置过法律保留",
  "retention.hold.new": "设置法律保留",
  "retention.hold.name": "名称",
  "retention.hold.reason": "原因",
  "retention.hold.since": "生效时间",
  "retention.hold.until": "解除时间",
  "retention.hold.on": "生效中",
  "retention.hold.set": "法律保留已生效",
  "retention.hold.lift": "解除",
  "retention.hold.lift.title": "解除“{{name}}”？",
  "retention.hold.lift.hint": "如果没有其他法律保留生效，超过留存期的内容将从此被永久抹除。",
  "retention.hold.lifted": "“{{name}}”已解除",
  "retention.erased": "已抹除：超过留存期",
};
