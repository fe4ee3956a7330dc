import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Tag } from "antd";
import { Fingerprint, KeyRound, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { factors } from "../../api/identity";
import { supported } from "../../api/passkeys";
import { Problem } from "../../api/problem";
import type { FactorView } from "../../api/types";
import { known } from "../../i18n";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { Ago, Nothing } from "../../parts/page";
import { ProblemAlert, problemTitle } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { ShownOnce } from "../../parts/once";
import { Dot } from "../../parts/status";
import { isWeaker, WEAKER, type Weaker } from "../../ways";
import { AddPasskey } from "./add-passkey";
import { AddSent } from "./add-sent";
import { Enrol } from "./enrol";
import { RenameFactor } from "./rename-factor";

const ADD = { sms: "sent.add.sms", email: "sent.add.email" } as const;
const WHY = { sms: "sent.why.sms", email: "sent.why.email" } as const;

/** What the caller has beside the password. */
export function Factors() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const list = useQuery(factors());
  const [adding, setAdding] = useState<"totp" | "passkey" | Weaker>();
  const [renaming, setRenaming] = useState<FactorView>();
  const [codes, setCodes] = useState<string[]>([]);
  const columns = useColumns(setRenaming);
  const close = () => {
    setAdding(undefined);
    setRenaming(undefined);
  };
  const reread = () => void client.invalidateQueries({ queryKey: ["factors"] });
  const confirmedWith = (fresh: string[]) => {
    close();
    setCodes(fresh);
    reread();
  };
  const confirmed = list.data?.items.some((factor) => factor.confirmed) ?? false;
  const left = list.data?.recovery_codes_left ?? 0;
  const offered = WEAKER.filter(
    (kind) =>
      list.data?.weaker_kinds.includes(kind) &&
      !list.data.items.some((factor) => factor.kind === kind && factor.confirmed),
  );

  return (
    <Block
      title={t("factor.title")}
      hint={confirmed ? t("factor.left", { left }) : t("factor.why")}
      actions={
        <>
          {confirmed && <Renew onCodes={setCodes} />}
          <Button icon={<Plus size={15} aria-hidden />} onClick={() => setAdding("totp")}>
            {t("factor.add")}
          </Button>
          {offered.map((kind) => (
            <Button key={kind} icon={<Plus size={15} aria-hidden />} onClick={() => setAdding(kind)}>
              {t(ADD[kind])}
            </Button>
          ))}
          {supported() && (
            <Button
              type="primary"
              icon={<Fingerprint size={15} aria-hidden />}
              onClick={() => setAdding("passkey")}
            >
              {t("factor.add_passkey")}
            </Button>
          )}
        </>
      }
    >
      {list.error ? (
        <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Records
          label={t("factor.title")}
          rows={list.data?.items}
          columns={columns}
          rowKey={({ id }) => id}
          empty={<Nothing title={t("factor.empty")} hint={t("factor.empty.hint")} />}
        />
      )}
      {adding === "totp" && <Enrol onClose={close} onConfirmed={confirmedWith} />}
      {isWeaker(adding) && <AddSent kind={adding} onClose={close} onConfirmed={confirmedWith} />}
      {adding === "passkey" && <AddPasskey onClose={close} onConfirmed={confirmedWith} />}
      {renaming && (
        <RenameFactor
          factor={renaming}
          onClose={close}
          onDone={() => {
            close();
            reread();
          }}
        />
      )}
      {codes.length > 0 && (
        <ShownOnce
          title={t("recovery.title")}
          hint={t("recovery.hint")}
          label={t("recovery.title")}
          secrets={codes}
          file="yunshu-recovery-codes.txt"
          onClose={() => setCodes([])}
        />
      )}
    </Block>
  );
}

function Renew({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { modal, message } = App.useApp();
  const renew = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/me/mfa/recovery-codes", {})),
    onSuccess: (answer) => {
      onCodes(answer.recovery_codes);
      void client.invalidateQueries({ queryKey: ["factors"] });
    },
    onError: (error) => void message.error(problemTitle(Problem.from(error)), 8),
  });
  return (
    <Button
      icon={<KeyRound size={14} aria-hidden />}
      loading={renew.isPending}
      onClick={() =>
        modal.confirm({
          title: t("recovery.renew.ask"),
          content: t("recovery.renew.hint"),
          okText: t("recovery.renew"),
          cancelText: t("vm.confirm.cancel"),
          focusable: { autoFocusButton: "cancel" },
          onOk: () => renew.mutate(),
        })
      }
    >
      {t("recovery.renew")}
    </Button>
  );
}

function useColumns(onRename: (factor: FactorView) => void): Column<FactorView>[] {
  const { t } = useTranslation();
  const { act, ask } = useAct(
    ({ id }: FactorView) =>
      unwrap(api.DELETE("/api/v1/me/mfa/{factor}", { params: { path: { factor: id } } })),
    ({ name }) => t("factor.removed", { name }),
    ["factors"],
  );
  return [
    { key: "name", title: t("factor.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    {
      key: "kind",
      title: t("factor.kind"),
      render: ({ kind, strength, sent_to }) => (
        <>
          {known("factor.kind", kind)}
          {sent_to && <span className="muted"> {sent_to}</span>}
          {strength === "weaker" && (
            <Tag title={isWeaker(kind) ? t(WHY[kind]) : undefined}>{t("factor.weaker")}</Tag>
          )}
        </>
      ),
    },
    {
      key: "state",
      title: t("factor.state"),
      card: "corner",
      render: ({ confirmed }) => (
        <Dot tone={confirmed ? "good" : "idle"}>
          {confirmed ? t("factor.state.on") : t("factor.state.waiting")}
        </Dot>
      ),
    },
    {
      key: "used",
      title: t("factor.used"),
      render: ({ used_at }) => (used_at ? <Ago at={used_at} /> : t("never")),
    },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 84,
      align: "end",
      render: (factor) => (
        <>
          <Button
            type="text"
            size="small"
            aria-label={t("factor.rename.of", { name: factor.name })}
            icon={<Pencil size={15} aria-hidden />}
            onClick={() => onRename(factor)}
          />
          <Button
            type="text"
            size="small"
            aria-label={t("factor.remove.of", { name: factor.name })}
            icon={<Trash2 size={15} aria-hidden />}
            loading={act.isPending && act.variables.id === factor.id}
            onClick={() =>
              ask(factor, {
                title: t("factor.remove.ask", { name: factor.name }),
                hint: t("factor.remove.hint"),
                ok: t("factor.remove"),
              })
            }
          />
        </>
      ),
    },
  ];
}
