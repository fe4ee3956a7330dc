import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { Plus, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { invitations } from "../../api/identity";
import type { InvitationView } from "../../api/types";
import { known } from "../../i18n";
import { invitationUrl } from "../../invitation";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { ShownOnce } from "../../parts/once";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { Dot } from "../../parts/status";
import { useProjectName } from "../../project";
import type { Tone } from "../../vm";
import { PeopleHead } from "../people";
import { Invite } from "./invite";

const TONES: Record<string, Tone> = { open: "moving", accepted: "good", revoked: "idle", expired: "idle" };

export function Invitations() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay();
  const list = useInfiniteQuery(invitations());
  const [inviting, setInviting] = useState(false);
  const [link, setLink] = useState<string>();
  const columns = useColumns();
  return (
    <>
      <PeopleHead>
        {may("invitation.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setInviting(true)}>
            {t("invite.create")}
          </Button>
        )}
      </PeopleHead>
      <Paged
        label={t("people.invitations")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("invite.empty")} hint={t("invite.empty.hint")} />}
      />
      {inviting && (
        <Invite
          onClose={() => setInviting(false)}
          onMade={(made) => {
            setInviting(false);
            setLink(invitationUrl(made, location.origin));
            void client.invalidateQueries({ queryKey: ["invitations"] });
          }}
        />
      )}
      {link && (
        <ShownOnce
          title={t("invite.once")}
          hint={t("invite.once.hint")}
          label={t("invite.once")}
          secrets={[link]}
          onClose={() => setLink(undefined)}
        />
      )}
    </>
  );
}

function useColumns(): Column<InvitationView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const projectName = useProjectName();
  const { act, ask } = useAct(
    ({ id }: InvitationView) =>
      unwrap(api.DELETE("/api/v1/invitations/{invitation}", { params: { path: { invitation: id } } })),
    ({ email }) => t("invite.revoked", { email }),
    ["invitations"],
  );
  return [
    { key: "email", title: t("auth.email"), card: "title", render: ({ email }) => <strong>{email}</strong> },
    {
      key: "state",
      title: t("vm.status"),
      card: "corner",
      render: ({ status }) => <Dot tone={TONES[status] ?? "unknown"}>{known("invite.status", status)}</Dot>,
    },
    { key: "role", title: t("invite.role"), render: ({ role }) => known("role", role) },
    {
      key: "where",
      title: t("role.where"),
      render: ({ project_id }) => (project_id ? projectName(project_id) : t("role.where.all")),
    },
    { key: "created", title: t("invite.sent"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "expires",
      title: t("invite.expires"),
      render: ({ status, expires_at }) => (status === "open" ? <Ago at={expires_at} ahead /> : "–"),
    },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (invitation) =>
        invitation.status === "open" &&
        may("invitation.delete") && (
          <Button
            type="text"
            size="small"
            aria-label={t("invite.revoke.of", { email: invitation.email })}
            title={t("invite.revoke")}
            icon={<Undo2 size={15} aria-hidden />}
            loading={act.isPending && act.variables.id === invitation.id}
            onClick={() =>
              ask(invitation, {
                title: t("invite.revoke.ask", { email: invitation.email }),
                hint: t("invite.revoke.hint"),
                ok: t("invite.revoke"),
              })
            }
          />
        ),
    },
  ];
}
