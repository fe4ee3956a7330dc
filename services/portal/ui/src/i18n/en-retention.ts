/** How long the audit log keeps what its entries tell, and legal holds. */
export const retention = {
  "retention.title": "Retention",
  "retention.days": "Keep what entries tell for",
  "retention.days.hint":
    "In days, half a year (180) at least. What changed and the address are erased then; who did what and when stays, and so does every proof.",
  "retention.days.unit": "days",
  "retention.save": "Save",
  "retention.saved": "Saved",
  "retention.held": "Nothing is erased now: {{number}} legal holds are on.",
  "retention.holds": "Legal holds",
  "retention.holds.hint": "While one is on, nothing is erased from the log, however old.",
  "retention.holds.none": "No legal hold was ever set",
  "retention.hold.new": "Set a hold",
  "retention.hold.name": "Name",
  "retention.hold.reason": "Reason",
  "retention.hold.since": "On since",
  "retention.hold.until": "Lifted",
  "retention.hold.on": "on",
  "retention.hold.set": "The hold is on",
  "retention.hold.lift": "Lift",
  "retention.hold.lift.title": "Lift “{{name}}”?",
  "retention.hold.lift.hint":
    "If no other hold is on, what is older than the log is kept is erased from then on, for good.",
  "retention.hold.lifted": "“{{name}}” is lifted",
  "retention.erased": "erased: older than the log keeps it",
};
