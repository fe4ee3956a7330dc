/** Events that could not be applied. */
export const letters = {
  "nav.letters": "Failed events",

  "letters.title": "Failed events",
  "letters.why":
    "Events that a part of the platform could not apply. Everything else goes on; these wait for somebody to look. What is in them is their organisation's and is not shown.",
  "letters.empty": "Nothing has failed",
  "letters.kind": "Event",
  "letters.consumer": "Could not be applied by",
  "letters.consumer.find": "Only of this consumer",
  "letters.cause": "Cause",
  "letters.attempts": "Tries",
  "letters.tenant": "Organisation",
  "letters.died": "Failed",
  "letters.state": "State",
  "letters.state.waiting": "Waiting",
  "letters.state.replaying": "Being applied",

  "letters.replay": "Apply again",
  "letters.replay.ask": "Apply this event again?",
  "letters.replay.hint":
    "{{consumer}} applies it once more, out of its order. If it fails again it comes back here, with its new cause.",
  "letters.replay.done": "It will be applied within seconds",
  "letters.drop": "Give up",
  "letters.drop.ask": "Give this event up",
  "letters.drop.hint":
    "{{consumer}} will never apply it. Who gave it up and why is in the log of the platform and of the organisation.",
  "letters.drop.reason": "Reason",
  "letters.drop.reason.hint": "The organisation reads it, and it stays in its log.",
  "letters.drop.done": "Given up",
};
