/** Passkeys: what the browser's own API takes and gives, in the JSON of Web Authentication level 3, which the server speaks. */
import { Problem } from "./problem";
import type { Assertion, CreationOptions, NewCredential, RequestOptions } from "./types";

/** Has this browser passkeys at all? */
export const supported = (): boolean => typeof PublicKeyCredential !== "undefined" && window.isSecureContext;

/** Does it offer them while an address is typed? */
export async function conditional(): Promise<boolean> {
  if (!supported()) return false;
  // Older browsers have the type and not the question.
  const ask: unknown = Reflect.get(PublicKeyCredential, "isConditionalMediationAvailable");
  return typeof ask === "function" && PublicKeyCredential.isConditionalMediationAvailable();
}

export function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

export function text(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const keys = (list: RequestOptions["allowCredentials"]): PublicKeyCredentialDescriptor[] =>
  list.map(({ id, transports }) => ({
    type: "public-key",
    id: bytes(id),
    ...(transports.length > 0 ? { transports: transports as AuthenticatorTransport[] } : {}),
  }));

/** Has the device make a key. */
export async function create(options: CreationOptions): Promise<NewCredential> {
  const { rp, user, challenge, pubKeyCredParams, timeout, excludeCredentials } = options;
  const made = await navigator.credentials
    .create({
      publicKey: {
        rp,
        user: { ...user, id: bytes(user.id) },
        challenge: bytes(challenge),
        pubKeyCredParams: pubKeyCredParams as PublicKeyCredentialParameters[],
        ...(timeout ? { timeout } : {}),
        excludeCredentials: keys(excludeCredentials),
        authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
        attestation: options.attestation as AttestationConveyancePreference,
      },
    })
    .catch(explained);
  const { id, response } = made as PublicKeyCredential & { response: AuthenticatorAttestationResponse };
  return {
    id,
    type: "public-key",
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports(),
    },
  };
}

/** Has the device show a key. With `mediation`, it is offered where an address is typed, until `signal` ends it. */
export async function show(
  options: RequestOptions,
  how: { mediation?: "conditional"; signal?: AbortSignal } = {},
): Promise<Assertion> {
  const { challenge, timeout, rpId, allowCredentials } = options;
  const shown = await navigator.credentials
    .get({
      ...how,
      publicKey: {
        challenge: bytes(challenge),
        ...(timeout ? { timeout } : {}),
        rpId,
        allowCredentials: keys(allowCredentials),
        userVerification: "required",
      },
    })
    .catch(explained);
  const { id, response } = shown as PublicKeyCredential & { response: AuthenticatorAssertionResponse };
  return {
    id,
    type: "public-key",
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      ...(response.userHandle ? { userHandle: text(response.userHandle) } : {}),
    },
  };
}

/** The browser says in one word what it will not say more of, so that pages cannot find out which keys there are. */
function explained(error: unknown): never {
  const name = error instanceof DOMException ? error.name : "";
  const code = name === "InvalidStateError" ? "passkey_there" : "passkey_dismissed";
  throw new Problem(0, code, "No passkey", undefined, undefined, []);
}
