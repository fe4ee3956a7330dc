/**
 * The wire types under the names the pages use. Everything comes from the generated schema; only words that the API may
 * add to ("new words may come") are widened, so that no page relies on knowing them all.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export interface Page<T> {
  items: T[];
  next_page?: string | null;
}

/** Whoever is in the portal has signed in, and only people do. */
export type Me = Schemas["MeView"] & { user: Schemas["MyPerson"] };
export type SignedIn = Schemas["SignedIn"];
export type VmView = Omit<Schemas["VmView"], "status"> & { status: string };
export type CreateVm = Schemas["CreateVm"];
export type OperationView = Omit<Schemas["OperationView"], "status"> & { status: string };
export type FlavorView = Schemas["FlavorView"];
export type ImageView = Schemas["ImageView"];
export type QuotaView = Schemas["QuotaView"];
export type PoolView = Schemas["PoolView"];
export type HostView = Omit<Schemas["HostView"], "status"> & { status: string };
export type AuditEvent = Schemas["AuditEventView"];
export type CheckpointView = Schemas["CheckpointView"];
export type ControlView = Schemas["ControlView"];
export type AuditRetentionView = Schemas["AuditRetentionView"];
export type AuditHoldView = Schemas["AuditHoldView"];
export type TenantKeysView = Schemas["TenantKeysView"];
export type ExternalKeyView = Schemas["ExternalKeyView"];
export type DataKeyView = Schemas["DataKeyView"];
export type LogKeyView = Schemas["LogKeyView"];
export type PlacementRecord = Schemas["Record"];
export type ProblemBody = Schemas["Problem"];
export type MfaRequired = Schemas["MfaRequired"];
export type StepUp = Schemas["StepUp"];
export type FactorsView = Schemas["FactorsView"];
export type StepUpPasskey = Schemas["StepUpPasskey"];
export type FactorView = Schemas["FactorView"];
export type EnrolledTotp = Schemas["EnrolledTotp"];
export type EnrolledSent = Schemas["EnrolledSent"];
export type SentCode = Schemas["SentCode"];
export type UserView = Schemas["UserView"];
export type InvitationView = Omit<Schemas["InvitationView"], "status"> & { status: string };
export type GroupView = Schemas["GroupView"];
export type RoleView = Schemas["RoleView"];
export type RoleBindingView = Schemas["RoleBindingView"];
export type SubjectKind = Schemas["SubjectKind"];
export type ActiveSession = Schemas["ActiveSession"];
export type ApiKeyView = Schemas["ApiKeyView"];
export type CreateApiKey = Schemas["CreateApiKey"];
export type SignInPolicy = Schemas["SignInPolicyView"];
export type DutiesPolicy = Schemas["DutiesPolicyView"];
export type Explain = Schemas["Explain"];
export type Ground = Omit<Schemas["Ground"], "part"> & { part: string };
export type Explanation = Omit<Schemas["Explanation"], "reason" | "bindings"> & {
  reason: string;
  bindings: Ground[];
};
export type PasswordPolicy = Schemas["PasswordPolicyView"];
export type MemberView = Schemas["MemberView"];
export type CreationOptions = Schemas["CreationOptions"];
export type RequestOptions = Schemas["RequestOptions"];
/** What the server does not look at is left out. */
export type NewCredential = Schemas["NewCredential"];
export type Assertion = Schemas["Assertion"];
export type ServiceAccountView = Schemas["ServiceAccountView"];
export type AccountCredentialView = Schemas["AccountCredentialView"];
export type OauthClientView = Schemas["OauthClientView"];
export type OperatorAccessView = Omit<Schemas["OperatorAccessView"], "state"> & { state: string };
export type DeadLetterView = Schemas["DeadLetterView"];
export type WebhookView = Schemas["WebhookView"];
export type DeliveryView = Schemas["DeliveryView"];
export type DeliveryState = Schemas["DeliveryState"];
export type TenantRecordView = Schemas["TenantRecordView"];
export type CreateOauthClient = Schemas["CreateOauthClient"];
