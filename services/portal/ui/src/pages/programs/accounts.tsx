import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Form, Input, Tag } from "antd";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { accountPages } from "../../api/programs";
import type { ServiceAccountView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { FormDialog } from "../../parts/form-dialog";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { AccountSecrets } from "./account-secrets";

/** Machines with rights and secrets of their own. */
export function Accounts() {
  const { t } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const list = useInfiniteQuery(accountPages());
  const [making, setMaking] = useState(false);
  const [opened, setOpened] = useState<ServiceAccountView>();
  const columns = useColumns(setOpened);
  return (
    <Block
      title={t("account.title")}
      hint={t("account.hint")}
      actions={
        may("service_account.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>
            {t("account.create")}
          </Button>
        )
      }
    >
      <Paged
        label={t("account.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("account.empty")} />}
      />
      {making && (
        <NewAccount
          onClose={() => setMaking(false)}
          onMade={() => {
            setMaking(false);
            void client.invalidateQueries({ queryKey: ["accounts"] });
          }}
        />
      )}
      {opened && <AccountSecrets account={opened} onClose={() => setOpened(undefined)} />}
    </Block>
  );
}

interface Fields {
  name: string;
  description?: string;
}

function NewAccount({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const { t } = useTranslation();
  const send = ({ name, description }: Fields, key: string) => {
    const body = { name, description: description ?? "" };
    const header = { "Idempotency-Key": key };
    return unwrap(api.POST("/api/v1/service-accounts", { body, params: { header } }));
  };
  return (
    <FormDialog<Fields, ServiceAccountView>
      title={t("account.create")}
      ok={t("account.create")}
      send={send}
      onDone={onMade}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("key.name")} extra={t("role.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
      </Form.Item>
      <Form.Item name="description" label={`${t("role.description")} (${t("auth.optional")})`}>
        <Input autoComplete="off" maxLength={1000} />
      </Form.Item>
    </FormDialog>
  );
}

function useColumns(open: (account: ServiceAccountView) => void): Column<ServiceAccountView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const { act, ask } = useAct(
    ({ id, generation }: ServiceAccountView) =>
      unwrap(
        api.DELETE("/api/v1/service-accounts/{account}", {
          params: { path: { account: id }, header: { "If-Match": `"${generation}"` } },
        }),
      ),
    ({ name }) => t("programs.deleted", { name }),
    ["accounts"],
  );
  return [
    {
      key: "name",
      title: t("key.name"),
      card: "title",
      render: ({ name, description, enabled }) => (
        <span className="stack">
          <span>
            <strong>{name}</strong> {!enabled && <Tag>{t("people.disabled")}</Tag>}
          </span>
          {description && <span className="muted">{description}</span>}
        </span>
      ),
    },
    { key: "since", title: t("people.since"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 96,
      align: "end",
      render: (account) => (
        <span className="row-tools">
          {may("account_key.list") && (
            <Button
              type="text"
              size="small"
              aria-label={t("account.secrets.of", { name: account.name })}
              icon={<KeyRound size={15} aria-hidden />}
              onClick={() => open(account)}
            />
          )}
          {may("service_account.delete") && (
            <Button
              type="text"
              size="small"
              aria-label={t("programs.delete.of", { name: account.name })}
              icon={<Trash2 size={15} aria-hidden />}
              loading={act.isPending && act.variables.id === account.id}
              onClick={() =>
                ask(account, {
                  title: t("programs.delete.ask", { name: account.name }),
                  hint: t("account.delete.hint"),
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
