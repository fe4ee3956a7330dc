import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Form, Input, Modal } from "antd";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { accountCredentials, accountKeys } from "../../api/programs";
import type { AccountCredentialView, ApiKeyView, ServiceAccountView } from "../../api/types";
import { time } from "../../format";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { FormDialog } from "../../parts/form-dialog";
import { ShownOnce } from "../../parts/once";
import { Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";

type Kind = "key" | "secret";
const CHANGED = ["account-keys", "account-credentials"];

/** With what a machine comes in: API keys, and secrets for access tokens. */
export function AccountSecrets({ account, onClose }: { account: ServiceAccountView; onClose: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const keys = useInfiniteQuery(accountKeys(account.id));
  const secrets = useInfiniteQuery(accountCredentials(account.id));
  const [making, setMaking] = useState<Kind>();
  const [shown, setShown] = useState<string[]>();
  const keyColumns = useKeyColumns(account);
  const secretColumns = useSecretColumns(account);
  const title = t("account.secrets.of", { name: account.name });
  return (
    <Modal open={!shown} title={title} width={680} footer={null} onCancel={onClose}>
      <div className="once">
        {may("account_key.create") && (
          <div className="page-actions">
            <Button icon={<Plus size={15} aria-hidden />} onClick={() => setMaking("secret")}>
              {t("account.secret.create")}
            </Button>
            <Button icon={<Plus size={15} aria-hidden />} onClick={() => setMaking("key")}>
              {t("key.create")}
            </Button>
          </div>
        )}
        <h3>{t("account.secrets")}</h3>
        <p className="muted">{t("account.secrets.hint")}</p>
        <Paged
          label={t("account.secrets")}
          list={secrets}
          columns={secretColumns}
          empty={<Nothing title={t("account.secrets.empty")} />}
        />
        <h3>{t("key.title")}</h3>
        <Paged
          label={t("key.title")}
          list={keys}
          columns={keyColumns}
          empty={<Nothing title={t("key.empty")} />}
        />
      </div>
      {making && (
        <NewSecret
          account={account}
          kind={making}
          onClose={() => setMaking(undefined)}
          onMade={(lines) => {
            setMaking(undefined);
            setShown(lines);
            for (const key of CHANGED) void client.invalidateQueries({ queryKey: [key] });
          }}
        />
      )}
      {shown && (
        <ShownOnce
          title={t("account.once")}
          hint={t("account.once.hint")}
          label={t("account.once")}
          secrets={shown}
          onClose={() => setShown(undefined)}
        />
      )}
    </Modal>
  );
}

interface NewProps {
  account: ServiceAccountView;
  kind: Kind;
  onClose: () => void;
  onMade: (lines: string[]) => void;
}

function NewSecret({ account, kind, onClose, onMade }: NewProps) {
  const { t } = useTranslation();
  const send = async ({ name }: { name: string }, key: string): Promise<string[]> => {
    const params = { path: { account: account.id }, header: { "Idempotency-Key": key } };
    if (kind === "key") {
      const body = { name, networks: [] };
      const made = await unwrap(api.POST("/api/v1/service-accounts/{account}/api-keys", { params, body }));
      return [made.key];
    }
    const body = { name };
    const made = await unwrap(api.POST("/api/v1/service-accounts/{account}/credentials", { params, body }));
    return [`client_id ${made.client_id}`, `client_secret ${made.client_secret ?? ""}`];
  };
  const title = t(kind === "key" ? "key.create" : "account.secret.create");
  return (
    <FormDialog<{ name: string }, string[]>
      title={title}
      ok={title}
      send={send}
      onDone={onMade}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("key.name")} extra={t("key.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" maxLength={100} />
      </Form.Item>
    </FormDialog>
  );
}

interface Row {
  id: string;
  name: string;
  expires_at?: string | null;
}

function useShared<T extends Row>(remove: (row: T) => Promise<unknown>): Column<T>[] {
  const { t } = useTranslation();
  const may = useMay();
  const { act, ask } = useAct(remove, ({ name }) => t("key.revoked", { name }), CHANGED);
  return [
    { key: "name", title: t("key.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    {
      key: "expires",
      title: t("key.expires"),
      render: ({ expires_at }) =>
        expires_at ? <time dateTime={expires_at}>{time(expires_at)}</time> : t("never"),
    },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (row) =>
        may("account_key.delete") && (
          <Button
            type="text"
            size="small"
            aria-label={t("key.revoke.of", { name: row.name })}
            icon={<Trash2 size={15} aria-hidden />}
            loading={act.isPending && act.variables.id === row.id}
            onClick={() =>
              ask(row, {
                title: t("key.revoke.ask", { name: row.name }),
                hint: t("key.revoke.hint"),
                ok: t("key.revoke"),
              })
            }
          />
        ),
    },
  ];
}

function useKeyColumns(account: ServiceAccountView) {
  return useShared<ApiKeyView>(({ id }) =>
    unwrap(
      api.DELETE("/api/v1/service-accounts/{account}/api-keys/{key}", {
        params: { path: { account: account.id, key: id } },
      }),
    ),
  );
}

function useSecretColumns(account: ServiceAccountView) {
  return useShared<AccountCredentialView>(({ id }) =>
    unwrap(
      api.DELETE("/api/v1/service-accounts/{account}/credentials/{credential}", {
        params: { path: { account: account.id, credential: id } },
      }),
    ),
  );
}
