import { useMutation, useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { Link2, Unlink } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { leave, myIdentities, offered, type LinkedIdentity } from "../../api/providers";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { Ago, Nothing } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { useMe } from "../../project";

/** By which providers the caller signs in. Not there where the organisation has none. */
export function Identities() {
  const { t } = useTranslation();
  const { tenant } = useMe();
  const linked = useQuery(myIdentities());
  const offers = useQuery(offered(tenant.name));
  const columns = useColumns();
  const link = useMutation({
    mutationFn: async (provider: string) =>
      leave(await unwrap(api.POST("/api/v1/me/identities", { body: { provider } })), { why: "link" }),
  });
  const rows = linked.data?.items;
  const open = (offers.data?.items ?? []).filter(({ name }) => !rows?.some((row) => row.provider === name));
  if (!linked.error && !rows?.length && open.length === 0) return null;
  return (
    <Block
      title={t("identity.title")}
      hint={t("identity.why")}
      actions={open.map(({ name, display_name }) => (
        <Button
          key={name}
          icon={<Link2 size={15} aria-hidden />}
          loading={link.isPending && link.variables === name}
          onClick={() => link.mutate(name)}
        >
          {t("identity.link", { name: display_name })}
        </Button>
      ))}
    >
      {link.error && <ProblemAlert error={link.error} />}
      {linked.error ? (
        <ProblemAlert error={linked.error} onRetry={() => void linked.refetch()} />
      ) : (
        <Records
          label={t("identity.title")}
          rows={rows}
          columns={columns}
          rowKey={({ id }) => id}
          empty={<Nothing title={t("identity.empty")} hint={t("identity.empty.hint")} />}
        />
      )}
    </Block>
  );
}

function useColumns(): Column<LinkedIdentity>[] {
  const { t } = useTranslation();
  const { act, ask } = useAct(
    ({ id }: LinkedIdentity) =>
      unwrap(api.DELETE("/api/v1/me/identities/{identity}", { params: { path: { identity: id } } })),
    ({ provider_display_name: name }) => t("identity.unlinked", { name }),
    ["identities"],
  );
  return [
    {
      key: "provider",
      title: t("provider.title.one"),
      card: "title",
      render: ({ provider_display_name }) => <strong>{provider_display_name}</strong>,
    },
    { key: "subject", title: t("identity.subject"), render: ({ subject }) => <code>{subject}</code> },
    {
      key: "used",
      title: t("factor.used"),
      render: ({ used_at }) => (used_at ? <Ago at={used_at} /> : t("never")),
    },
    { key: "created", title: t("identity.since"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (linked) => (
        <Button
          type="text"
          size="small"
          aria-label={t("identity.unlink.of", { name: linked.provider_display_name })}
          icon={<Unlink size={15} aria-hidden />}
          loading={act.isPending && act.variables.id === linked.id}
          onClick={() =>
            ask(linked, {
              title: t("identity.unlink.ask", { name: linked.provider_display_name }),
              hint: t("identity.unlink.hint"),
              ok: t("identity.unlink"),
            })
          }
        />
      ),
    },
  ];
}
