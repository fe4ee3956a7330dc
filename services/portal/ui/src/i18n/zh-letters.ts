import type { letters as en } from "./en-letters";

/** Events that could not be applied. */
export const letters: Record<keyof typeof en, string> = {
  "nav.letters": "失败事件",

  "letters.title": "失败事件",
  "letters.why":
    "平台某个部分未能处理的事件。其余一切照常运行，这些事件等待人工查看。事件内容属于所属组织，此处不显示。",
  "letters.empty": "没有失败的事件",
  "letters.kind": "事件",
  "letters.consumer": "未能处理者",
  "letters.consumer.find": "只看该处理者",
  "letters.cause": "原因",
  "letters.attempts": "尝试次数",
  "letters.tenant": "组织",
  "letters.died": "失败时间",
  "letters.state": "状态",
  "letters.state.waiting": "等待处理",
  "letters.state.replaying": "正在重新处理",

  "letters.replay": "重新处理",
  "letters.replay.ask": "重新处理这个事件？",
  "letters.replay.hint": "{{consumer}} 将再处理一次，不按原有顺序。若再次失败，事件会带着新的原因回到这里。",
  "letters.replay.done": "数秒内将重新处理",
  "letters.drop": "放弃",
  "letters.drop.ask": "放弃这个事件",
  "letters.drop.hint": "{{consumer}} 将永不处理它。由谁放弃、为何放弃，会记入平台和该组织的日志。",
  "letters.drop.reason": "理由",
  "letters.drop.reason.hint": "该组织可以看到，并保留在其日志中。",
  "letters.drop.done": "已放弃",
};
