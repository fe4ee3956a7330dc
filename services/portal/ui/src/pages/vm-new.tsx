import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { App, Button, Form, Input, Radio, Select, Skeleton } from "antd";
import { CircleCheck, CircleDashed, CircleX, LoaderCircle } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { useIdempotencyKey } from "../api/idempotency";
import { Problem } from "../api/problem";
import { flavors, images, quotas } from "../api/queries";
import type { CreateVm, FlavorView } from "../api/types";
import { useDebounced } from "../debounced";
import { known } from "../i18n";
import type { Project } from "../project";
import { InProject } from "../parts/in-project";
import { Nothing, PageHead, Panel } from "../parts/page";
import { ProblemAlert, problemTitle, showOnFields } from "../parts/problem";
import { Quotas } from "../parts/quota";
import { Size } from "../parts/size";
import { parseLabels, takes } from "../vm";

export function VmNew() {
  return <InProject>{(project) => <VmForm key={project.id} project={project} />}</InProject>;
}

interface Fields {
  name?: string;
  flavor?: string;
  image?: string;
  labels?: string;
  policy?: "" | "spread" | "pack";
  group?: string;
}

/** The body, once everything that must be there is. */
function bodyOf({ name, flavor, image, labels, policy, group }: Fields): CreateVm | undefined {
  const parsed = parseLabels(labels ?? "");
  if (!name || !flavor || !image || !parsed) return undefined;
  return {
    name,
    flavor,
    image,
    ...(Object.keys(parsed).length > 0 ? { labels: parsed } : {}),
    ...(policy || group ? { placement: { ...(policy ? { policy } : {}), ...(group ? { group } : {}) } } : {}),
  };
}

function VmForm({ project }: { project: Project }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const fields = Form.useWatch([], form) as Fields | undefined;
  const [shown, setShown] = useState<Set<string>>();
  const keyFor = useIdempotencyKey();

  const flavorList = useQuery(flavors());
  const imageList = useQuery(images());
  const quotaList = useQuery(quotas());
  const flavor = flavorList.data?.items.find(({ name }) => name === fields?.flavor);
  const body = useDebounced(fields ? JSON.stringify(bodyOf(fields)) : undefined, 400);
  const check = useCheck(project, body);

  const create = useMutation({
    mutationFn: (body: CreateVm) =>
      unwrap(
        api.POST("/api/v1/projects/{project}/vms", {
          params: { path: { project: project.id }, header: { "Idempotency-Key": keyFor(body) } },
          body,
        }),
      ),
    onSuccess: (vm) => {
      void message.success(t("vm.asked.create", { name: vm.name }));
      void client.invalidateQueries({ queryKey: ["vms"] });
      void client.invalidateQueries({ queryKey: ["quotas"] });
      void navigate({ to: "/projects/$project/vms/$vm", params: { project: project.name, vm: vm.id } });
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });

  const failed = flavorList.error ?? imageList.error;
  return (
    <>
      <PageHead
        title={t("vm.create.title")}
        above={
          <Link to="/projects/$project/vms" params={{ project: project.name }}>
            {project.name} / {t("vm.list")}
          </Link>
        }
      />
      {failed && <ProblemAlert error={failed} onRetry={() => void client.invalidateQueries()} />}
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        scrollToFirstError={{ focus: true }}
        className="split"
        onValuesChange={() => create.reset()}
        onFinish={(values) => {
          const body = bodyOf(values);
          if (body) create.mutate(body);
        }}
      >
        <div className="panel pad">
          <Form.Item name="name" label={t("vm.name")} extra={t("vm.name.hint")} rules={[{ required: true }]}>
            <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
          </Form.Item>
          <Form.Item name="flavor" label={t("vm.flavor")} rules={[{ required: true }]}>
            <FlavorChoice flavors={flavorList.data?.items} />
          </Form.Item>
          <Form.Item name="image" label={t("vm.image")} rules={[{ required: true }]}>
            <Select
              loading={imageList.isLoading}
              placeholder={imageList.data?.items.length === 0 ? t("image.empty") : undefined}
              showSearch={{ optionFilterProp: "title" }}
              options={(imageList.data?.items ?? []).map(({ name, kind }) => ({
                value: name,
                title: name,
                label: (
                  <span className="choice">
                    {name}
                    <span className="muted">{known("image.kind", kind)}</span>
                  </span>
                ),
              }))}
            />
          </Form.Item>
          <details className="fold-away">
            <summary>{t("vm.more")}</summary>
            <Form.Item
              name="labels"
              label={t("vm.labels")}
              extra={t("vm.labels.hint")}
              rules={[
                {
                  validator: (_, text?: string) =>
                    parseLabels(text ?? "")
                      ? Promise.resolve()
                      : Promise.reject(new Error(t("vm.labels.bad"))),
                },
              ]}
            >
              <Input autoComplete="off" spellCheck={false} />
            </Form.Item>
            <Form.Item name="policy" label={t("vm.placement.policy")} initialValue="">
              <Select
                options={(["pool", "spread", "pack"] as const).map((policy) => ({
                  value: policy === "pool" ? "" : policy,
                  label: t(`vm.placement.policy.${policy}`),
                }))}
              />
            </Form.Item>
            <Form.Item name="group" label={t("vm.placement.group")} extra={t("vm.placement.group.hint")}>
              <Input autoComplete="off" spellCheck={false} maxLength={63} />
            </Form.Item>
          </details>
        </div>
        <div className="split-side">
          <Panel title={t("quota.takes")}>
            {quotaList.data ? (
              <Quotas className="quotas-stacked" takes={takes(flavor, quotaList.data.items)} />
            ) : quotaList.error ? (
              <ProblemAlert error={quotaList.error} />
            ) : (
              <Skeleton active title={false} paragraph={{ rows: 4 }} />
            )}
          </Panel>
          <Panel title={t("check.title")}>
            {create.error ? (
              <ProblemAlert error={create.error} title={t("vm.refused")} shown={shown} />
            ) : (
              <Verdict check={check} />
            )}
            <Button type="primary" htmlType="submit" block size="large" loading={create.isPending}>
              {t("vm.create")}
            </Button>
          </Panel>
        </div>
      </Form>
    </>
  );
}

/** The server's own judgement of the form as it stands: a dry run, which changes nothing. */
function useCheck(project: Project, body: string | undefined) {
  return useQuery({
    queryKey: ["check", project.id, body],
    enabled: body !== undefined,
    retry: false,
    gcTime: 0,
    queryFn: ({ signal }) =>
      unwrap(
        api.POST("/api/v1/projects/{project}/vms", {
          params: { path: { project: project.id }, query: { dry_run: true } },
          body: JSON.parse(body ?? "{}") as CreateVm,
          signal,
        }),
      ),
  });
}

function Verdict({ check }: { check: ReturnType<typeof useCheck> }) {
  const { t } = useTranslation();
  const icon = { size: 16, "aria-hidden": true } as const;
  const problem = check.error ? Problem.from(check.error) : undefined;
  return (
    <div className="verdict" role="status">
      {check.isFetching ? (
        <p>
          <LoaderCircle {...icon} className="turning" /> {t("check.running")}
        </p>
      ) : problem ? (
        <div className="verdict-bad">
          <p>
            <CircleX {...icon} /> {t("check.bad")} {problemTitle(problem)}
          </p>
          {problem.detail && <p className="muted">{problem.detail}</p>}
          {problem.fields.map(({ pointer, detail }) => (
            <p key={pointer + detail} className="muted">
              <code>{pointer}</code> {detail}
            </p>
          ))}
        </div>
      ) : check.data ? (
        <div className="verdict-good">
          <p>
            <CircleCheck {...icon} /> {t("check.ok")}
          </p>
          {check.data.placement && <p className="muted">{check.data.placement.reason}</p>}
        </div>
      ) : (
        <p className="muted">
          <CircleDashed {...icon} /> {t("check.idle")}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  flavors: FlavorView[] | undefined;
  id?: string;
  value?: string;
  onChange?: (name: string) => void;
}

/** Sizes side by side: what is compared is seen together. */
function FlavorChoice({ flavors, id, value, onChange }: ChoiceProps) {
  const { t } = useTranslation();
  if (!flavors) return <Skeleton active title={false} paragraph={{ rows: 2 }} />;
  if (flavors.length === 0) return <Nothing title={t("flavor.empty")} />;
  return (
    <Radio.Group
      {...(id ? { id } : {})}
      className="flavors"
      aria-label={t("vm.flavor")}
      {...(value ? { value } : {})}
      onChange={(event) => onChange?.(event.target.value as string)}
    >
      {flavors.map((flavor) => (
        <Radio key={flavor.id} value={flavor.name} className="flavor">
          <strong>{flavor.name}</strong>
          <span>
            <Size of={flavor} />
          </span>
        </Radio>
      ))}
    </Radio.Group>
  );
}
