import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button } from "antd";
import { Plus, ShieldQuestion, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { bindings, type BindingFilter } from "../../api/identity";
import type { RoleBindingView } from "../../api/types";
import { reference } from "../../format";
import { known } from "../../i18n";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { ProjectSelect, RoleSelect, SubjectSelect, useSubjects } from "../../parts/choices";
import { Conditions } from "../../parts/conditions";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { useProjectName } from "../../project";
import { RolesHead } from "../roles";
import { Bind } from "./bind";

/** Who carries which role, where and when. */
export function Bindings() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();
  const filter = useSearch({ from: "/inside/roles/bindings" });
  const list = useInfiniteQuery(bindings(filter));
  const [making, setMaking] = useState(false);
  const columns = useColumns();
  return (
    <>
      <RolesHead>
        {may("role_binding.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>
            {t("binding.create")}
          </Button>
        )}
      </RolesHead>
      <Filters filter={filter} />
      <Paged
        label={t("roles.bindings")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("binding.empty")} />}
      />
      {making && (
        <Bind
          filter={filter}
          onClose={() => setMaking(false)}
          onDone={() => {
            setMaking(false);
            void message.success(t("binding.created"));
            for (const key of ["bindings", "users"]) void client.invalidateQueries({ queryKey: [key] });
          }}
        />
      )}
    </>
  );
}

function Filters({ filter }: { filter: BindingFilter }) {
  const { t } = useTranslation();
  const navigate = useNavigate({ from: "/roles/bindings" });
  const set = (change: BindingFilter) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <div className="filters" role="search">
      <SubjectSelect
        allowClear
        className="filter-wide"
        aria-label={t("binding.subject")}
        placeholder={t("binding.filter.subject")}
        {...(filter.subject ? { value: filter.subject } : {})}
        onChange={(subject) => set({ subject })}
      />
      <RoleSelect
        allowClear
        className="filter-wide"
        aria-label={t("invite.role")}
        placeholder={t("binding.filter.role")}
        {...(filter.role ? { value: filter.role } : {})}
        onChange={(role) => set({ role })}
      />
      <ProjectSelect
        className="filter-wide"
        aria-label={t("nav.project")}
        placeholder={t("binding.filter.project")}
        {...(filter.project ? { value: filter.project } : {})}
        onChange={(project) => set({ project })}
      />
    </div>
  );
}

function useColumns(): Column<RoleBindingView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const subjects = useSubjects();
  const projectName = useProjectName();
  const nameOf = ({ kind, id }: RoleBindingView["subject"]) =>
    subjects.find((subject) => subject.id === id)?.name ?? reference(`${kind}:${id}`);
  const { act, ask } = useAct(
    ({ id }: RoleBindingView) =>
      unwrap(api.DELETE("/api/v1/role-bindings/{binding}", { params: { path: { binding: id } } })),
    () => t("binding.revoked"),
    ["bindings", "users"],
  );
  return [
    {
      key: "subject",
      title: t("binding.subject"),
      card: "title",
      render: ({ subject }) => <strong>{nameOf(subject)}</strong>,
    },
    { key: "kind", title: t("binding.kind"), render: ({ subject }) => known("subject", subject.kind) },
    { key: "role", title: t("invite.role"), render: ({ role }) => known("role", role) },
    {
      key: "where",
      title: t("role.where"),
      render: ({ project_id }) => (project_id ? projectName(project_id) : t("role.where.all")),
    },
    {
      key: "condition",
      title: t("binding.condition"),
      render: ({ condition }) => <Conditions condition={condition} />,
    },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 84,
      align: "end",
      render: (binding) => (
        <span className="row-tools">
          <Link
            to="/roles/explain"
            search={{
              who: binding.subject.id,
              ...(binding.project_id ? { project: binding.project_id } : {}),
            }}
            className="row-link"
            aria-label={t("explain.of.name", { name: nameOf(binding.subject) })}
          >
            <ShieldQuestion size={15} aria-hidden />
          </Link>
          {may("role_binding.delete") && (
            <Button
              type="text"
              size="small"
              aria-label={t("binding.revoke.of", {
                role: known("role", binding.role),
                name: nameOf(binding.subject),
              })}
              icon={<Trash2 size={15} aria-hidden />}
              loading={act.isPending && act.variables.id === binding.id}
              onClick={() =>
                ask(binding, {
                  title: t("binding.revoke.of", {
                    role: known("role", binding.role),
                    name: nameOf(binding.subject),
                  }),
                  hint: t("binding.revoke.hint"),
                  ok: t("binding.revoke"),
                })
              }
            />
          )}
        </span>
      ),
    },
  ];
}
