import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { myKeys } from "../../api/identity";
import type { ApiKeyView } from "../../api/types";
import { time } from "../../format";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { ShownOnce } from "../../parts/once";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import { Permissions } from "../../parts/permissions";
import type { Column } from "../../parts/records";
import { useProjectName } from "../../project";
import { NewKey } from "./new-key";

/** What stands for the caller where nobody can type a password. */
export function Keys() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const list = useInfiniteQuery(myKeys());
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const columns = useColumns();
  return (
    <Block
      title={t("key.title")}
      hint={t("key.hint")}
      actions={
        <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>
          {t("key.create")}
        </Button>
      }
    >
      <Paged
        label={t("key.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("key.empty")} />}
      />
      {making && (
        <NewKey
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            setSecret(key);
            void client.invalidateQueries({ queryKey: ["keys"] });
          }}
        />
      )}
      {secret && (
        <ShownOnce
          title={t("key.once")}
          hint={t("key.once.hint")}
          label={t("key.once")}
          secrets={[secret]}
          onClose={() => setSecret(undefined)}
        />
      )}
    </Block>
  );
}

function useColumns(): Column<ApiKeyView>[] {
  const { t } = useTranslation();
  const projectName = useProjectName();
  const { act, ask } = useAct(
    ({ id }: ApiKeyView) =>
      unwrap(api.DELETE("/api/v1/me/api-keys/{key}", { params: { path: { key: id } } })),
    ({ name }) => t("key.revoked", { name }),
    ["keys"],
  );
  return [
    { key: "name", title: t("key.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    {
      key: "scopes",
      title: t("key.scopes"),
      render: ({ scopes }) => (scopes ? <Permissions names={scopes} /> : t("key.scopes.all")),
    },
    {
      key: "where",
      title: t("key.where"),
      render: ({ project_id, networks }) => (
        <span className="stack">
          <span>{project_id ? projectName(project_id) : t("key.where.all")}</span>
          {networks.length > 0 && <code>{networks.join(", ")}</code>}
        </span>
      ),
    },
    {
      key: "expires",
      title: t("key.expires"),
      render: ({ expires_at }) =>
        expires_at ? <time dateTime={expires_at}>{time(expires_at)}</time> : t("never"),
    },
    {
      key: "used",
      title: t("key.used"),
      render: ({ used_at, used_from }) =>
        used_at ? (
          <span className="stack">
            <Ago at={used_at} />
            {used_from && <code>{used_from}</code>}
          </span>
        ) : (
          t("never")
        ),
    },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (key) => (
        <Button
          type="text"
          size="small"
          aria-label={t("key.revoke.of", { name: key.name })}
          icon={<Trash2 size={15} aria-hidden />}
          loading={act.isPending && act.variables.id === key.id}
          onClick={() =>
            ask(key, {
              title: t("key.revoke.ask", { name: key.name }),
              hint: t("key.revoke.hint"),
              ok: t("key.revoke"),
            })
          }
        />
      ),
    },
  ];
}
