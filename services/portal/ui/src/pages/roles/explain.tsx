import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Form, Select, Tag } from "antd";
import { Ban, CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { explanation, roles } from "../../api/identity";
import type { Explain as Question, Explanation, Ground } from "../../api/types";
import { actionsOf, inOrder, questionOf, reasonOf, type ExplainSearch } from "../../explain";
import { reference } from "../../format";
import { known } from "../../i18n";
import { useMay } from "../../may";
import { ProjectSelect, SubjectSelect, useSubjects } from "../../parts/choices";
import { Conditions } from "../../parts/conditions";
import { Nothing, Panel, Waiting } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { useProjectName } from "../../project";
import { RolesHead } from "../roles";

/** Whether somebody may do something, and why: asked as soon as enough is chosen, and kept in the address. */
export function Explain() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/inside/roles/explain" });
  const question = questionOf(search, useSubjects());
  return (
    <>
      <RolesHead />
      <p className="muted">{t("explain.sub")}</p>
      <Chosen search={search} />
      {question ? <Answer question={question} /> : <Nothing title={t("explain.start")} />}
    </>
  );
}

function Chosen({ search }: { search: ExplainSearch }) {
  const { t } = useTranslation();
  const may = useMay();
  const navigate = useNavigate({ from: "/roles/explain" });
  const { data } = useQuery(roles());
  const set = (change: ExplainSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <Form layout="vertical" className="explain-form" role="search">
      {may("role_binding.list") && (
        <Form.Item label={t("explain.who")} htmlFor="explain-who">
          <SubjectSelect
            id="explain-who"
            allowClear
            placeholder={t("explain.who.self")}
            {...(search.who ? { value: search.who } : {})}
            onChange={(who) => set({ who })}
          />
        </Form.Item>
      )}
      <Form.Item label={t("explain.permission")} htmlFor="explain-permission">
        <Select
          id="explain-permission"
          showSearch
          allowClear
          placeholder={t("explain.permission.choose")}
          options={actionsOf(data?.items ?? []).map((value) => ({ value, label: value }))}
          {...(search.permission ? { value: search.permission } : {})}
          onChange={(permission: string | undefined) => set({ permission })}
        />
      </Form.Item>
      <Form.Item label={t("explain.where")} htmlFor="explain-where">
        <ProjectSelect
          id="explain-where"
          {...(search.project ? { value: search.project } : {})}
          onChange={(project) => set({ project })}
        />
      </Form.Item>
    </Form>
  );
}

function Answer({ question }: { question: Question }) {
  const { t } = useTranslation();
  const { data, error, isPending, refetch } = useQuery(explanation(question));
  return (
    <Panel title={t("explain.result")}>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {isPending && <Waiting />}
      {data && <Told answer={data} question={question} />}
    </Panel>
  );
}

function Told({ answer, question }: { answer: Explanation; question: Question }) {
  const { t } = useTranslation();
  const subjects = useSubjects();
  const { allowed, permission, guarded, roles: would } = answer;
  const who = subjects.find(({ id }) => id === question.principal?.id)?.name ?? t("explain.who.self");
  const reason = reasonOf(answer);
  const Icon = allowed ? CircleCheck : Ban;
  return (
    <div className="explained" aria-live="polite">
      <div className={`verdict ${allowed ? "verdict-good" : "verdict-bad"}`}>
        <p>
          <Icon size={16} aria-hidden />
          {t(allowed ? "explain.may" : "explain.may_not", { who, permission })}
        </p>
        <p>{reason ? t(reason) : answer.detail}</p>
        {guarded && <p className="muted">{t("explain.guarded")}</p>}
      </div>
      {answer.bindings.length > 0 && <Grounds grounds={inOrder(answer.bindings)} />}
      {!allowed && would.length > 0 && (
        <div>
          <h3>{t("explain.roles")}</h3>
          <ul className="explain-roles">
            {would.map((role) => (
              <li key={role}>
                <Tag>{known("role", role)}</Tag>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Grounds({ grounds }: { grounds: Ground[] }) {
  const { t } = useTranslation();
  const subjects = useSubjects();
  const projectName = useProjectName();
  const by = ({ binding: { subject } }: Ground) => {
    if (subject.kind !== "group") return t("explain.by.self");
    const name = subjects.find(({ id }) => id === subject.id)?.name ?? reference(`group:${subject.id}`);
    return (
      <Link to="/roles/bindings" search={{ subject: subject.id }}>
        {t("explain.by.group", { name })}
      </Link>
    );
  };
  const columns: Column<Ground>[] = [
    {
      key: "role",
      title: t("invite.role"),
      card: "title",
      render: ({ binding }) => <strong>{known("role", binding.role)}</strong>,
    },
    {
      key: "part",
      title: t("explain.part"),
      render: ({ part }) => (
        <Tag color={part === "counts" ? "success" : "default"}>{known("explain.part", part)}</Tag>
      ),
    },
    { key: "by", title: t("explain.by"), render: by },
    {
      key: "where",
      title: t("role.where"),
      render: ({ binding }) => (binding.project_id ? projectName(binding.project_id) : t("role.where.all")),
    },
    {
      key: "condition",
      title: t("binding.condition"),
      render: ({ binding }) => <Conditions condition={binding.condition} />,
    },
  ];
  return (
    <div>
      <h3>{t("explain.grounds")}</h3>
      <Records
        label={t("explain.grounds")}
        rows={grounds}
        columns={columns}
        rowKey={({ binding }) => binding.id}
        empty={null}
      />
    </div>
  );
}
