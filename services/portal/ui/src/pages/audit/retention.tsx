/** How long the log keeps what its entries tell, and what is kept whatever that says. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, InputNumber } from "antd";
import { Lock } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { holds, retention } from "../../api/retention";
import type { AuditHoldView, AuditRetentionView } from "../../api/types";
import { number, time } from "../../format";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { FormDialog } from "../../parts/form-dialog";
import { Nothing, Panel, Waiting } from "../../parts/page";
import { ProblemAlert, showOnFields } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { AuditHead } from "./head";

export function Retention() {
  const { t } = useTranslation();
  const read = useQuery(retention());
  return (
    <>
      <AuditHead />
      <Panel title={t("retention.title")}>
        {read.error && <ProblemAlert error={read.error} onRetry={() => void read.refetch()} />}
        {read.isPending && <Waiting />}
        {read.data && <Days key={read.data.etag} view={read.data.value} etag={read.data.etag ?? "*"} />}
      </Panel>
      <Holds />
    </>
  );
}

function Days({ view, etag }: { view: AuditRetentionView; etag: string }) {
  const { t } = useTranslation();
  const may = useMay()("audit_retention.modify");
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ days: number }>();
  const [shown, setShown] = useState<Set<string>>();
  const save = useMutation({
    mutationFn: (body: { days: number }) =>
      unwrap(api.PUT("/api/v1/audit/retention", { body, params: { header: { "If-Match": etag } } })),
    onSuccess: async () => {
      void message.success(t("retention.saved"));
      await client.invalidateQueries({ queryKey: ["retention"] });
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Form
      form={form}
      layout="vertical"
      requiredMark={false}
      initialValues={{ days: view.days }}
      disabled={!may}
      onFinish={(fields) => save.mutate(fields)}
    >
      {view.holds > 0 && (
        <Alert type="info" showIcon title={t("retention.held", { number: number(view.holds) })} />
      )}
      <Form.Item
        name="days"
        label={t("retention.days")}
        extra={t("retention.days.hint")}
        rules={[{ required: true }]}
      >
        <InputNumber min={view.least_days} max={36_500} precision={0} suffix={t("retention.days.unit")} />
      </Form.Item>
      {save.error && <ProblemAlert error={save.error} shown={shown} />}
      {may && (
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("retention.save")}
        </Button>
      )}
    </Form>
  );
}

function Holds() {
  const { t } = useTranslation();
  const list = useInfiniteQuery(holds());
  const may = useMay();
  const columns = useColumns(may("audit_hold.lift"));
  const client = useQueryClient();
  const { message } = App.useApp();
  const [making, setMaking] = useState(false);
  const rows = list.data?.pages.flatMap(({ items }) => items);
  return (
    <Block title={t("retention.holds")} hint={t("retention.holds.hint")}>
      {may("audit_hold.create") && (
        <div className="page-actions">
          <Button icon={<Lock size={14} aria-hidden />} onClick={() => setMaking(true)}>
            {t("retention.hold.new")}
          </Button>
        </div>
      )}
      {list.error ? (
        <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Records
          label={t("retention.holds")}
          rows={rows}
          columns={columns}
          rowKey={({ id }) => id}
          empty={<Nothing title={t("retention.holds.none")} />}
        />
      )}
      {list.hasNextPage && (
        <div className="more">
          <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t("vm.load_more")}
          </Button>
        </div>
      )}
      {making && (
        <FormDialog<{ name: string; reason: string }, AuditHoldView>
          title={t("retention.hold.new")}
          ok={t("retention.hold.new")}
          send={(body, key) =>
            unwrap(api.POST("/api/v1/audit/holds", { body, params: { header: { "Idempotency-Key": key } } }))
          }
          onDone={() => {
            setMaking(false);
            void message.success(t("retention.hold.set"));
            void client.invalidateQueries({ queryKey: ["retention"] });
          }}
          onClose={() => setMaking(false)}
        >
          <Form.Item name="name" label={t("retention.hold.name")} rules={[{ required: true }]}>
            <Input maxLength={100} />
          </Form.Item>
          <Form.Item name="reason" label={t("retention.hold.reason")} rules={[{ required: true }]}>
            <Input.TextArea maxLength={1000} autoSize={{ minRows: 2, maxRows: 6 }} />
          </Form.Item>
        </FormDialog>
      )}
    </Block>
  );
}

function useColumns(mayLift: boolean): Column<AuditHoldView>[] {
  const { t } = useTranslation();
  const { ask } = useAct(
    ({ id }: AuditHoldView) =>
      unwrap(api.POST("/api/v1/audit/holds/{hold}:lift", { params: { path: { hold: id } } })),
    ({ name }) => t("retention.hold.lifted", { name }),
    ["retention"],
  );
  return [
    {
      key: "name",
      title: t("retention.hold.name"),
      card: "title",
      render: ({ name }) => <strong className="wrap">{name}</strong>,
    },
    {
      key: "reason",
      title: t("retention.hold.reason"),
      render: ({ reason }) => <span className="wrap">{reason}</span>,
    },
    {
      key: "since",
      title: t("retention.hold.since"),
      render: ({ created_at }) => <time dateTime={created_at}>{time(created_at)}</time>,
    },
    {
      key: "until",
      title: t("retention.hold.until"),
      render: ({ lifted_at }) =>
        lifted_at ? <time dateTime={lifted_at}>{time(lifted_at)}</time> : t("retention.hold.on"),
    },
    {
      key: "lift",
      title: "",
      card: "control",
      render: (hold) =>
        mayLift &&
        !hold.lifted_at && (
          <Button
            size="small"
            aria-label={`${t("retention.hold.lift")} (${hold.name})`}
            onClick={() =>
              ask(hold, {
                title: t("retention.hold.lift.title", { name: hold.name }),
                hint: t("retention.hold.lift.hint"),
                ok: t("retention.hold.lift"),
              })
            }
          >
            {t("retention.hold.lift")}
          </Button>
        ),
    },
  ];
}
