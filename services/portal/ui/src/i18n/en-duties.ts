/** Duties that are kept apart, and the roles that carry one each. */
export const duties = {
  "role.system_administrator": "System administrator",
  "role.security_administrator": "Security administrator",
  "role.what.system_administrator": "Projects, machines and service accounts; no people, no audit log",
  "role.what.security_administrator":
    "People, roles and rules, and appoints to every role; no machines, no audit log",

  "duty.system": "Running systems",
  "duty.security": "Looking after people",
  "duty.audit": "Reading the log",
  "duty.several": "Several duties",

  "duties.title": "Separation of duties",
  "duties.what":
    "Running systems, looking after people and reading the audit log lie with different people (GB/T 22239-2019). The owner's and administrator's roles combine them, so nobody carries these then, and groups carry none of the three.",
  "duties.apart": "Duties are apart",
  "duties.apart.hint": "Nobody can be given a second duty, by whichever way.",
  "duties.together": "Duties are not apart",
  "duties.clear": "Nothing stands in the way.",
  "duties.ways": "In the way",
  "duties.ways.hint": "Take these roles away, or give them to somebody else.",
  "duties.why.combines": "a role combines duties",
  "duties.why.by_group": "a group carries a duty",
  "duties.why.several": "roles of different duties",
  "duties.lacking": "Nobody who can sign in is {{role}}",
  "duties.bindings.of": "Roles of {{name}}",
  "duties.separate": "Keep duties apart",
  "duties.separate.ask": "Keep duties apart?",
  "duties.separate.hint": "From then on nobody is given a role of a second duty. Felt at once.",
  "duties.separated": "Duties are apart",
  "duties.join": "No longer keep them apart",
  "duties.join.ask": "No longer keep duties apart?",
  "duties.join.hint": "One person may then hold several duties again. The audit log shows who did this.",
  "duties.joined": "Duties are no longer apart",
};
