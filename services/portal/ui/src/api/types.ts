/** The wire types under the names the pages use. Everything comes from the generated schema. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Me = Schemas["Me"];
export type VmView = Schemas["VmView"];
export type CreateVm = Schemas["CreateVm"];
export type FlavorView = Schemas["FlavorView"];
export type ImageView = Schemas["ImageView"];
export type QuotaView = Schemas["QuotaView"];
export type PoolView = Schemas["PoolView"];
export type HostView = Schemas["HostView"];
export type AuditEvent = Schemas["AuditEvent"];
export type PlacementView = Schemas["PlacementView"];
export type LoginAnswer = Schemas["LoginAnswer"];
export type ProblemBody = Schemas["Problem"];
