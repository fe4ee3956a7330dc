import { Link, linkOptions, Outlet, useNavigate, useParams, type LinkProps } from "@tanstack/react-router";
import { Button, Drawer, Dropdown, Tooltip } from "antd";
import {
  BookOpen,
  Bot,
  Boxes,
  Building2,
  CircleUser,
  Cpu,
  DoorOpen,
  HardDrive,
  KeyRound,
  LockKeyhole,
  LogOut,
  MailX,
  Menu,
  ScrollText,
  Server,
  ShieldCheck,
  SlidersHorizontal,
  SquareTerminal,
  Users,
  Webhook,
} from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { LiveContext, useLiveStream, type LiveState } from "../api/live";
import { end } from "../api/session";
import { known } from "../i18n";
import { setPrefs, useNarrow } from "../prefs";
import { useMay } from "../may";
import { StepUpDialog } from "../parts/step-up";
import { homeProject, isOperator, mayAudit, useMe, useProject } from "../project";
import { Brand } from "./brand";
import { Controls } from "./controls";
import { ProjectSwitcher } from "./project-switcher";

/** The frame of every page after sign-in; it holds the one event stream. */
export function Shell() {
  const { t } = useTranslation();
  const live = useLiveStream();
  const narrow = useNarrow();
  const [open, setOpen] = useState(false);
  const current = useCurrentProject();
  const mine = useMe();

  useEffect(() => {
    if (current) setPrefs({ project: current.id });
  }, [current]);

  const nav = (
    <>
      {!isOperator(mine) && <ProjectSwitcher current={current} />}
      <Nav onGo={() => setOpen(false)} />
    </>
  );
  return (
    <LiveContext value={live}>
      <StepUpDialog />
      <a className="skip" href="#content">
        {t("app.skip")}
      </a>
      <div className="shell">
        {!narrow && (
          <aside className="side">
            <Link to="/" className="side-brand" aria-label={t("app.title")}>
              <Brand />
            </Link>
            {nav}
          </aside>
        )}
        <div className="stage">
          <header className="top">
            {narrow && (
              <>
                <Button
                  type="text"
                  aria-label={t("nav.menu")}
                  aria-expanded={open}
                  icon={<Menu size={18} aria-hidden />}
                  onClick={() => setOpen(true)}
                />
                <Link to="/" aria-label={t("app.title")}>
                  <Brand />
                </Link>
                <Drawer
                  open={open}
                  onClose={() => setOpen(false)}
                  placement="left"
                  size={272}
                  title={<Brand />}
                  classNames={{ body: "side side-drawer" }}
                >
                  {nav}
                </Drawer>
              </>
            )}
            <span className="top-gap" />
            <Live state={live} />
            <Controls />
            <User />
          </header>
          <main className="content" id="content" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
    </LiveContext>
  );
}

function useCurrentProject() {
  const { project } = useParams({ strict: false });
  const mine = useMe();
  const named = useProject(project ?? "");
  return project ? named : homeProject(mine);
}

function Nav({ onGo }: { onGo: () => void }) {
  const { t } = useTranslation();
  const project = useCurrentProject();
  const mine = useMe();
  const may = useMay();
  const icon = { size: 16, "aria-hidden": true } as const;
  const programs = may("service_account.list") || may("oauth_client.list");
  const access = may("operator_access.list");
  const webhooks = may("webhook.list");
  const people = may("user.list") || may("role.list") || may("policy.read");
  const keys = may("tenant_key.read");
  const tenant = [people, programs, webhooks, access, keys, mayAudit(mine)];
  return (
    <nav aria-label={t("nav.label")} className="nav">
      {project && (
        <Section title={t("nav.project")}>
          <Item
            to={linkOptions({ to: "/projects/$project/vms", params: { project: project.name } })}
            onGo={onGo}
          >
            <SquareTerminal {...icon} />
            {t("nav.vms")}
          </Item>
        </Section>
      )}
      {tenant.some(Boolean) && (
        <Section title={t("nav.tenant")}>
          {may("user.list") && (
            <Item to={linkOptions({ to: "/people" })} onGo={onGo}>
              <Users {...icon} />
              {t("nav.people")}
            </Item>
          )}
          {may("role.list") && (
            <Item to={linkOptions({ to: "/roles" })} onGo={onGo}>
              <ShieldCheck {...icon} />
              {t("nav.roles")}
            </Item>
          )}
          {may("policy.read") && (
            <Item to={linkOptions({ to: "/policies" })} onGo={onGo}>
              <SlidersHorizontal {...icon} />
              {t("nav.policies")}
            </Item>
          )}
          {programs && (
            <Item to={linkOptions({ to: "/programs" })} onGo={onGo}>
              <Bot {...icon} />
              {t("nav.programs")}
            </Item>
          )}
          {webhooks && (
            <Item to={linkOptions({ to: "/webhooks" })} onGo={onGo}>
              <Webhook {...icon} />
              {t("nav.webhooks")}
            </Item>
          )}
          {access && (
            <Item to={linkOptions({ to: "/operator-access" })} onGo={onGo}>
              <DoorOpen {...icon} />
              {t("nav.access")}
            </Item>
          )}
          {keys && (
            <Item to={linkOptions({ to: "/keys" })} onGo={onGo}>
              <LockKeyhole {...icon} />
              {t("nav.keys")}
            </Item>
          )}
          {mayAudit(mine) && (
            <Item to={linkOptions({ to: "/audit" })} onGo={onGo}>
              <ScrollText {...icon} />
              {t("nav.audit")}
            </Item>
          )}
        </Section>
      )}
      {isOperator(mine) && (
        <Section title={t("nav.platform")}>
          <Item to={linkOptions({ to: "/platform/pools" })} onGo={onGo}>
            <Boxes {...icon} />
            {t("nav.pools")}
          </Item>
          <Item to={linkOptions({ to: "/platform/hosts" })} onGo={onGo}>
            <Server {...icon} />
            {t("nav.hosts")}
          </Item>
          <Item to={linkOptions({ to: "/platform/flavors" })} onGo={onGo}>
            <Cpu {...icon} />
            {t("nav.flavors")}
          </Item>
          <Item to={linkOptions({ to: "/platform/tenants" })} onGo={onGo}>
            <Building2 {...icon} />
            {t("nav.tenants")}
          </Item>
          <Item to={linkOptions({ to: "/platform/images" })} onGo={onGo}>
            <HardDrive {...icon} />
            {t("nav.images")}
          </Item>
          <Item to={linkOptions({ to: "/platform/failed-events" })} onGo={onGo}>
            <MailX {...icon} />
            {t("nav.letters")}
          </Item>
        </Section>
      )}
      <Section title="API">
        <li>
          <a className="nav-item" href="/reference">
            <BookOpen {...icon} />
            {t("nav.reference")}
          </a>
        </li>
      </Section>
    </nav>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2>{title}</h2>
      <ul>{children}</ul>
    </section>
  );
}

function Item({ to, onGo, children }: { to: LinkProps; onGo: () => void; children: ReactNode }) {
  return (
    <li>
      <Link
        {...to}
        onClick={onGo}
        className="nav-item"
        activeProps={{ className: "nav-here", "aria-current": "page" }}
      >
        {children}
      </Link>
    </li>
  );
}

function Live({ state }: { state: LiveState }) {
  const { t } = useTranslation();
  return (
    <Tooltip title={t(`live.${state}.hint`)}>
      <span className={`live live-${state}`} role="status">
        <i aria-hidden="true" />
        {t(`live.${state}`)}
      </span>
    </Tooltip>
  );
}

function User() {
  const { t } = useTranslation();
  const { user, tenant, roles } = useMe();
  const narrow = useNarrow();
  const navigate = useNavigate();
  return (
    <Dropdown
      trigger={["click"]}
      placement="bottomRight"
      menu={{
        items: [
          {
            key: "who",
            type: "group",
            label: (
              <div className="who">
                <strong>{user.display_name}</strong>
                <span>{user.email}</span>
                <span>{tenant.name}</span>
                <span>{roles.map((role) => known("role", role)).join(", ")}</span>
              </div>
            ),
          },
          { type: "divider" },
          { key: "account", icon: <KeyRound size={14} aria-hidden />, label: t("nav.security") },
          { key: "out", icon: <LogOut size={14} aria-hidden />, label: t("user.sign_out") },
        ],
        onClick: ({ key }) => {
          if (key === "account") void navigate({ to: "/account" });
          if (key === "out") void end().then(() => navigate({ to: "/sign-in" }));
        },
      }}
    >
      <Button
        type="text"
        aria-label={`${t("user.menu")} ${tenant.name}`}
        aria-haspopup="menu"
        icon={<CircleUser size={17} aria-hidden />}
      >
        {!narrow && <span className="top-user">{tenant.name}</span>}
      </Button>
    </Dropdown>
  );
}
