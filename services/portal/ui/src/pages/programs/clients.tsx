import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Tag } from "antd";
import { Plus, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { clientPages } from "../../api/programs";
import type { OauthClientView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { ShownOnce } from "../../parts/once";
import { Code, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import { Permissions } from "../../parts/permissions";
import type { Column } from "../../parts/records";
import { NewClient } from "./new-client";

/** Programs that people may let act for them, or that learn from here who they are. */
export function Clients() {
  const { t } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const list = useInfiniteQuery(clientPages());
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const columns = useColumns(setSecret);
  return (
    <Block
      title={t("client.title")}
      hint={t("client.hint")}
      actions={
        may("oauth_client.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>
            {t("client.create")}
          </Button>
        )
      }
    >
      <Paged
        label={t("client.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("client.empty")} />}
      />
      {making && (
        <NewClient
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            setSecret(made);
            void client.invalidateQueries({ queryKey: ["oauth-clients"] });
          }}
        />
      )}
      {secret && (
        <ShownOnce
          title={t("client.once")}
          hint={t("account.once.hint")}
          label={t("client.once")}
          secrets={[secret]}
          onClose={() => setSecret(undefined)}
        />
      )}
    </Block>
  );
}

function useColumns(onSecret: (secret: string) => void): Column<OauthClientView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const { act, ask } = useAct(
    ({ id, generation }: OauthClientView) =>
      unwrap(
        api.DELETE("/api/v1/oauth-clients/{client}", {
          params: { path: { client: id }, header: { "If-Match": `"${generation}"` } },
        }),
      ),
    ({ name }) => t("programs.deleted", { name }),
    ["oauth-clients"],
  );
  const renew = useAct(
    async ({ id }: OauthClientView) => {
      const path = "/api/v1/oauth-clients/{client}/secret";
      const made = await unwrap(api.POST(path, { params: { path: { client: id } } }));
      if (made.client_secret) onSecret(made.client_secret);
    },
    ({ name }) => t("client.renewed", { name }),
    ["oauth-clients"],
  );
  return [
    {
      key: "name",
      title: t("key.name"),
      card: "title",
      render: ({ name, enabled }) => (
        <span>
          <strong>{name}</strong> {!enabled && <Tag>{t("people.disabled")}</Tag>}
        </span>
      ),
    },
    { key: "id", title: t("client.id"), render: ({ id }) => <Code value={id} /> },
    { key: "kind", title: t("client.kind"), render: ({ kind }) => t(`client.kind.${kind}`) },
    { key: "scopes", title: t("key.scopes"), render: ({ scopes }) => <Permissions names={scopes} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 96,
      align: "end",
      render: (row) => (
        <span className="row-tools">
          {may("oauth_client.modify") && row.kind === "confidential" && !row.jwks && (
            <Button
              type="text"
              size="small"
              aria-label={t("client.renew.of", { name: row.name })}
              icon={<RefreshCw size={15} aria-hidden />}
              onClick={() =>
                renew.ask(row, {
                  title: t("client.renew.ask", { name: row.name }),
                  hint: t("client.renew.hint"),
                  ok: t("client.renew"),
                })
              }
            />
          )}
          {may("oauth_client.delete") && (
            <Button
              type="text"
              size="small"
              aria-label={t("programs.delete.of", { name: row.name })}
              icon={<Trash2 size={15} aria-hidden />}
              loading={act.isPending && act.variables.id === row.id}
              onClick={() =>
                ask(row, {
                  title: t("programs.delete.ask", { name: row.name }),
                  hint: t("client.delete.hint"),
                  ok: t("programs.delete"),
                })
              }
            />
          )}
        </span>
      ),
    },
  ];
}
