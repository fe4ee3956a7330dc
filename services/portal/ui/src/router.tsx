/** Every page's address on one screen. Pages are loaded when they are first visited. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { ACCESS_STATES, type AccessState } from "./access";
import type { BindingFilter, UserFilter } from "./api/identity";
import { owes } from "./api/owed";
import { me, type AuditFilter } from "./api/queries";
import { signedIn } from "./api/session";
import type { ExplainSearch } from "./explain";
import { Shell } from "./layout/shell";
import { NotFound } from "./pages/not-found";
import { Crash } from "./parts/boundary";
import { Waiting } from "./parts/page";
import { homeProject, isOperator } from "./project";

interface Context {
  client: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

export interface Next {
  next?: string | undefined;
}
const next = (search: Record<string, unknown>): Next => {
  const path = text(search["next"]);
  // Only a path of this site: `//elsewhere` is another host.
  return path && /^\/(?![/\\])/.test(path) ? { next: path } : {};
};

const anonymous = createRoute({
  getParentRoute: () => root,
  id: "anonymous",
  component: lazyRouteComponent(() => import("./layout/door"), "Door"),
  beforeLoad: ({ search }: { search: Next }) => {
    if (signedIn()) throw redirect({ to: search.next ?? "/" });
  },
});
const signIn = createRoute({
  getParentRoute: () => anonymous,
  path: "/sign-in",
  validateSearch: next,
  component: lazyRouteComponent(() => import("./pages/sign-in"), "SignIn"),
});
const forgot = createRoute({
  getParentRoute: () => anonymous,
  path: "/forgot",
  component: lazyRouteComponent(() => import("./pages/forgot"), "Forgot"),
});
const signUp = createRoute({
  getParentRoute: () => anonymous,
  path: "/sign-up",
  component: lazyRouteComponent(() => import("./pages/sign-up"), "SignUp"),
});

// Not for the signed-out alone: whoever opens an invitation may be signed in as somebody else.
const invited = createRoute({
  getParentRoute: () => root,
  id: "invited",
  component: lazyRouteComponent(() => import("./layout/door"), "Door"),
});
const accept = createRoute({
  getParentRoute: () => invited,
  path: "/accept",
  component: lazyRouteComponent(() => import("./pages/accept"), "Accept"),
});

const callback = createRoute({
  getParentRoute: () => invited,
  path: "/sign-in/callback",
  component: lazyRouteComponent(() => import("./pages/sign-in/callback"), "Callback"),
});

// A program has sent the person here, or they have come to let one in: signed in, yet outside of what is shown inside.
const asked = createRoute({
  getParentRoute: () => root,
  id: "asked",
  component: lazyRouteComponent(() => import("./layout/door"), "Door"),
  beforeLoad: ({ location }) => {
    if (!signedIn()) throw redirect({ to: "/sign-in", search: { next: location.href } });
  },
});
const authorize = createRoute({
  getParentRoute: () => asked,
  path: "/authorize",
  validateSearch: (search: Record<string, unknown>) => ({ ask: text(search["ask"]) }),
  component: lazyRouteComponent(() => import("./pages/authorize"), "Authorize"),
});
const reset = createRoute({
  getParentRoute: () => invited,
  path: "/reset",
  component: lazyRouteComponent(() => import("./pages/reset"), "Reset"),
});
const email = createRoute({
  getParentRoute: () => invited,
  path: "/email",
  component: lazyRouteComponent(() => import("./pages/email"), "Email"),
});
// Signed in, and good for nothing but what the organisation asks for first.
const settle = createRoute({
  getParentRoute: () => invited,
  path: "/settle",
  validateSearch: next,
  component: lazyRouteComponent(() => import("./pages/settle"), "Settle"),
  beforeLoad: () => {
    if (!signedIn()) throw redirect({ to: "/sign-in" });
  },
  loader: ({ context }) => context.client.query({ ...me(), staleTime: "static" }),
});
const device = createRoute({
  getParentRoute: () => asked,
  path: "/device",
  component: lazyRouteComponent(() => import("./pages/device"), "Device"),
});

const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    const search = location.href === "/" ? {} : { next: location.href };
    if (!signedIn()) throw redirect({ to: "/sign-in", search });
    const known = await context.client.query({ ...me(), staleTime: "static" });
    if (owes(known)) throw redirect({ to: "/settle", search });
  },
  loader: ({ context }) => context.client.query({ ...me(), staleTime: "static" }),
});
const home = createRoute({
  getParentRoute: () => inside,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/no-project"), "NoProject"),
  beforeLoad: async ({ context }) => {
    const known = await context.client.query({ ...me(), staleTime: "static" });
    if (isOperator(known)) throw redirect({ to: "/platform/hosts", replace: true });
    const project = homeProject(known);
    if (project)
      throw redirect({ to: "/projects/$project/vms", params: { project: project.name }, replace: true });
  },
});

export interface VmSearch {
  q?: string | undefined;
  status?: string | undefined;
}
const vms = createRoute({
  getParentRoute: () => inside,
  path: "/projects/$project/vms",
  validateSearch: (search: Record<string, unknown>): VmSearch => ({
    q: text(search["q"]),
    status: text(search["status"]),
  }),
  component: lazyRouteComponent(() => import("./pages/vms"), "Vms"),
});
const vmNew = createRoute({
  getParentRoute: () => inside,
  path: "/projects/$project/vms/new",
  component: lazyRouteComponent(() => import("./pages/vm-new"), "VmNew"),
});
const vm = createRoute({
  getParentRoute: () => inside,
  path: "/projects/$project/vms/$vm",
  component: lazyRouteComponent(() => import("./pages/vm"), "Vm"),
});
const audit = createRoute({
  getParentRoute: () => inside,
  path: "/audit",
  validateSearch: (search: Record<string, unknown>): AuditFilter => ({
    since: text(search["since"]),
    until: text(search["until"]),
    actor: text(search["actor"]),
    action: text(search["action"]),
    object: text(search["object"]),
    outcome: text(search["outcome"]),
  }),
  component: lazyRouteComponent(() => import("./pages/audit"), "Audit"),
});
const proof = createRoute({
  getParentRoute: () => inside,
  path: "/audit/proof",
  component: lazyRouteComponent(() => import("./pages/audit/proof"), "Proof"),
});
const compliance = createRoute({
  getParentRoute: () => inside,
  path: "/audit/compliance",
  component: lazyRouteComponent(() => import("./pages/audit/compliance"), "Compliance"),
});
const retention = createRoute({
  getParentRoute: () => inside,
  path: "/audit/retention",
  component: lazyRouteComponent(() => import("./pages/audit/retention"), "Retention"),
});

const security = createRoute({
  getParentRoute: () => inside,
  path: "/account",
  component: lazyRouteComponent(() => import("./pages/security"), "Security"),
});

const users = createRoute({
  getParentRoute: () => inside,
  path: "/people",
  validateSearch: (search: Record<string, unknown>): UserFilter => ({
    q: text(search["q"]),
    enabled: typeof search["enabled"] === "boolean" ? search["enabled"] : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/people/users"), "Users"),
});
const invitations = createRoute({
  getParentRoute: () => inside,
  path: "/people/invitations",
  component: lazyRouteComponent(() => import("./pages/people/invitations"), "Invitations"),
});
const groups = createRoute({
  getParentRoute: () => inside,
  path: "/people/groups",
  component: lazyRouteComponent(() => import("./pages/people/groups"), "Groups"),
});

const providers = createRoute({
  getParentRoute: () => inside,
  path: "/people/providers",
  component: lazyRouteComponent(() => import("./pages/people/providers"), "Providers"),
});

const roles = createRoute({
  getParentRoute: () => inside,
  path: "/roles",
  component: lazyRouteComponent(() => import("./pages/roles/list"), "Roles"),
});
const bindings = createRoute({
  getParentRoute: () => inside,
  path: "/roles/bindings",
  validateSearch: (search: Record<string, unknown>): BindingFilter => ({
    subject: text(search["subject"]),
    role: text(search["role"]),
    project: text(search["project"]),
  }),
  component: lazyRouteComponent(() => import("./pages/roles/bindings"), "Bindings"),
});

const explain = createRoute({
  getParentRoute: () => inside,
  path: "/roles/explain",
  validateSearch: (search: Record<string, unknown>): ExplainSearch => ({
    who: text(search["who"]),
    permission: text(search["permission"]),
    project: text(search["project"]),
  }),
  component: lazyRouteComponent(() => import("./pages/roles/explain"), "Explain"),
});

const policies = createRoute({
  getParentRoute: () => inside,
  path: "/policies",
  component: lazyRouteComponent(() => import("./pages/policies"), "Policies"),
});
const programs = createRoute({
  getParentRoute: () => inside,
  path: "/programs",
  component: lazyRouteComponent(() => import("./pages/programs"), "Programs"),
});
const webhooks = createRoute({
  getParentRoute: () => inside,
  path: "/webhooks",
  component: lazyRouteComponent(() => import("./pages/webhooks"), "Webhooks"),
});

export interface AccessSearch {
  state?: AccessState | undefined;
}
const accessSearch = (search: Record<string, unknown>): AccessSearch => ({
  state: ACCESS_STATES.find((state) => state === search["state"]),
});
const operatorAccess = createRoute({
  getParentRoute: () => inside,
  path: "/operator-access",
  validateSearch: accessSearch,
  component: lazyRouteComponent(() => import("./pages/access"), "OperatorAccess"),
});
const tenants = createRoute({
  getParentRoute: () => inside,
  path: "/platform/tenants",
  component: lazyRouteComponent(() => import("./pages/platform/tenants"), "Tenants"),
});
const tenantAccess = createRoute({
  getParentRoute: () => inside,
  path: "/platform/access",
  validateSearch: accessSearch,
  component: lazyRouteComponent(() => import("./pages/platform/access"), "TenantAccess"),
});
const deadLetters = createRoute({
  getParentRoute: () => inside,
  path: "/platform/failed-events",
  component: lazyRouteComponent(() => import("./pages/platform/letters"), "DeadLetters"),
});

const platform = () => import("./pages/platform");
const pools = createRoute({
  getParentRoute: () => inside,
  path: "/platform/pools",
  component: lazyRouteComponent(platform, "Pools"),
});
const hosts = createRoute({
  getParentRoute: () => inside,
  path: "/platform/hosts",
  component: lazyRouteComponent(platform, "Hosts"),
});
const flavors = createRoute({
  getParentRoute: () => inside,
  path: "/platform/flavors",
  component: lazyRouteComponent(platform, "Flavors"),
});
const images = createRoute({
  getParentRoute: () => inside,
  path: "/platform/images",
  component: lazyRouteComponent(platform, "Images"),
});

const keys = createRoute({
  getParentRoute: () => inside,
  path: "/keys",
  component: lazyRouteComponent(() => import("./pages/keys"), "Keys"),
});

const tree = root.addChildren([
  anonymous.addChildren([signIn, forgot, signUp]),
  invited.addChildren([accept, reset, email, settle, callback]),
  asked.addChildren([authorize, device]),
  inside.addChildren([
    ...[home, vms, vmNew, vm, audit, proof, compliance, retention, security],
    ...[users, invitations, groups, providers, roles, bindings, explain, policies, programs],
    ...[webhooks, keys],
    ...[pools, hosts, flavors, images],
    ...[operatorAccess, tenants, tenantAccess, deadLetters],
  ]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: "intent",
    defaultPendingComponent: Waiting,
    defaultErrorComponent: Crash,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
