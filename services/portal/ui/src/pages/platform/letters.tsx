/** Events that a part of the platform could not apply: to have them applied again, or to give them up. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { deadLetters } from "../../api/access";
import { api, unwrap } from "../../api/client";
import type { DeadLetterView } from "../../api/types";
import { reference } from "../../format";
import { known } from "../../i18n";
import { useAct } from "../../parts/act";
import { FormDialog } from "../../parts/form-dialog";
import { Ago, Nothing, PageHead } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { Dot } from "../../parts/status";

export function DeadLetters() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [consumer, setConsumer] = useState("");
  const [dropping, setDropping] = useState<DeadLetterView>();
  const list = useInfiniteQuery(deadLetters(consumer));
  const dropped = () => {
    setDropping(undefined);
    void message.success(t("letters.drop.done"));
    void client.invalidateQueries({ queryKey: ["letters"] });
  };
  const columns = [...useColumns(), useActions(setDropping)];
  return (
    <>
      <PageHead title={t("letters.title")}>
        <Input.Search
          allowClear
          aria-label={t("letters.consumer.find")}
          placeholder={t("letters.consumer.find")}
          onSearch={(text) => setConsumer(text.trim())}
        />
      </PageHead>
      <p className="muted dialog-lead">{t("letters.why")}</p>
      <Paged
        label={t("letters.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("letters.empty")} />}
      />
      {dropping && <Drop letter={dropping} onClose={() => setDropping(undefined)} onDone={dropped} />}
    </>
  );
}

function useColumns(): Column<DeadLetterView>[] {
  const { t } = useTranslation();
  return [
    {
      key: "kind",
      title: t("letters.kind"),
      card: "title",
      render: ({ kind, subject }) => (
        <>
          <strong>{kind}</strong>
          <div>
            <code title={subject}>{reference(subject)}</code>
          </div>
        </>
      ),
    },
    {
      key: "state",
      title: t("letters.state"),
      card: "corner",
      render: ({ state }) => (
        <Dot tone={state === "replaying" ? "unknown" : "bad"}>{known("letters.state", state)}</Dot>
      ),
    },
    { key: "consumer", title: t("letters.consumer"), render: ({ consumer }) => consumer },
    { key: "cause", title: t("letters.cause"), render: ({ cause }) => cause },
    { key: "attempts", title: t("letters.attempts"), align: "end", render: ({ attempts }) => attempts },
    {
      key: "tenant",
      title: t("letters.tenant"),
      render: ({ tenant_id }) => <code title={tenant_id}>{reference(`tenant:${tenant_id}`)}</code>,
    },
    { key: "died", title: t("letters.died"), render: ({ died_at }) => <Ago at={died_at} /> },
  ];
}

const send = ({ id }: DeadLetterView) =>
  unwrap(api.POST("/api/v1/system/dead-letters/{letter}:replay", { params: { path: { letter: id } } }));

function useActions(onDrop: (letter: DeadLetterView) => void): Column<DeadLetterView> {
  const { t } = useTranslation();
  const { act, ask } = useAct(send, () => t("letters.replay.done"), ["letters"]);
  return {
    key: "actions",
    title: "",
    card: "control",
    align: "end",
    render: (letter) => (
      <>
        <Button
          type="link"
          size="small"
          disabled={letter.state === "replaying"}
          loading={act.isPending && act.variables.id === letter.id}
          onClick={() =>
            ask(letter, {
              title: t("letters.replay.ask"),
              hint: t("letters.replay.hint", { consumer: letter.consumer }),
              ok: t("letters.replay"),
              danger: false,
            })
          }
        >
          {t("letters.replay")}
        </Button>
        <Button type="link" size="small" danger onClick={() => onDrop(letter)}>
          {t("letters.drop")}
        </Button>
      </>
    ),
  };
}

interface DropProps {
  letter: DeadLetterView;
  onClose: () => void;
  onDone: () => void;
}

function Drop({ letter, onClose, onDone }: DropProps) {
  const { t } = useTranslation();
  const give = (fields: { reason: string }, key: string) =>
    unwrap(
      api.POST("/api/v1/system/dead-letters/{letter}:drop", {
        body: fields,
        params: { path: { letter: letter.id }, header: { "Idempotency-Key": key } },
      }),
    );
  return (
    <FormDialog<{ reason: string }, DeadLetterView>
      title={t("letters.drop.ask")}
      ok={t("letters.drop")}
      danger
      send={give}
      onDone={onDone}
      onClose={onClose}
    >
      <p className="muted dialog-lead">{t("letters.drop.hint", { consumer: letter.consumer })}</p>
      <Form.Item
        name="reason"
        label={t("letters.drop.reason")}
        extra={t("letters.drop.reason.hint")}
        rules={[{ required: true, min: 3, max: 500 }]}
      >
        <Input autoFocus autoComplete="off" />
      </Form.Item>
    </FormDialog>
  );
}
